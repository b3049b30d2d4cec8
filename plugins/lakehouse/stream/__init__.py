"""Ratings as they happen: from a Kafka topic into ``bronze.rating_events``, each message once.

The table itself says how far the topic has been read, so there is no checkpoint beside it that could be lost, or be of
another moment than the data. docs/adr/0016-the-table-is-the-checkpoint.md has the reasons.
"""

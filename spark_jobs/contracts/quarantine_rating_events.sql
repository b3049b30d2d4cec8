CREATE TABLE IF NOT EXISTS lake.quarantine.rating_events (
    key binary COMMENT 'key of the message, as received',
    value binary COMMENT 'value of the message, as received; null for a tombstone',
    headers array<struct<key:string,value:binary>> COMMENT 'headers of the message, as received; null where it has none',
    topic string COMMENT 'Kafka topic',
    partition int COMMENT 'partition of the topic',
    offset bigint COMMENT 'place in the partition',
    timestamp timestamp COMMENT 'time that Kafka keeps with the message, UTC',
    _topic_id string COMMENT 'identifier of the topic',
    _event_month date COMMENT 'first day of the UTC month of the rating; null where the message or its time cannot be read',
    reasons array<string> COMMENT 'every rule that the message breaks: tombstone, too_long, not_utf8, not_json, not_an_object, unknown_version, missing_field, unexpected_field, wrong_type, bad_key',
    _run_id string COMMENT 'Airflow run that judged the message',
    _first_seen_at timestamp COMMENT 'when it was taken in, UTC'
)
USING iceberg
PARTITIONED BY (_event_month)
COMMENT 'Messages that are no ratings by the schema of their version, with the reasons.'

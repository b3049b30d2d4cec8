"""What a run of ``movielens_stream`` does: move what there is, and say which months have work."""

from collections.abc import Callable
from typing import Any

from airflow.sdk.exceptions import AirflowFailException
from pyiceberg.catalog import load_catalog
from pyspark.sql import SparkSession

from lakehouse.reports import GateError
from lakehouse.stream.due import due_months
from lakehouse.stream.ingest import Ingest, LostMessagesError
from lakehouse.stream.topic import kafka_settings, topic_name

UNKNOWN = "unknown"
"""The key of the partition of the messages without a readable time."""


def ingest(spark: SparkSession, run_id: str, accepted_by: str | None, is_queued: Callable[[], bool]) -> list[str]:
    """Move what the topic has; the keys of the months (YYYY-MM, or UNKNOWN) to announce.

    These are all that are due, not only those of this run's messages: an earlier run may have died between the two.
    There are none when ``is_queued`` says that a run waits which will look for itself what is due.

    Raises:
        AirflowFailException: messages are lost, or a batch did not pass its gate; trying again would not help.
    """
    catalog = load_catalog("lake")
    try:
        Ingest(spark, catalog, kafka_settings(), topic_name(), run_id, accepted_by).all_there_is()
    except (LostMessagesError, GateError) as error:
        raise AirflowFailException(str(error)) from error
    return [] if is_queued() else keys_of(due_months(catalog))


def keys_of(months: set[Any]) -> list[str]:
    """How the partitions of the asset ``bronze.rating_events`` name months."""
    return sorted(f"{month:%Y-%m}" if month else UNKNOWN for month in months)

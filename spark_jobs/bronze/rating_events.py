"""Build ``bronze.rating_events``: the messages between two offsets of each partition of a topic, as received."""

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from spark_jobs.bronze.event_schema import read

COLUMNS = ("key", "value", "headers", "topic", "partition", "offset", "timestamp")
"""What Kafka says of a message; the rest is ours."""


def messages(spark: SparkSession, options: dict[str, str]) -> DataFrame:
    """Read the messages between ``startingOffsets`` and ``endingOffsets``, two of the options of Spark's Kafka source.

    Offsets that are gone from the topic fail the query.
    """
    reader = spark.read.format("kafka").options(**options, includeHeaders="true", failOnDataLoss="true")
    return reader.load().select(*COLUMNS)


def taken_in(messages: DataFrame, topic_id: str, run_id: str, started_at: object) -> DataFrame:
    """Add the month of the rating and who took the message in; ``_is_rejected`` says whether it breaks its schema."""
    return read(messages).select(
        *COLUMNS,
        F.lit(topic_id).alias("_topic_id"),
        F.col("_month").alias("_event_month"),
        F.lit(run_id).alias("_run_id"),
        F.lit(started_at).alias("_ingested_at"),
        (F.size("_reasons") > 0).alias("_is_rejected"),
    )

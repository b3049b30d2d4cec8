"""Build ``bronze.ratings``: the landed lines and the streamed ratings of the months of a run, as received.

Messages that break the schema of their version go to ``quarantine.rating_events``.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.bronze.event_schema import FIELDS, read
from spark_jobs.bronze.received import received
from spark_jobs.common.lake import Lake
from spark_jobs.common.run import Run

EVENTS, QUARANTINE = "bronze.rating_events", "quarantine.rating_events"


def streamed(events: DataFrame, run: Run) -> DataFrame:
    """The messages that are ratings, with the columns of a landed line; topic and partition stand for the file."""
    return events.where(F.size("_reasons") == 0).select(
        *[f"_rating.{field}" for field in FIELDS],
        F.lit(None).cast("string").alias("_other_columns"),
        F.col("offset").alias("_line"),
        F.lit(None).cast("string").alias("_malformed_line"),
        "_event_month",
        F.lit("stream").alias("_source"),
        F.concat_ws("/", "topic", "partition").alias("_source_file"),
        F.lit(run.dataset_version).alias("_dataset"),
        F.lit(run.run_id).alias("_run_id"),
        F.lit(run.started_at).alias("_ingested_at"),
    )


def rejected(events: DataFrame, run: Run) -> DataFrame:
    """The messages that are none, with their reasons, the judging run and when they were taken in."""
    return events.where(F.size("_reasons") > 0).select(
        *["key", "value", "headers", "topic", "partition", "offset", "timestamp", "_topic_id", "_event_month"],
        F.col("_reasons").alias("reasons"),
        F.lit(run.run_id).alias("_run_id"),
        F.col("_ingested_at").alias("_first_seen_at"),
    )


def run(lake: Lake) -> None:
    of_version = lake.read("landing.ratings").where(f"_dataset_version = '{lake.run.version}'")
    landed, events = received(of_version, lake.run), lake.read(EVENTS)
    if lake.count(EVENTS) == 0:  # the common case stays one pass without a union
        lake.replace("bronze.ratings", landed)
        lake.clear(QUARANTINE)
    else:
        messages = read(events)
        lake.replace("bronze.ratings", landed.unionByName(streamed(messages, lake.run)))
        lake.replace(QUARANTINE, rejected(messages, lake.run))

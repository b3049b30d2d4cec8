"""Apply what people have decided about single rows: other values, or that the row is discarded.

A decision names a row by its values as received, so it holds for the same row of a later dataset version too. Bronze
and quarantine keep rows as received; only silver is made of the corrected values.
"""

from functools import reduce
from operator import and_

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.common.lake import Lake

CORRECTIONS = "ops.corrections"
RECEIVED = {
    "ratings": ("userId", "movieId", "rating", "timestamp", "_malformed_line"),
    "tags": ("userId", "movieId", "tag", "timestamp", "_malformed_line"),
}
"""The columns by which a decision names a row of a table."""


def corrections(lake: Lake, table: str) -> DataFrame:
    """The latest decision about each row of ratings or tags: the columns received, and the map ``_correction``."""
    names = RECEIVED[table]
    if lake.total(CORRECTIONS) == 0:  # Spark then knows that there is nothing to join
        schema = ", ".join([*(f"`{name}` string" for name in names), "_correction map<string, string>"])
        return lake.spark.createDataFrame([], schema)
    decisions = lake.read(CORRECTIONS).where(F.col("table") == table)
    received = [F.col("received")[name].alias(name) for name in names]
    return decisions.groupBy(*received).agg(F.max_by("corrected", "decided_at").alias("_correction"))


def corrected(bronze: DataFrame, corrections: DataFrame, table: str) -> DataFrame:
    """Put the corrected values in the place of the received ones, which go to the struct ``_received``.

    ``_is_discarded`` says whether it was decided to discard the row.
    """
    names = RECEIVED[table]
    rows, decided = bronze.alias("row"), F.broadcast(corrections.alias("decided"))
    same = reduce(and_, [F.col(f"row.{name}").eqNullSafe(F.col(f"decided.{name}")) for name in names])
    correction = F.col("decided._correction")
    return rows.join(decided, same, "left").select(
        *[F.coalesce(correction[name], F.col(f"row.{name}")).alias(name) for name in names],
        *[f"row.{name}" for name in bronze.columns if name not in names],
        F.struct(*[f"row.{name}" for name in names]).alias("_received"),
        F.size(correction).eqNullSafe(0).alias("_is_discarded"),
    )


def decided(judged: DataFrame, table: str) -> DataFrame:
    """Add the reason ``discarded`` where it applies, and show the rows as received again."""
    received = {name: F.col("_received")[name] for name in RECEIVED[table]}
    reasons = F.col("reasons")
    with_discarded = F.when(F.col("_is_discarded"), F.array_append(reasons, F.lit("discarded"))).otherwise(reasons)
    return judged.withColumns(received | {"reasons": with_discarded})

"""Judge bronze rows: each rule that a row breaks is a reason to quarantine it."""

from functools import reduce
from operator import and_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_jobs.common.run import Run


def reasons(rules: dict[str, Column]) -> Column:
    """The names of the broken rules as array<string>, empty where there is none.

    A malformed line has no values, so that is its only reason; a rule that comes out null counts as broken.
    """
    broken = [F.when(F.coalesce(rule, F.lit(True)), F.lit(reason)) for reason, rule in rules.items()]
    malformed = F.array(F.lit("malformed"))
    return F.when(F.col("_malformed_line").isNotNull(), malformed).otherwise(F.array_compact(F.array(*broken)))


def is_unknown(movie_id: str) -> Column:
    """Whether a movie id is readable and yet, after :func:`with_known_movies`, in no catalogue."""
    return F.col(movie_id).isNotNull() & F.col("_is_known").isNull()


def with_known_movies(rows: DataFrame, movies: DataFrame) -> DataFrame:
    """Add ``_is_known``: true where ``movie_id`` is in silver.movies, else null."""
    known = movies.select("movie_id", F.lit(True).alias("_is_known"))
    return rows.join(F.broadcast(known), "movie_id", how="left")


def accepted(judged: DataFrame) -> DataFrame:
    return judged.where(F.size("reasons") == 0)


def rejected(judged: DataFrame, bronze: DataFrame, quarantine: DataFrame, run: Run) -> DataFrame:
    """The rows for quarantine: as bronze has them, with their reasons, the judging run and when they were first seen.

    ``quarantine`` are the rows there before: a row that is judged again keeps the time at which it was first seen.
    """
    raw = [name for name in bronze.columns if name not in ("_run_id", "_ingested_at")]
    identity = [name for name in raw if name != "_dataset"]
    before = quarantine.groupBy(*identity).agg(F.min("_first_seen_at").alias("_before"))
    rows, known = judged.where(F.size("reasons") > 0).alias("row"), before.alias("known")
    same = reduce(and_, [F.col(f"row.{name}").eqNullSafe(F.col(f"known.{name}")) for name in identity])
    first_seen_at = F.coalesce("known._before", F.lit(run.started_at)).alias("_first_seen_at")
    run_id = F.lit(run.run_id).alias("_run_id")
    return rows.join(known, same, "left").select(*[f"row.{name}" for name in raw], "row.reasons", run_id, first_seen_at)

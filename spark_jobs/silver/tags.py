"""Build ``silver.tags``: one row per user, movie, tag and month, the tag trimmed and in lower case.

``Funny`` and ``funny`` are one tag; of the same tag by the same user within a month the latest counts. Rows that
break a rule go to ``quarantine.tags``; a tag of blanks alone is malformed.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.common.lake import Lake
from spark_jobs.common.parsing import seconds_since_1970, whole_number
from spark_jobs.silver.corrections import corrected, corrections, decided
from spark_jobs.silver.judgement import accepted, is_unknown, reasons, rejected, with_known_movies


def typed(bronze: DataFrame) -> DataFrame:
    """Read ids and time out of the strings and normalise the tag; what cannot be read becomes null."""
    return bronze.select(
        "*",
        whole_number("userId").alias("user_id"),
        whole_number("movieId").alias("movie_id"),
        F.lower(F.trim("tag")).alias("clean_tag"),
        seconds_since_1970("timestamp").alias("tagged_at"),
    )


def judged(tags: DataFrame, movies: DataFrame) -> DataFrame:
    """Add ``reasons``: why a row may not enter silver."""
    rules = {
        "malformed": F.col("clean_tag") == "",
        "bad_user_id": ~(F.col("user_id") > 0),
        "bad_movie_id": ~(F.col("movie_id") > 0),
        "bad_timestamp": ~F.trunc("tagged_at", "month").eqNullSafe(F.col("_event_month")) | F.col("tagged_at").isNull(),
        "unknown_movie": is_unknown("movie_id"),
    }
    return with_known_movies(tags, movies).withColumn("reasons", reasons(rules))


def latest_of_each_month(tags: DataFrame) -> DataFrame:
    """Keep the last time that a user gave a movie a tag in a month."""
    kept = tags.groupBy("_event_month", "user_id", "movie_id", "clean_tag").agg(F.max("tagged_at").alias("tagged_at"))
    return kept.select("user_id", "movie_id", F.col("clean_tag").alias("tag"), "tagged_at")


def run(lake: Lake) -> None:
    bronze = lake.read("bronze.tags")
    as_decided = corrected(bronze, corrections(lake, "tags"), "tags")
    rows = judged(typed(as_decided), lake.read("silver.movies")).transform(decided, "tags")
    lake.replace("silver.tags", accepted(rows).transform(latest_of_each_month))
    lake.replace("quarantine.tags", rejected(rows, bronze, lake.read("quarantine.tags"), lake.run))

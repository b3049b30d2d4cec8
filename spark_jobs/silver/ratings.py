"""Build ``silver.ratings``: one typed row per user, movie and month.

People send a rating again when they change their mind: within a month the latest one counts. Rows that break a rule go
to ``quarantine.ratings``.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.common.lake import Lake
from spark_jobs.common.parsing import seconds_since_1970, tenths, whole_number
from spark_jobs.silver.corrections import corrected, corrections, decided
from spark_jobs.silver.judgement import accepted, is_unknown, reasons, rejected, with_known_movies

HALF_STARS = [half / 2 for half in range(1, 11)]


def typed(bronze: DataFrame) -> DataFrame:
    """Read ids, stars and time out of the strings; what cannot be read becomes null."""
    return bronze.select(
        "*",
        whole_number("userId").alias("user_id"),
        whole_number("movieId").alias("movie_id"),
        tenths("rating").alias("stars"),
        seconds_since_1970("timestamp").alias("rated_at"),
    )


def judged(ratings: DataFrame, movies: DataFrame) -> DataFrame:
    """Add ``reasons``: why a row may not enter silver."""
    rules = {
        "bad_user_id": ~(F.col("user_id") > 0),
        "bad_movie_id": ~(F.col("movie_id") > 0),
        "bad_rating": ~F.col("stars").isin(HALF_STARS),
        # Landing knows the latest possible time, so a time that it did not accept has no month.
        "bad_timestamp": ~F.trunc("rated_at", "month").eqNullSafe(F.col("_event_month")) | F.col("rated_at").isNull(),
        "unknown_movie": is_unknown("movie_id"),
    }
    return with_known_movies(ratings, movies).withColumn("reasons", reasons(rules))


def latest_of_each_month(ratings: DataFrame) -> DataFrame:
    """Keep a user's last rating of a movie in a month; of two in the same second, the higher one.

    The month leads the key because it is the partition column: Spark then needs no shuffle.
    """
    latest = F.max(F.struct("rated_at", F.col("stars").alias("rating"))).alias("latest")
    kept = ratings.groupBy("_event_month", "user_id", "movie_id").agg(latest)
    month = F.col("_event_month").alias("rated_month")
    return kept.select("user_id", "movie_id", "latest.rating", "latest.rated_at", month)


def run(lake: Lake) -> None:
    bronze = lake.read("bronze.ratings")
    as_decided = corrected(bronze, corrections(lake, "ratings"), "ratings")
    rows = judged(typed(as_decided), lake.read("silver.movies")).transform(decided, "ratings")
    lake.replace("silver.ratings", accepted(rows).transform(latest_of_each_month))
    if lake.count("silver.ratings") == lake.count("bronze.ratings"):
        lake.clear("quarantine.ratings")  # nothing was rejected: no second pass
    else:
        lake.replace("quarantine.ratings", rejected(rows, bronze, lake.read("quarantine.ratings"), lake.run))

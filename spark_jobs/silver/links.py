"""Build ``silver.links``: the identifiers of a movie elsewhere, one row per movie.

IMDb identifiers keep their leading zeros, so they stay strings. Some movies have no TMDB identifier.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.common.lake import Lake
from spark_jobs.common.parsing import whole_number
from spark_jobs.silver.judgement import accepted, is_unknown, reasons, rejected, with_known_movies


def typed(bronze: DataFrame) -> DataFrame:
    """Read the identifiers out of the strings; what cannot be read becomes null."""
    return bronze.select(
        "*",
        whole_number("movieId").alias("movie_id"),
        F.trim("imdbId").alias("imdb_id"),
        whole_number("tmdbId").alias("tmdb_id"),
    )


def judged(links: DataFrame, movies: DataFrame) -> DataFrame:
    """Add ``reasons``: why a row may not enter silver. An identifier that is not a number is malformed."""
    rules = {
        "malformed": ~F.col("imdb_id").rlike("^[0-9]+$") | (F.col("tmdb_id").isNull() & F.trim("tmdbId").rlike(".")),
        "bad_movie_id": ~(F.col("movie_id") > 0),
        "unknown_movie": is_unknown("movie_id"),
    }
    return with_known_movies(links, movies).withColumn("reasons", reasons(rules))


def one_row_a_movie(links: DataFrame) -> DataFrame:
    """Keep one row of a movie that is listed more than once: the smallest identifiers, so always the same."""
    first = F.min(F.struct("imdb_id", "tmdb_id")).alias("link")
    return links.groupBy("movie_id").agg(first).select("movie_id", "link.*")


def run(lake: Lake) -> None:
    bronze = lake.read("bronze.links")
    rows = judged(typed(bronze), lake.read("silver.movies"))
    lake.replace("silver.links", accepted(rows).transform(one_row_a_movie))
    lake.replace("quarantine.links", rejected(rows, bronze, lake.read("quarantine.links"), lake.run))

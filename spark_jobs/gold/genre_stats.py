"""Build ``gold.genre_stats``: movies and ratings by genre. A movie counts in each of its genres."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.common.lake import Lake
from spark_jobs.gold.measures import summary_of_movies, with_totals


def transform(movies: DataFrame, monthly: DataFrame) -> DataFrame:
    """One row per genre; movies without genres are in none."""
    by_genre = with_totals(movies, monthly).withColumn("genre", F.explode(F.array_distinct("genres")))
    return by_genre.groupBy("genre").agg(*summary_of_movies())


def run(lake: Lake) -> None:
    rows = transform(lake.read("silver.movies"), lake.read_all("gold.monthly_movie_ratings"))
    lake.replace("gold.genre_stats", rows)

"""Build ``gold.top_movies``: the movies with enough ratings, best rated first."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from spark_jobs.common.lake import Lake
from spark_jobs.gold.measures import average, with_totals


def transform(movies: DataFrame, monthly: DataFrame, min_ratings: int) -> DataFrame:
    """One row per movie with at least ``min_ratings`` ratings, ranked by average, then count, then movie_id."""
    best_first = Window.orderBy(F.desc("rating_avg"), F.desc("rating_count"), F.asc("movie_id"))
    return (
        with_totals(movies, monthly)
        .where(F.col("rating_count") >= min_ratings)
        .withColumn("rating_avg", average(F.col("half_stars"), F.col("rating_count")))
        .withColumn("rank", F.row_number().over(best_first))
        .select("rank", "movie_id", "title", "release_year", "rating_count", "rating_avg")
    )


def run(lake: Lake) -> None:
    movies, monthly = lake.read("silver.movies"), lake.read_all("gold.monthly_movie_ratings")
    rows = transform(movies, monthly, lake.run.top_movies_min_ratings)
    lake.replace("gold.top_movies", rows)

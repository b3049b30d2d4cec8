"""Build ``gold.rating_distribution``: how many movies, with how many ratings, are in each category."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.common.lake import Lake
from spark_jobs.gold.measures import CATEGORIES, average, category, with_totals


def transform(movies: DataFrame, monthly: DataFrame) -> DataFrame:
    """One row per category, also for a category without movies."""
    rating_avg = average(F.col("half_stars"), F.col("rating_count"))
    categories = movies.sparkSession.createDataFrame([(name,) for name in CATEGORIES], "rating_category string")
    counted = (
        with_totals(movies, monthly)
        .groupBy(category(rating_avg).alias("rating_category"))
        .agg(F.count("movie_id").alias("movie_count"), F.sum("rating_count").alias("rating_count"))
    )
    return categories.join(counted, "rating_category", how="left").fillna(0)


def run(lake: Lake) -> None:
    rows = transform(lake.read("silver.movies"), lake.read_all("gold.monthly_movie_ratings"))
    lake.replace("gold.rating_distribution", rows)

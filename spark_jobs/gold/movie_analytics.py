"""Build ``gold.movie_analytics``: every movie, rated or not, with the figures of its ratings."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.common.lake import Lake
from spark_jobs.gold.measures import average, category, sample_deviation, with_totals


def transform(movies: DataFrame, monthly: DataFrame) -> DataFrame:
    """One row per movie."""
    count, half_stars, squares = F.col("rating_count"), F.col("half_stars"), F.col("half_star_squares")
    return (
        with_totals(movies, monthly)
        .withColumn("rating_avg", average(half_stars, count))
        .withColumn("rating_stddev", sample_deviation(squares, half_stars, count))
        .withColumn("rating_category", category(F.col("rating_avg")))
        .drop("half_stars", "half_star_squares")
    )


def run(lake: Lake) -> None:
    rows = transform(lake.read("silver.movies"), lake.read_all("gold.monthly_movie_ratings"))
    lake.replace("gold.movie_analytics", rows)

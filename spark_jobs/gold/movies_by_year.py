"""Build ``gold.movies_by_year``: movies and their ratings by year of release."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.common.lake import Lake
from spark_jobs.gold.measures import summary_of_movies, with_totals


def transform(movies: DataFrame, monthly: DataFrame) -> DataFrame:
    """One row per year of release; movies without a year are in none."""
    with_year = with_totals(movies, monthly).where(F.col("release_year").isNotNull())
    return with_year.groupBy("release_year").agg(*summary_of_movies())


def run(lake: Lake) -> None:
    rows = transform(lake.read("silver.movies"), lake.read_all("gold.monthly_movie_ratings"))
    lake.replace("gold.movies_by_year", rows)

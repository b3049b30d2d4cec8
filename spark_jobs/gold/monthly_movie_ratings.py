"""Build ``gold.monthly_movie_ratings``: how often a movie got each half star in a month.

The one gold table that is built month by month; all others are derived from it.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.common.lake import Lake
from spark_jobs.gold.measures import HALF_STARS


def transform(ratings: DataFrame) -> DataFrame:
    """Count silver ratings by month, movie and half star. The month leads the key, so Spark needs no shuffle."""
    counts = [F.count_if(F.col("rating") * 2 == half).alias(f"half_star_{half}") for half in HALF_STARS]
    return ratings.groupBy("rated_month", "movie_id").agg(*counts).withColumnRenamed("rated_month", "month")


def run(lake: Lake) -> None:
    ratings = lake.read("silver.ratings")
    lake.replace("gold.monthly_movie_ratings", transform(ratings))

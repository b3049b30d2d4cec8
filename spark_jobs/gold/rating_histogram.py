"""Build ``gold.rating_histogram``: how many ratings equal each half star, over all movies and months."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.common.lake import Lake
from spark_jobs.gold.measures import HALF_STARS


def transform(monthly: DataFrame) -> DataFrame:
    """One row per half star, also for one that nobody gave."""
    rows = [
        F.struct(F.lit(half / 2).cast("decimal(2,1)").alias("rating"), F.col(f"half_star_{half}").alias("rating_count"))
        for half in HALF_STARS
    ]
    counts = [F.coalesce(F.sum(f"half_star_{half}"), F.lit(0)).alias(f"half_star_{half}") for half in HALF_STARS]
    return monthly.agg(*counts).select(F.inline(F.array(*rows)))


def run(lake: Lake) -> None:
    lake.replace("gold.rating_histogram", transform(lake.read_all("gold.monthly_movie_ratings")))

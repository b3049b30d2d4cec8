"""Build ``bronze.ratings``: the landed lines of the months of a run, as received."""

from spark_jobs.bronze.received import received
from spark_jobs.common.lake import Lake


def run(lake: Lake) -> None:
    of_version = lake.read("landing.ratings").where(f"_dataset_version = '{lake.run.version}'")
    lake.replace("bronze.ratings", received(of_version, lake.run))

"""Build ``bronze.tags``: the landed lines of the months of a run, as received."""

from spark_jobs.bronze.received import received
from spark_jobs.common.lake import Lake


def run(lake: Lake) -> None:
    of_version = lake.read("landing.tags").where(f"_dataset_version = '{lake.run.version}'")
    lake.replace("bronze.tags", received(of_version, lake.run))

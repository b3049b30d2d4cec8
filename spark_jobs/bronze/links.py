"""Build ``bronze.links``: the whole catalogue of the dataset version of a run, as received."""

from spark_jobs.bronze.received import received
from spark_jobs.common.lake import Lake


def run(lake: Lake) -> None:
    of_version = lake.read("landing.links").where(f"_dataset_version = '{lake.run.version}'")
    lake.replace("bronze.links", received(of_version, lake.run))

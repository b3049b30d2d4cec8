"""Build ``bronze.movies``: the whole catalogue of the dataset version of a run, as received."""

from spark_jobs.bronze.received import received
from spark_jobs.common.lake import Lake


def run(lake: Lake) -> None:
    of_version = lake.read("landing.movies").where(f"_dataset_version = '{lake.run.version}'")
    lake.replace("bronze.movies", received(of_version, lake.run))

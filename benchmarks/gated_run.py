"""The whole run of ``movielens_lakehouse``, task by task as the DAG calls them, on an empty stack."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pyarrow.parquet as pq
from pyiceberg.catalog import load_catalog
from pyspark.sql import SparkSession

from infra.local.config import Stack
from infra.local.services import INFRASTRUCTURE
from infra.local.stack import up
from lakehouse.layers import audit, publish, write
from lakehouse.releases import release_run
from lakehouse.runs import start_run
from lakehouse.tables import LAYERS

DAG = "movielens_lakehouse"


def stages(dataset: Path, output: Path) -> Iterator[str]:
    """Load the dataset's whole range, then copy gold to one Parquet file a table."""
    stack = Stack.from_environment()
    up(stack, INFRASTRUCTURE)
    import_module("great_expectations")  # Airflow forks tasks from a process that has imported it
    spark = SparkSession.builder.remote(stack.spark_url).getOrCreate()
    yield "start"
    yield from load(spark, "benchmark", dataset, "1995-01", None)
    catalog = load_catalog("lake")
    for table in LAYERS["gold"]:
        (output / table).mkdir()
        pq.write_table(catalog.load_table(table).scan().to_arrow(), output / table / "rows.parquet")


def load(spark: SparkSession, run_id: str, dataset: Path, first: str, last: str | None) -> Iterator[str]:
    """Load the months ``first`` to ``last`` (YYYY-MM, None for today); what is done by name."""
    params = {"dataset": str(dataset), "from_month": first, "to_month": last, "only_changed": False}
    run = start_run(run_id, params, None)
    yield "land"
    for layer in LAYERS:
        write(spark, layer, run)
        yield f"{layer} write"
        audit(spark, layer, run, DAG)
        yield f"{layer} audit"
        publish(spark, layer, run, DAG)
        yield f"{layer} publish"
    release_run(run, is_running=lambda _: False)
    yield "release"

"""What maintenance saves: a lake after months of runs and batches, measured before and after, and read the same.

The commits of ``MONTHS`` (60) monthly runs are made to every table, each with its release, and those of ``BATCHES``
(200) batches of ten messages to ``bronze.rating_events``: as many and in the same form as runs make them, but with a
few rows each and without computing them, in an empty STATE. Then everything counts as old.
"""

import os
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pyarrow as pa
from pyiceberg.catalog import Catalog, load_catalog
from pyspark.sql import SparkSession

from infra.local.config import Stack
from infra.local.services import INFRASTRUCTURE, task_environment
from infra.local.stack import up
from lakehouse.branches import give_first_snapshot
from lakehouse.contracts import follow_contracts, tables_with_contract
from lakehouse.maintenance import Plan
from lakehouse.maintenance.compaction import compact
from lakehouse.maintenance.measures import measure
from lakehouse.maintenance.orphans import remove_orphan_files
from lakehouse.maintenance.releases import forget_old_releases
from lakehouse.maintenance.snapshots import expire_snapshots
from lakehouse.releases import record_release
from lakehouse.serving import list_releases
from lakehouse.tables import EVENTS, RELEASED
from spark_jobs.common.months import Months
from spark_jobs.common.run import Run

MONTHS, BATCHES = int(os.environ.get("MONTHS") or 60), int(os.environ.get("BATCHES") or 200)
FIRST_YEAR = 2010
SHOWN = [EVENTS, "bronze.ratings", "silver.ratings", "gold.movie_analytics", "ops.quality_results", "ops.releases"]
OLD = {f"{name}_days": 0 for name in ("releases", "branches", "snapshots", "landing", "quality")}
PARAMS = OLD | {"dry_run": False, "keep_releases": 12, "orphans_days": 2}


def main() -> int:
    stack = Stack.from_environment()
    up(stack, INFRASTRUCTURE)
    if "AIRFLOW_CONN_AWS_DEFAULT" not in os.environ:  # pyiceberg reads its environment when it is imported
        command = [sys.executable, "-m", "benchmarks.maintenance"]
        os.execve(sys.executable, command, os.environ | task_environment(stack))
    spark = SparkSession.builder.remote(stack.spark_url).getOrCreate()
    catalog, s3 = load_catalog("lake"), boto3.client("s3", **stack.s3_options)
    for table in follow_contracts(spark, catalog, tables_with_contract()):
        give_first_snapshot(table)
    for number in range(MONTHS):
        commit_month(catalog, date(FIRST_YEAR + number // 12, number % 12 + 1, 1), number + 1)
    commit_batches(catalog)
    before, rows = measure(s3, "lake", catalog), read(catalog)
    plan = Plan.of(PARAMS, by_hand=False, now=datetime.now(UTC) + timedelta(seconds=1))
    forget_old_releases(catalog, plan)
    expire_snapshots(spark, catalog, plan)
    compact(spark, catalog, plan)
    expire_snapshots(spark, catalog, Plan.of(PARAMS, by_hand=False, now=datetime.now(UTC) + timedelta(seconds=1)))
    remove_orphan_files(spark, s3, "lake", catalog, plan)
    after = measure(s3, "lake", catalog)
    print(table_of(before, after))
    kept = {release.release_id for release in list_releases(catalog)}
    same = read(catalog) == {name: each for name, each in rows.items() if name[0] in kept}
    print(f"{len(kept)} releases are kept, and read {'the same' if same else 'DIFFERENTLY'}")
    return 0 if same else 1


def commit_month(catalog: Catalog, month: date, number: int) -> None:
    """A month for the tables that have months, all rows for the others, and a release of them."""
    for name in RELEASED:
        table = catalog.load_table(name)
        schema = table.schema().as_arrow()
        if any(str(field.transform) != "identity" for field in table.spec().fields):
            continue  # pyiceberg cannot write it; it is like the others
        columns = [str(table.schema().find_column_name(field.source_id)) for field in table.spec().fields]
        if columns and schema.field(columns[0]).type == pa.date32():
            rows: list[dict[str, Any]] = [{columns[0]: month}] * (2 if name.startswith("bronze.") else 1)
            table.append(pa.Table.from_pylist(rows, schema=schema))
        else:
            rows = [{"rating_count": number}] if name == "gold.rating_histogram" else [{}]
            table.overwrite(pa.Table.from_pylist(rows, schema=schema))
    began = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=number)
    run = Run(f"month {number}", "benchmark", "0123456789ab", Months.of_each([month]), began)
    record_release(catalog, run, warnings=0, code_version="benchmark")


def commit_batches(catalog: Catalog) -> None:
    """Small commits, as the stream makes them: a file and a snapshot each."""
    table = catalog.load_table(EVENTS)
    for batch in range(BATCHES):
        rows = [{"_topic_id": "benchmark", "partition": batch % 3, "offset": 10 * batch + n} for n in range(10)]
        table.append(pa.Table.from_pylist(rows, schema=table.schema().as_arrow()))


def read(catalog: Catalog) -> dict[tuple[str, str], Any]:
    """The rows of every release of the largest and of the smallest tables that depend on it."""
    tables = ("silver.ratings", "gold.movie_analytics", "gold.rating_histogram")
    return {
        (release.release_id, name): sorted(map(str, release.read(name).to_pylist()))
        for release in list_releases(catalog)
        for name in tables
    }


def table_of(before: dict[str, dict[str, int]], after: dict[str, dict[str, int]]) -> str:
    """A table in Markdown: some tables, and the whole lake, before and after."""
    names = ["data_files", "manifests", "snapshots", "objects", "bytes", "planning_ms"]
    lines = [f"| | {' | '.join(name.replace('_', ' ') for name in names)} |", f"| --- |{' ---: |' * len(names)}"]
    totals = [{name: sum(table[name] for table in each.values()) for name in names} for each in (before, after)]
    rows = {name: (before[name], after[name]) for name in SHOWN} | {"all tables": tuple(totals)}
    for title, (old, new) in rows.items():
        lines.append(f"| `{title}` | {' | '.join(f'{old[name]:,} → {new[name]:,}' for name in names)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

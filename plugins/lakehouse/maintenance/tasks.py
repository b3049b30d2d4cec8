"""The tasks of ``movielens_maintenance``: each gives a step the lake, the bucket and the plan."""

from typing import Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from pyiceberg.catalog import load_catalog
from pyspark.sql import SparkSession

from lakehouse.defaults import setting
from lakehouse.maintenance import Plan
from lakehouse.maintenance.branches import drop_dead_branches
from lakehouse.maintenance.compaction import compact
from lakehouse.maintenance.measures import measure as measure_tables
from lakehouse.maintenance.orphans import remove_orphan_files
from lakehouse.maintenance.releases import forget_old_releases
from lakehouse.maintenance.report import store_report
from lakehouse.maintenance.retention import delete_old_landings, delete_old_reports
from lakehouse.maintenance.snapshots import expire_snapshots
from lakehouse.tasks import DAGS_WITH_LAYERS

WRITERS = (*DAGS_WITH_LAYERS, "movielens_rollback", "movielens_stream")
"""The DAGs whose runs have branches."""


def measure() -> dict[str, dict[str, int]]:
    s3, bucket = _bucket()
    return measure_tables(s3, bucket, load_catalog("lake"))


def drop_branches(plan: dict[str, Any], ti: Any) -> list[str]:
    return drop_dead_branches(load_catalog("lake"), Plan.from_json(plan), lambda run_id: _is_active(ti, run_id))


def forget_releases(plan: dict[str, Any]) -> list[str]:
    return forget_old_releases(load_catalog("lake"), Plan.from_json(plan))


def expire(spark: SparkSession, plan: dict[str, Any]) -> list[str]:
    return expire_snapshots(spark, load_catalog("lake"), Plan.from_json(plan))


def compact_tables(spark: SparkSession, plan: dict[str, Any]) -> list[str]:
    return compact(spark, load_catalog("lake"), Plan.from_json(plan))


def remove_orphans(spark: SparkSession, plan: dict[str, Any]) -> list[str]:
    return remove_orphan_files(spark, *_bucket(), load_catalog("lake"), Plan.from_json(plan))


def delete_landings(plan: dict[str, Any], ti: Any) -> list[str]:
    if _is_active(ti, None):
        return ["left for the next time: a run is active, and may be about to read what it has landed"]
    return delete_old_landings(*_bucket(), load_catalog("lake"), Plan.from_json(plan))


def delete_reports(plan: dict[str, Any]) -> list[str]:
    return delete_old_reports(*_bucket(), Plan.from_json(plan))


def report(
    run_id: str,
    plan: dict[str, Any],
    before: dict[str, dict[str, int]],
    steps: dict[str, list[str]],
    after: dict[str, dict[str, int]],
) -> None:
    store_report(*_bucket(), run_id, dry_run=plan["dry_run"], steps=steps, before=before, after=after)


def _bucket() -> tuple[Any, str]:
    return S3Hook("aws_default").get_conn(), setting("lake_bucket")


def _is_active(ti: Any, run_id: str | None) -> bool:
    """Whether a run, or any, of the DAGs that write is queued or running."""
    which = {"run_ids": [run_id]} if run_id else {}
    return any(ti.get_dr_count(dag_id, states=["queued", "running"], **which) for dag_id in WRITERS)

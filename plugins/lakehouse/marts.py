"""The layer ``marts``: dbt writes it to the branch of a run, and dbt's tests judge that branch beside the suites.

The models are in ``dbt/models``. dbt speaks to the Spark session of the task. With ``spark.wap.branch`` set in it, a
mart is read from and written to the branch of the run, and what a model reads is pinned by ``at_snapshot``.
"""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pyiceberg.catalog import Catalog
from pyiceberg.table.refs import MAIN_BRANCH
from pyspark.sql import SparkSession
from pyspark.sql.utils import is_remote

from lakehouse.dbt_project import DbtError, invoke, parsed
from lakehouse.reports import EXAMPLES, Finding, Report
from lakehouse.tables import LAYERS
from spark_jobs.common.lake import Lake, commit_properties, head, sources_of
from spark_jobs.common.run import Run

if TYPE_CHECKING:
    from dbt.artifacts.schemas.results import NodeResult

log = logging.getLogger(__name__)

SOURCES = ["gold.movie_analytics"]
"""What the models read. Only these are pinned: dbt stops at a model that reads another through ``at_snapshot``."""


def marts_to_write(catalog: Catalog) -> dict[str, int]:
    """The snapshots of gold that the marts are built from: what readers see now."""
    return {name: head(catalog.load_table(name), MAIN_BRANCH) for name in SOURCES}


def marts_to_audit(catalog: Catalog, run: Run) -> dict[str, int]:
    """The same of what the run has written: gold may have moved on since."""
    mart = catalog.load_table(LAYERS["marts"][0])
    return sources_of(mart, head(mart, run.branch))


def build_marts(spark: SparkSession, run: Run, snapshots: dict[str, int]) -> None:
    """Write every model to the branch of the run, from the pinned snapshots.

    Raises:
        DbtError: dbt could not; the message is dbt's.
    """
    with _on_branch(spark, run, snapshots):
        for result in _dbt("run", snapshots):
            log.info("%s: built in %.1f s", _table(result), result.execution_time)


def with_dbt_tests(lake: Lake, snapshots: dict[str, int], reports: list[Report]) -> list[Report]:
    """The reports of the marts with what dbt's data tests found on the branch of the run, failing rows included.

    Raises:
        DbtError: a test could not be evaluated, or a mart has none.
    """
    found: dict[str, list[Finding]] = {report.table: [] for report in reports}
    with _on_branch(lake.spark, lake.run, snapshots):
        for result in _dbt("test", snapshots, "--exclude-resource-type", "unit_test"):
            if (table := _table(result)) in found:
                found[table].append(_finding(lake.spark, result))
    if untested := [table for table, findings in found.items() if not findings]:
        raise DbtError(f"{', '.join(untested)} has no dbt test: write some in dbt/models/marts.yml")
    return [replace(report, findings=report.findings + found[report.table]) for report in reports]


@contextmanager
def _on_branch(spark: SparkSession, run: Run, snapshots: dict[str, int]) -> Iterator[None]:
    properties = commit_properties(run, snapshots).items()
    conf = {f"spark.sql.iceberg.snapshot-property.{name}": value for name, value in properties}
    conf["spark.wap.branch"] = run.branch
    for name, value in conf.items():
        spark.conf.set(name, value)
    if is_remote():
        # Spark finds the session of this process only when it knows an address; it never connects to this one.
        os.environ.setdefault("SPARK_REMOTE", "sc://session-of-this-process")
    try:
        yield
    finally:
        for name in conf:
            spark.conf.unset(name)


def _dbt(command: str, snapshots: dict[str, int], *options: str) -> list["NodeResult"]:
    """Run a command of dbt in this process; a test that fails is a result, anything else that fails is an error."""
    with warnings.catch_warnings():
        # dbt asks for Hive, which Spark Connect refuses once for every statement.
        warnings.filterwarnings("ignore", "Failed to set spark.sql.catalogImplementation")
        outcome = invoke(command, snapshots, *options, manifest=parsed())
    results: list[NodeResult] = getattr(outcome.result, "results", None) or []
    broken = [f"{each.node.name}: {each.message}" for each in results if each.status in ("error", "skipped")]
    if outcome.exception or broken or not results:
        raise DbtError(f"dbt {command}: {'; '.join(broken) or outcome.exception or 'it found nothing to do'}")
    return results


def _table(result: "NodeResult") -> str:
    """The mart that a model makes, or that a test is of."""
    node: Any = result.node
    model = node.unique_id if node.resource_type == "model" else node.depends_on.nodes[0]
    return f"marts.{model.rpartition('.')[2]}"


def _finding(spark: SparkSession, result: "NodeResult") -> Finding:
    test: Any = result.node
    success = result.status == "pass"
    rows = [] if success else spark.sql(test.compiled_code).limit(EXAMPLES).collect()
    return Finding(
        expectation=f"dbt_{test.test_metadata.name}" if test.test_metadata else "dbt_test",
        column=test.column_name,
        severity={"ERROR": "critical", "WARN": "warning"}[test.config.severity.upper()],
        notes=test.description or f"The dbt test {test.name}.",
        success=success,
        observed=None,
        unexpected_count=result.failures,
        unexpected_percent=None,
        examples=[{name: str(value) for name, value in row.asDict().items()} for row in rows],
        kwargs={},
    )

"""Move the lake back to a release: every table to the snapshot that the release pinned.

A rollback is a run like any other. Its branches begin at the release's snapshots instead of being written, they are
audited by today's suites, and what passed becomes main. It is recorded as a release, so it can be undone by another.
"""

import logging
from datetime import UTC, datetime
from typing import Any

from airflow.sdk.exceptions import AirflowFailException
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.table import Table
from pyiceberg.table.refs import MAIN_BRANCH
from pyspark.sql import SparkSession

from lakehouse.branches import MainMovedError, NotAuditedError, decided_anew, drop_branch, open_branch
from lakehouse.defaults import setting
from lakehouse.layers import audit_branches
from lakehouse.releases import record_release
from lakehouse.reports import GateError, count_warnings, passed_snapshots
from lakehouse.serving import Release, list_releases, load_release
from lakehouse.tables import LAYERS
from spark_jobs.common.lake import head
from spark_jobs.common.months import FIRST_MONTH, Months
from spark_jobs.common.run import Run

log = logging.getLogger(__name__)

AUDITED = ("silver", "gold", "marts")
"""The layers that are judged again. Bronze is judged by what landing counted, which the release's own run has done;
that nothing of it was lost is an expectation of silver."""


def choose_release(run_id: str, release_id: str | None) -> dict[str, Any]:
    """Open a branch at the snapshots of a release, by default of the one before the last, in every table.

    Returns the plan as JSON: the run, the release and the heads of main that it was decided on.

    Raises:
        AirflowFailException: there is no such release, or none before the last.
    """
    catalog = load_catalog("lake")
    try:
        release = load_release(release_id) if release_id else one_before_the_last(catalog)
    except LookupError as error:
        raise AirflowFailException(str(error)) from error
    return open_branches(catalog, release, run_id, datetime.now(UTC)) | {"release_id": release.release_id}


def one_before_the_last(catalog: Catalog) -> Release:
    releases = list_releases(catalog)
    if len(releases) < 2:
        raise LookupError(f"There is nothing to go back to: ops.releases has {len(releases)} releases")
    return releases[1]


def open_branches(catalog: Catalog, release: Release, run_id: str, started_at: datetime) -> dict[str, Any]:
    dataset, _, version = release.dataset.rpartition("@")
    months = Months.between(FIRST_MONTH, started_at.date().replace(day=1), unknown=True)
    run = Run(run_id, dataset, version, months, started_at)
    heads = {}
    for name, target in release.tables.items():
        table = catalog.load_table(name)
        heads[name] = head(table, MAIN_BRANCH)
        open_branch(table, run.branch, at=target)
        change = "stays at" if heads[name] == target else f"goes from snapshot {heads[name]} to"
        log.info("%s %s snapshot %d", name, change, target)
    return {"run": run.to_json(), "heads": heads}


def audit_rollback(spark: SparkSession, layer: str, plan: dict[str, Any], dag_id: str) -> None:
    """Judge the restored tables of a layer and keep the reports. A release may be older than a layer: it has none.

    Raises:
        AirflowFailException: a critical expectation failed; main stays where it is.
    """
    if not plan["heads"].keys() & LAYERS[layer]:
        log.info("The release has no %s", layer)
        return
    try:
        audit_branches(spark, load_catalog("lake"), Run.from_json(plan["run"]), layer, dag_id)
    except GateError as error:
        raise AirflowFailException(str(error)) from error


def publish_rollback(plan: dict[str, Any]) -> str:
    """Make the branches main and record the release. After a crash, what is left to do is done.

    Raises:
        AirflowFailException: a load has published since the rollback began; it would be undone unseen.
    """
    catalog, run, release = load_catalog("lake"), Run.from_json(plan["run"]), load_release(plan["release_id"])
    try:
        restore(catalog, release, run, plan["heads"])
    except MainMovedError as error:
        raise AirflowFailException(str(error)) from error
    return record_release(
        catalog,
        run,
        warnings=count_warnings(catalog, run.run_id),
        code_version=setting("code_version", "unknown"),
        kind="rollback",
        restored_from=release,
    ).release_id


def restore(catalog: Catalog, release: Release, run: Run, heads: dict[str, int]) -> None:
    """Move main of every table to its snapshot in the release, none unless all can be moved.

    ``heads`` are those that the rollback was decided on; a table that an earlier try has moved is left as it is.

    Raises:
        MainMovedError: main of a table is neither where it was nor where it should go.
        NotAuditedError: a table of an audited layer has not passed.
    """
    tables = {name: catalog.load_table(name) for name in release.tables}
    audited = {table for layer in AUDITED for table in LAYERS[layer]}
    passed = passed_snapshots(catalog, run.run_id)
    for name, table in tables.items():
        main, target = head(table, MAIN_BRANCH), release.tables[name]
        if main not in (heads[name], target):
            raise MainMovedError(f"{name} was published to since the rollback began: trigger the rollback again")
        if name in audited and passed.get(name) != target:
            raise NotAuditedError(f"{name}: snapshot {target} has not passed in this run: clear the whole run")
    for name, table in tables.items():
        _move(table, run.branch, release.tables[name])
        log.info("%s: main is snapshot %d", name, release.tables[name])


@decided_anew
def _move(table: Table, branch: str, target: int) -> None:
    if head(table.refresh(), MAIN_BRANCH) == target:
        drop_branch(table, branch)
        return
    with table.manage_snapshots() as snapshots:
        snapshots.set_current_snapshot(snapshot_id=target).remove_branch(branch)

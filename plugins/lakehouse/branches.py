"""Write-audit-publish on one Iceberg table: the branch of a run is opened from main and becomes main, or goes.

All changes are single catalog commits that assert the state they were decided on, so a crash leaves a table before or
after a step, never between, and every step may be repeated. Where a commit of a parallel run comes in between, the step
is decided anew.
"""

import logging
from typing import Literal

from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import Table
from pyiceberg.table.refs import MAIN_BRANCH
from pyiceberg.table.snapshots import ancestors_of
from pyspark.sql import SparkSession
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random

from spark_jobs.common.lake import head

log = logging.getLogger(__name__)

Outcome = Literal["published", "unchanged", "cherry-picked"]


decided_anew = retry(
    retry=retry_if_exception_type(CommitFailedException),
    wait=wait_random(0.05, 0.5),
    stop=stop_after_attempt(20),
    reraise=True,
)


class MainMovedError(Exception):
    """Main changed since the branch was opened, in a way that the branch cannot be added to: write it again."""


class NotAuditedError(Exception):
    """The branch changed after its audit: clear the audit task of the layer."""


def give_first_snapshot(table: Table) -> None:
    """Give a new table an empty snapshot, so that its first run is like any other."""
    if table.refresh().current_snapshot() is None:
        table.append(table.schema().as_arrow().empty_table())


@decided_anew
def open_branch(table: Table, branch: str, *, at: int | None = None) -> None:
    """Open the branch at a snapshot, by default the head of main; one left over from an earlier try is replaced."""
    give_first_snapshot(table)
    start = at or head(table, MAIN_BRANCH)
    with table.manage_snapshots() as snapshots:
        if branch in table.refs():
            snapshots.remove_branch(branch)
        snapshots.create_branch(start, branch)


@decided_anew
def publish_branch(
    spark: SparkSession, table: Table, branch: str, audited: int | None, *, may_cherry_pick: bool
) -> Outcome:
    """Make the branch main and drop it, in one commit. Once published, or without a branch, nothing is left to do.

    Where main moved on, the commit of the branch is cherry-picked onto it if that is allowed and possible.

    Raises:
        MainMovedError: main moved on and the branch cannot be added to it.
        NotAuditedError: the branch is not at the audited snapshot.
    """
    main, written = table.refresh().current_snapshot(), table.snapshot_by_name(branch)
    if main is None or written is None:
        return "unchanged"
    if written.snapshot_id != audited:
        raise NotAuditedError(f"{'.'.join(table.name())}: {branch} is at {written.snapshot_id}, audited was {audited}")
    if main.snapshot_id == written.snapshot_id:
        drop_branch(table, branch)
        return "unchanged"
    if main.snapshot_id in {ancestor.snapshot_id for ancestor in ancestors_of(written, table.metadata)}:
        with table.manage_snapshots() as snapshots:
            snapshots.set_current_snapshot(ref_name=branch).remove_branch(branch)
        return "published"
    if not may_cherry_pick:
        raise MainMovedError(f"{'.'.join(table.name())}: another run published first")
    cherry_pick(spark, table, written.snapshot_id)
    drop_branch(table, branch)
    return "cherry-picked"


def cherry_pick(spark: SparkSession, table: Table, snapshot_id: int) -> None:
    """Add the one commit of a branch to a main that moved on. Done before is done."""
    name = ".".join(table.name())
    try:
        spark.sql(f"CALL lake.system.cherrypick_snapshot('{name}', {snapshot_id})").collect()
    except Exception as error:
        if "CherrypickAncestorCommitException" in str(error) or "already picked" in str(error):
            return
        if "ValidationException" in str(error) or "Cannot cherry" in str(error):
            raise MainMovedError(f"{name}: snapshot {snapshot_id} does not fit on main any more") from error
        raise


@decided_anew
def drop_branch(table: Table, branch: str) -> None:
    """Drop the branch if it is there."""
    if branch in table.refresh().refs():
        with table.manage_snapshots() as snapshots:
            snapshots.remove_branch(branch)


@decided_anew
def tag(table: Table, name: str, snapshot_id: int) -> None:
    """Tag a snapshot, unless the tag is there."""
    if name not in table.refresh().refs():
        with table.manage_snapshots() as snapshots:
            snapshots.create_tag(snapshot_id, name)

"""Drop the branches of runs that are over and that nobody came back to."""

import logging
from collections.abc import Callable

from pyiceberg.catalog import Catalog
from pyiceberg.table import Table
from pyiceberg.table.refs import MAIN_BRANCH, SnapshotRefType
from pyiceberg.table.snapshots import ancestors_of

from lakehouse.branches import drop_branch
from lakehouse.maintenance import Plan, all_tables, time_of
from spark_jobs.common.lake import count_rows, properties_of

log = logging.getLogger(__name__)


def drop_dead_branches(catalog: Catalog, plan: Plan, is_active: Callable[[str | None], bool]) -> list[str]:
    """Drop branches that were last written before a time; their reports stay under ``quality/``.

    A branch that holds nothing of its own does not say whose it is: it goes when no run is active at all.
    ``is_active`` says of a run, or with None of any, whether it is queued or running.
    """
    done = []
    for name, table in all_tables(catalog).items():
        for branch in [ref for ref, each in table.refs().items() if each.snapshot_ref_type == SnapshotRefType.BRANCH]:
            if branch != MAIN_BRANCH and (line := _dead(name, table, branch, plan, is_active)):
                log.info(line)
                done.append(line)
                if not plan.dry_run:
                    drop_branch(table, branch)
    return done


def _dead(name: str, table: Table, branch: str, plan: Plan, is_active: Callable[[str | None], bool]) -> str | None:
    written, main = table.snapshot_by_name(branch), table.current_snapshot()
    if written is None:
        return None
    of_main = {snapshot.snapshot_id for snapshot in ancestors_of(main, table.metadata)}
    if written.snapshot_id in of_main:
        return None if is_active(None) else f"{name}: {branch} holds nothing of its own"
    run_id = properties_of(table, written.snapshot_id).get("lakehouse.run-id")
    written_at = time_of(written.timestamp_ms)
    if written_at >= plan.branches_before or is_active(run_id):
        return None
    rows = count_rows(table, written.snapshot_id)
    what = f"snapshot {written.snapshot_id} of {written_at:%Y-%m-%d} with {rows} rows"
    return f"{name}: {branch} of the run {run_id}, {what}"

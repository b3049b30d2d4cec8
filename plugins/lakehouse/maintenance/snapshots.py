"""Expire snapshots that no release, no branch and no commit of main needs any more, and delete their files."""

import logging
from concurrent.futures import ThreadPoolExecutor

from pyiceberg.catalog import Catalog
from pyiceberg.table import Table
from pyspark.sql import SparkSession

from lakehouse.maintenance import Plan, all_tables, time_of

log = logging.getLogger(__name__)

PARALLEL = 3
NO_OTHERS = "TIMESTAMP '1970-01-01'"
"""Iceberg would also expire by age, by its own rules; here the named snapshots go and no others."""


def expire_snapshots(spark: SparkSession, catalog: Catalog, plan: Plan) -> list[str]:
    """Expire in every table what :func:`expirable` names. A table that changes meanwhile is left for the next time."""

    def expire(item: tuple[str, Table]) -> str | None:
        name, table = item
        snapshots = expirable(table, plan)
        if not snapshots:
            return None
        line = f"{name}: {len(snapshots)} of {len(table.snapshots())} snapshots"
        if not plan.dry_run:
            ids = ", ".join(map(str, snapshots))
            try:
                spark.sql(
                    f"CALL lake.system.expire_snapshots(table => '{name}', snapshot_ids => ARRAY({ids}),"
                    f" older_than => {NO_OTHERS})"
                ).collect()
            except Exception as error:
                # A load may have committed, or opened a branch at one of them, which Iceberg then refuses to expire.
                line = f"{name}: left for the next time: {str(error).splitlines()[0]}"
        log.info(line)
        return line

    with ThreadPoolExecutor(PARALLEL) as pool:
        return [line for line in pool.map(expire, all_tables(catalog).items()) if line]


def expirable(table: Table, plan: Plan) -> list[int]:
    """The old snapshots that are no head of main, of a branch or of a tag, nor what a kept one was cherry-picked from.

    A cherry-picked commit says nothing of its run and its sources; the commit that was picked does.
    """
    kept = {ref.snapshot_id for ref in table.refs().values()}
    kept |= {each.snapshot_id for each in table.snapshots() if time_of(each.timestamp_ms) >= plan.snapshots_before}
    picked = {}
    for snapshot in table.snapshots():
        properties = snapshot.summary.additional_properties if snapshot.summary else {}
        if source := properties.get("source-snapshot-id"):
            picked[snapshot.snapshot_id] = int(source)
    kept |= {picked[snapshot_id] for snapshot_id in kept if snapshot_id in picked}
    return [snapshot.snapshot_id for snapshot in table.snapshots() if snapshot.snapshot_id not in kept]

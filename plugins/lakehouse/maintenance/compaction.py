"""Make few large files of many small ones, where many small commits are what a table is for.

Those are the messages of the stream and the tables that runs keep of themselves. The tables of the layers are left as
their runs wrote them: a run replaces whole months or whole tables, one file each, and the snapshot it wrote is what
derived tables name as their source. What grows there is the number of manifests, which commits merge by themselves,
once the table is told after how many.
"""

import logging

from pyiceberg.catalog import Catalog
from pyiceberg.table import Table
from pyspark.sql import SparkSession

from lakehouse.branches import decided_anew
from lakehouse.contracts import OPS
from lakehouse.maintenance import Plan, all_tables
from lakehouse.tables import EVENTS, RELEASED

log = logging.getLogger(__name__)

GROWING = [EVENTS, *OPS]
SMALL_FILES = 5
"""So many files in a partition are worth writing again."""
MANIFESTS = 16
MERGE_AFTER = {"commit.manifest.min-count-to-merge": str(MANIFESTS)}


def compact(spark: SparkSession, catalog: Catalog, plan: Plan) -> list[str]:
    """Compact data files and manifests of the growing tables, and let commits merge the manifests of the others."""
    done = []
    for name, table in all_tables(catalog).items():
        line = _compacted(spark, name, table, plan) if name in GROWING else None
        if name in RELEASED and not MERGE_AFTER.items() <= table.properties.items():
            line = f"{name}: commits merge {MANIFESTS} manifests from now on"
            if not plan.dry_run:
                _merge_from_now_on(table)
        if line:
            log.info(line)
            done.append(line)
    return done


def _compacted(spark: SparkSession, name: str, table: Table, plan: Plan) -> str | None:
    snapshot = table.current_snapshot()
    if snapshot is None:
        return None
    manifests = len(snapshot.manifests(table.io))
    crowded = [each for each in table.inspect.partitions().to_pylist() if each["file_count"] >= SMALL_FILES]
    if not crowded and manifests < MANIFESTS:
        return None
    files = sum(each["file_count"] for each in crowded)
    if plan.dry_run:
        return f"{name}: {files} files in {len(crowded)} partitions, {manifests} manifests"
    options = f"map('min-input-files', '{SMALL_FILES}')"
    try:
        (data,) = spark.sql(f"CALL lake.system.rewrite_data_files(table => '{name}', options => {options})").collect()
        (meta,) = spark.sql(f"CALL lake.system.rewrite_manifests(table => '{name}', use_caching => false)").collect()
    except Exception as error:  # a load committed to the same files; its commit stands
        return f"{name}: left for the next time: {str(error).splitlines()[0]}"
    return (
        f"{name}: {data['rewritten_data_files_count']} files are {data['added_data_files_count']},"
        f" {meta['rewritten_manifests_count']} manifests are {meta['added_manifests_count']}"
    )


@decided_anew
def _merge_from_now_on(table: Table) -> None:
    with table.refresh().transaction() as transaction:
        transaction.set_properties(MERGE_AFTER)

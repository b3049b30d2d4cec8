"""Delete files in the folders of tables that no snapshot names: what crashed writers left behind."""

import logging
from typing import Any

from pyiceberg.catalog import Catalog
from pyspark.sql import SparkSession

from lakehouse.maintenance import Plan, all_tables
from lakehouse.maintenance.measures import objects_of_tables

log = logging.getLogger(__name__)

SHOWN = 20


def remove_orphan_files(spark: SparkSession, s3: Any, bucket: str, catalog: Catalog, plan: Plan) -> list[str]:
    """Find the orphans of each table, then delete them, and in a dry run do not.

    Only objects in the table's own folder of the warehouse are looked at, and only those older than a safe age: a
    younger one may belong to a commit that is still to come. Iceberg refuses an age of less than a day.
    """
    done = []
    tables = all_tables(catalog)
    found = objects_of_tables(s3, bucket, tables.values())
    for name, table in tables.items():
        old = [each for each in found[table.location()] if each.modified_at < plan.orphans_before]
        if not old:
            continue
        rows = [(each.location, each.modified_at) for each in old]
        spark.createDataFrame(rows, "file_path string, last_modified timestamp").createOrReplaceTempView("old_files")
        orphans = _orphans(spark, name, plan, dry_run=True)
        if orphans:
            done.append(f"{name}: {len(orphans)} files without a snapshot: {', '.join(orphans[:SHOWN])}")
            log.info(done[-1])
        if orphans and not plan.dry_run:
            _orphans(spark, name, plan, dry_run=False)
    return done


def _orphans(spark: SparkSession, name: str, plan: Plan, *, dry_run: bool) -> list[str]:
    rows = spark.sql(
        f"CALL lake.system.remove_orphan_files(table => '{name}', file_list_view => 'old_files',"
        f" older_than => TIMESTAMP '{plan.orphans_before:%Y-%m-%d %H:%M:%S}', dry_run => {str(dry_run).lower()})"
    )
    return sorted(row[0] for row in rows.collect())

"""Delete landed dataset versions that nothing refers to, and reports of runs of long ago."""

import json
import logging
from typing import Any

from pyiceberg.catalog import Catalog
from pyiceberg.expressions import EqualTo
from pyiceberg.table import Table
from pyiceberg.table.refs import MAIN_BRANCH

from lakehouse import objects
from lakehouse.branches import decided_anew
from lakehouse.changes import files_with_datasets
from lakehouse.landing.csv_files import COLUMNS
from lakehouse.landing.split import MONTHLY
from lakehouse.landing.tables import NAMESPACE, files_of_version
from lakehouse.maintenance import Plan
from lakehouse.serving import list_releases
from spark_jobs.common.lake import head, written_table

log = logging.getLogger(__name__)

QUALITY, LANDING = "quality/", "landing/"


def delete_old_reports(s3: Any, bucket: str, plan: Plan) -> list[str]:
    """Delete the reports of audits of before a time; their outcomes stay in ``ops.quality_results``."""
    keys = [each["Key"] for each in objects.below(s3, bucket, QUALITY) if each["LastModified"] < plan.quality_before]
    if keys and not plan.dry_run:
        objects.delete(s3, bucket, keys)
    runs = sorted({key.rsplit("/", 1)[0] for key in keys})
    return [f"{len(keys)} reports of {len(runs)} runs, the first {runs[0]}"] if runs else []


def delete_old_landings(s3: Any, bucket: str, catalog: Catalog, plan: Plan) -> list[str]:
    """Delete dataset versions landed before a time that have rows neither in bronze nor in a release that is kept.

    The manifest goes first: from then on the version counts as not landed. The data files go when the snapshots of
    ``landing.*`` that name them expire.
    """
    used = used_versions(catalog)
    done = []
    for key in [each["Key"] for each in objects.below(s3, bucket, LANDING) if each["Key"].endswith("/started.json")]:
        folder = key.removesuffix("/started.json")
        _, dataset, version = folder.split("/")
        landed_at = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())["landed_at"]
        if version in used or landed_at >= plan.landing_before.isoformat():
            continue
        done.append(f"{dataset}@{version}, landed {landed_at[:10]}")
        log.info(done[-1])
        if not plan.dry_run:
            objects.delete(s3, bucket, [f"{folder}/manifest.json"])
            for name in COLUMNS:
                if table := written_table(catalog, f"{NAMESPACE}.{name}"):
                    _delete_version(table, version)
            objects.delete(s3, bucket, [f"{folder}/README.txt", key])
    return done


def used_versions(catalog: Catalog) -> set[str]:
    """The dataset versions with rows in bronze as main or a release has it, from the bounds of its files.

    A version is landed once, whatever names it has.
    """
    releases = list_releases(catalog) if written_table(catalog, "ops.releases") else []
    used = {release.dataset for release in releases}
    for name in [f"bronze.{each}" for each in MONTHLY]:
        table = written_table(catalog, name)
        if table is None:
            continue
        kept = {release.tables[name] for release in releases if name in release.tables}
        for snapshot_id in kept | {head(table, MAIN_BRANCH)}:
            for _, datasets in files_with_datasets(table, snapshot_id):
                used |= datasets
    return {name.rpartition("@")[2] for name in used}


@decided_anew
def _delete_version(table: Table, version: str) -> None:
    if files_of_version(table.refresh(), version):
        table.delete(EqualTo(term="_dataset_version", value=version))

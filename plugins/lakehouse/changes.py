"""Which months of the lake are not what a landed dataset version has: late, corrected and withdrawn rows."""

from collections.abc import Callable, Iterator
from datetime import date
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.catalog import Catalog
from pyiceberg.expressions import EqualTo
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table
from pyiceberg.utils.datetime import days_to_date

from lakehouse.landing import Manifest
from lakehouse.landing.split import MONTHLY
from spark_jobs.common.lake import written_table

ReadManifest = Callable[[str, str], Manifest]


def changed_months(catalog: Catalog, manifest: Manifest, read_manifest: ReadManifest) -> set[date]:
    """The months whose landed rows differ from those in bronze, or which name a movie that came or went.

    What is compared are digests of the rows as received, kept in the manifests, so no data is read; only for movies
    that are not in both catalogues the landed rows that name them are looked up. A month that cannot be compared,
    because it was written before there were digests, counts as changed.
    """
    read_once = cache(read_manifest)  # many months, few versions
    changed = months_of_other_movies(catalog, manifest)
    for name in MONTHLY:
        landed = {date.fromisoformat(f"{month}-01"): each for month, each in manifest.digests.get(name, {}).items()}
        in_lake = {
            month: {_digest(dataset, name, month, read_once) for dataset in datasets}
            for month, datasets in datasets_by_month(catalog, f"bronze.{name}").items()
        }
        changed |= {month for month in landed.keys() | in_lake.keys() if in_lake.get(month) != {landed.get(month)}}
    return changed


def _digest(dataset_version: str, name: str, month: date, read_manifest: ReadManifest) -> str | None:
    dataset, _, version = dataset_version.rpartition("@")
    return read_manifest(dataset, version).digests.get(name, {}).get(f"{month:%Y-%m}")


def months_in_lake(catalog: Catalog) -> set[date]:
    """The months in which bronze has ratings or tags."""
    return {month for name in MONTHLY for month in datasets_by_month(catalog, f"bronze.{name}")}


def datasets_by_month(catalog: Catalog, name: str) -> dict[date, set[str]]:
    """The dataset versions that the rows of each month came from, from the bounds that Iceberg keeps of every file."""
    table = written_table(catalog, name)
    if table is None:
        return {}
    found: dict[date, set[str]] = {}
    for file, datasets in files_with_datasets(table):
        days = file.partition[0]
        if days is not None:
            found.setdefault(days_to_date(days), set()).update(datasets)
    return found


def files_with_datasets(table: Table, snapshot_id: int | None = None) -> Iterator[tuple[DataFile, set[str]]]:
    """The data files of a bronze table at a snapshot, by default main's, with the dataset versions of their rows."""
    column = table.schema().find_field("_dataset").field_id
    for task in table.scan(snapshot_id=snapshot_id).plan_files():
        bounds = (task.file.lower_bounds, task.file.upper_bounds)
        yield task.file, {bound[column].decode() for bound in bounds if column in bound}


def months_of_other_movies(catalog: Catalog, manifest: Manifest) -> set[date]:
    """The months of landed ratings and tags of movies that only one of two catalogues has: bronze's or the new one.

    Such a rating is accepted or quarantined differently now, though it has not changed itself.
    """
    of_version = EqualTo(term="_dataset_version", value=manifest.version)
    landed = catalog.load_table("landing.movies").scan(row_filter=of_version, selected_fields=("movieId",)).to_arrow()
    bronze = written_table(catalog, "bronze.movies")
    if bronze is None:
        return set()
    in_lake = bronze.scan(selected_fields=("movieId",)).to_arrow()
    others = set(landed["movieId"].drop_null().to_pylist()) ^ set(in_lake["movieId"].drop_null().to_pylist())
    if not others:
        return set()
    months: set[date] = set()
    for name in MONTHLY:
        columns = ("movieId", "_event_month")
        for rows in catalog.load_table(f"landing.{name}").scan(of_version, columns).to_arrow_batch_reader():
            of_others = rows.filter(pc.is_in(rows["movieId"], pa.array(others, rows["movieId"].type)))
            months.update(of_others["_event_month"].unique().to_pylist())
    return {month for month in months if month}

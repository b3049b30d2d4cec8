"""Record releases: sets of table snapshots that belong together, each tagged so that maintenance keeps it."""

import hashlib
import logging
from datetime import UTC, datetime
from typing import Any, Literal

import pyarrow as pa
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.expressions import EqualTo
from pyiceberg.table import Table
from pyiceberg.table.refs import MAIN_BRANCH

from lakehouse.defaults import setting
from lakehouse.reports import count_warnings
from lakehouse.serving import RELEASES, Release, as_release
from lakehouse.tables import RELEASED
from spark_jobs.common.lake import SOURCE, count_rows, head, properties_of
from spark_jobs.common.run import Run

log = logging.getLogger(__name__)


class InconsistentError(Exception):
    """The heads of main do not belong together: another run is publishing; try again when it has."""


def release_run(run: dict[str, Any]) -> str:
    """Record what a run has published as a release and return its id."""
    catalog, this_run = load_catalog("lake"), Run.from_json(run)
    warnings = count_warnings(catalog, this_run.run_id)
    code_version = setting("code_version", "unknown")
    return record_release(catalog, this_run, warnings=warnings, code_version=code_version).release_id


def record_release(
    catalog: Catalog,
    run: Run,
    *,
    warnings: int,
    code_version: str,
    kind: Literal["load", "stream", "rollback"] = "load",
) -> Release:
    """Pin the heads of main as a release. The same run and heads are the same release, however often this is called.

    Raises:
        InconsistentError: a derived table was computed from other snapshots than those at the heads, or counts differ.
    """
    tables = {name: catalog.load_table(name) for name in RELEASED}
    heads = {name: head(table, MAIN_BRANCH) for name, table in tables.items()}
    _check_sources(tables, heads)
    digest = hashlib.sha256(repr((run.run_id, sorted(heads.items()))).encode()).hexdigest()[:8]
    release_id = f"{run.started_at:%Y%m%dT%H%M%SZ}-{digest}"
    _check_counts(tables, heads)
    for name, table in tables.items():
        if release_id not in table.refs():
            with table.manage_snapshots() as snapshots:
                snapshots.create_tag(heads[name], release_id)
    row = {
        "release_id": release_id,
        "run_id": run.run_id,
        "created_at": datetime.now(UTC).replace(tzinfo=None),
        "dataset": run.dataset_version,
        "code_version": code_version,
        "kind": kind,
        "restored_from": None,
        "tables": heads,
        "quality_status": f"passed with {warnings} warnings" if warnings else "passed",
    }
    releases = catalog.load_table(RELEASES)
    if not releases.scan(row_filter=EqualTo(term="release_id", value=release_id)).count():
        releases.append(pa.Table.from_pylist([row], schema=releases.schema().as_arrow()))
    log.info("release %s: %d tables of %s", release_id, len(heads), run.dataset_version)
    return as_release(row, catalog)


def _check_sources(tables: dict[str, Table], heads: dict[str, int]) -> None:
    """Tables that are replaced as a whole must have been computed from the heads of their sources.

    Quarantine also reads what it held before, which is no longer its head.
    """
    for name, table in tables.items():
        if table.spec().fields:
            continue
        for key, value in properties_of(table, heads[name]).items():
            source = key.removeprefix(SOURCE)
            if key.startswith(SOURCE) and source in heads and source != name and heads[source] != int(value):
                raise InconsistentError(f"{name} was computed from snapshot {value} of {source}, not {heads[source]}")


def _check_counts(tables: dict[str, Table], heads: dict[str, int]) -> None:
    """Every rating of silver is in the histogram, every movie in the analytics, every bronze row accounted for."""
    counts = {name: count_rows(table, heads[name]) for name, table in tables.items()}
    histogram = tables["gold.rating_histogram"].scan(snapshot_id=heads["gold.rating_histogram"]).to_arrow()
    in_histogram = sum(histogram["rating_count"].to_pylist())
    if in_histogram != counts["silver.ratings"]:
        raise InconsistentError(f"silver.ratings has {counts['silver.ratings']} rows, gold counts {in_histogram}")
    if counts["gold.movie_analytics"] != counts["silver.movies"]:
        raise InconsistentError(
            f"silver.movies has {counts['silver.movies']} rows, gold.movie_analytics {counts['gold.movie_analytics']}"
        )
    for name in ("ratings", "tags"):
        kept = counts[f"silver.{name}"] + counts[f"quarantine.{name}"]
        if kept > counts[f"bronze.{name}"]:
            raise InconsistentError(f"bronze.{name} has {counts[f'bronze.{name}']} rows, silver and quarantine {kept}")

"""Record releases: sets of table snapshots that belong together, each tagged so that maintenance keeps it."""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Literal

import pyarrow as pa
from airflow.sdk.exceptions import AirflowSkipException
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.expressions import EqualTo
from pyiceberg.table import Table
from pyiceberg.table.refs import MAIN_BRANCH
from pyiceberg.table.snapshots import ancestors_of

from lakehouse.branches import tag
from lakehouse.defaults import setting
from lakehouse.reports import count_warnings
from lakehouse.serving import RELEASES, Release, as_release
from lakehouse.tables import RELEASED
from spark_jobs.common.lake import count_rows, head, properties_of, sources_of
from spark_jobs.common.run import Run

log = logging.getLogger(__name__)


class InconsistentError(Exception):
    """The heads of main do not belong together: another run is publishing; try again when it has."""


def release_run(run: dict[str, Any], is_running: Callable[[list[str]], bool]) -> str:
    """Record what a run has published as a release and return its id.

    In a backfill, silver may have a month of a parallel run that gold or the marts have not yet. The release is then
    left to that run, which publishes them later and so includes this month. ``is_running`` says whether one of some
    runs is at work.

    Raises:
        AirflowSkipException: the release is left to a parallel run.
        InconsistentError: the published tables do not belong together, and no run is about to change that.
    """
    catalog, this_run = load_catalog("lake"), Run.from_json(run)
    warnings = count_warnings(catalog, this_run.run_id)
    code_version = setting("code_version", "unknown")
    try:
        return record_release(
            catalog, this_run, warnings=warnings, code_version=code_version, kind=this_run.kind
        ).release_id
    except InconsistentError as error:
        others = runs_on_their_way(catalog)
        if not others:
            raise
        if is_running(others):
            raise AirflowSkipException(f"The release is left to {', '.join(others)}: {error}") from error
        raise InconsistentError(
            f"{error}. Gold or the marts lack what these runs published: clear {', '.join(others)}"
        ) from error


def runs_on_their_way(catalog: Catalog) -> list[str]:
    """The runs that have published ratings in silver, but not yet what gold and the marts make of them."""
    path = ("silver.ratings", "gold.monthly_movie_ratings", "marts.silver_movie_ratings")
    published = [Counter(_run_ids(catalog.load_table(name))) for name in path]
    return sorted({run for before, after in pairwise(published) for run in before - after})


def _run_ids(table: Table) -> Iterator[str]:
    """The run of every commit of main."""
    for snapshot in ancestors_of(table.current_snapshot(), table.metadata):
        properties = properties_of(table, snapshot.snapshot_id)
        if "lakehouse.run-id" in properties:
            yield properties["lakehouse.run-id"]


def record_release(
    catalog: Catalog,
    run: Run,
    *,
    warnings: int,
    code_version: str,
    kind: Literal["load", "replay", "stream", "rollback"] = "load",
    restored_from: Release | None = None,
) -> Release:
    """Pin the heads of main as a release. The same run and heads are the same release, however often this is called.

    A rollback pins the tables that it has restored: a release of before a table was added does not have it.

    Raises:
        InconsistentError: a derived table was computed from other snapshots than those at the heads, or counts differ.
    """
    tables = {name: catalog.load_table(name) for name in (restored_from.tables if restored_from else RELEASED)}
    heads = {name: head(table, MAIN_BRANCH) for name, table in tables.items()}
    _check_sources(tables, heads)
    digest = hashlib.sha256(repr((run.run_id, sorted(heads.items()))).encode()).hexdigest()[:8]
    release_id = f"{run.started_at:%Y%m%dT%H%M%SZ}-{digest}"
    _check_counts(tables, heads)
    for name, table in tables.items():
        tag(table, release_id, heads[name])
    row = {
        "release_id": release_id,
        "run_id": run.run_id,
        "created_at": datetime.now(UTC).replace(tzinfo=None),
        "dataset": run.dataset_version,
        "code_version": code_version,
        "kind": kind,
        "restored_from": restored_from.release_id if restored_from else None,
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
        for source, snapshot in sources_of(table, heads[name]).items():
            if source in heads and source != name and heads[source] != snapshot:
                raise InconsistentError(
                    f"{name} was computed from snapshot {snapshot} of {source}, not {heads[source]}"
                )


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

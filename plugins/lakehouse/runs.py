"""Decide what a run of ``movielens_lakehouse`` is for: its dataset version and its months."""

import logging
import re
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.expressions import And, EqualTo, IsNull
from pyiceberg.table.refs import MAIN_BRANCH

from lakehouse.changes import changed_months, months_in_lake
from lakehouse.datasets import DatasetError
from lakehouse.defaults import setting
from lakehouse.landing import Manifest, land_dataset, read_manifest
from lakehouse.tables import EVENTS
from spark_jobs.common.lake import head, properties_of, rows_by_month, written_table
from spark_jobs.common.months import FIRST_MONTH, Months
from spark_jobs.common.run import Run

log = logging.getLogger(__name__)


class NoMonthsError(ValueError):
    """It cannot be told which months a run is for."""


def start_run(run_id: str, params: dict[str, Any], ds: str | None) -> dict[str, Any]:
    """Land the dataset of a run and plan it; the plan goes from task to task as JSON.

    Raises:
        AirflowSkipException: there is nothing to do in the run's months.
        AirflowFailException: the dataset or the params are at fault; trying again would not help.
    """
    try:
        manifest = land_dataset(params["dataset"] or setting("dataset"))
        catalog = load_catalog("lake")
        changed = changed_months(catalog, manifest, read_manifest)
        run = plan(
            run_id,
            datetime.now(UTC),
            manifest,
            catalog,
            from_month=params["from_month"],
            to_month=params["to_month"],
            ds=ds,
            changed=changed,
            only_changed=params["only_changed"],
            **code_settings(),
        )
    except (DatasetError, NoMonthsError) as error:
        raise AirflowFailException(str(error)) from error
    is_range = params["from_month"] or params["to_month"]
    if not is_range and is_idle(run, manifest, catalog):
        reason = (
            f"The lake has what {run.dataset_version} has in all months asked for"
            if params["only_changed"]
            else f"No ratings or tags in {run.months}, and the lake has none there either"
        )
        log.info(reason)  # Airflow's own line says only that the task is skipped
        raise AirflowSkipException(reason)
    log.info("%s of %s", run.months, run.dataset_version)
    if stale := [month for month in changed & months_in_lake(catalog) if month not in run.months]:
        log.warning(
            "%s has other rows than the lake in %s too: trigger a run with only_changed for them",
            *(run.dataset_version, Months.of_each(stale)),
        )
    return run.to_json()


def plan(
    run_id: str,
    started_at: datetime,
    manifest: Manifest,
    catalog: Catalog,
    *,
    from_month: str | None,
    to_month: str | None,
    ds: str | None,
    changed: Collection[date],
    only_changed: bool,
    top_movies_min_ratings: int,
    code_version: str,
) -> Run:
    """The run over ``from_month`` to ``to_month`` (YYYY-MM), or else over the month of ``ds`` (YYYY-MM-DD).

    An open end of the range is the first possible month or the current one. With ``only_changed`` the run is for those
    of these months, by default of all, that are ``changed``; then it may be for no month, but a new catalogue. The rows
    without a readable time belong to the first run of a version that publishes silver: to this one, if none has.

    Raises:
        NoMonthsError: there is neither a range nor a logical date, or the range ends before it begins.
    """
    if from_month or to_month or only_changed:
        months = months_of_range(from_month, to_month)
    elif ds:
        months = months_of_range(ds[:7], ds[:7])
    else:
        raise NoMonthsError("This run has no logical date: trigger it with one, or with from_month and to_month")
    if only_changed:
        months = Months.of_each([month for month in changed if month in months])
    months = replace(months, unknown=unknown_month_is_due(catalog, manifest))
    return Run(run_id, manifest.dataset, manifest.version, months, started_at, top_movies_min_ratings, code_version)


def months_of_range(from_month: str | None, to_month: str | None) -> Months:
    """The months of a range (YYYY-MM), an open end of which is the first possible month or the current one.

    Raises:
        NoMonthsError: the range ends before it begins.
    """
    first = _month(from_month) if from_month else FIRST_MONTH
    last = _month(to_month) if to_month else datetime.now(UTC).date().replace(day=1)
    if last < first:
        raise NoMonthsError(f"from_month {first:%Y-%m} is later than to_month {last:%Y-%m}: exchange them")
    return Months.between(first, last)


def code_settings() -> dict[str, Any]:
    """What a run keeps of the settings and of the code, as arguments of ``Run``."""
    return {
        "top_movies_min_ratings": int(setting("top_movies_min_ratings", "50")),
        "code_version": setting("code_version", "unknown"),
    }


def lake_version(catalog: Catalog) -> str | None:
    """The dataset and version whose catalogue of movies the lake has; None before the first load."""
    movies = written_table(catalog, "bronze.movies")
    return properties_of(movies, head(movies, MAIN_BRANCH)).get("lakehouse.dataset") if movies else None


def _month(text: str) -> date:
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text):
        raise NoMonthsError(f"{text!r} is not a month: write it as YYYY-MM")
    return date.fromisoformat(f"{text}-01")


def unknown_month_is_due(catalog: Catalog, manifest: Manifest) -> bool:
    """Whether main's quarantine lacks this version's rows without a readable time, or has those of another version."""
    for table, landed in manifest.unknown_month.items():
        try:
            quarantine = catalog.load_table(f"quarantine.{table}")
        except NoSuchTableError:
            return landed > 0
        of_files = And(IsNull(term="_event_month"), EqualTo(term="_source", value="file"))
        rows = quarantine.scan(row_filter=of_files, selected_fields=("_dataset",)).to_arrow()
        due = {f"{manifest.dataset}@{manifest.version}"} if landed else set()
        if set(rows["_dataset"].to_pylist()) != due:
            return True
    return False


def is_idle(run: Run, manifest: Manifest, catalog: Catalog) -> bool:
    """Whether a run has nothing to do: no rows in its months, landed or in the lake, and the same catalogue."""
    landed = {month for months in manifest.months.values() for month in months}
    if run.months.unknown or any(date.fromisoformat(f"{month}-01") in run.months for month in landed):
        return False
    ratings, tags, movies = (written_table(catalog, f"bronze.{name}") for name in ("ratings", "tags", "movies"))
    if not (ratings and tags and movies):
        return True  # before the first run, or after one that did not get far
    with_rows = [ratings, tags, *filter(None, [written_table(catalog, EVENTS)])]
    if any(month in run.months for table in with_rows for month in rows_by_month(table, head(table, MAIN_BRANCH))):
        return False
    return lake_version(catalog) == run.dataset_version

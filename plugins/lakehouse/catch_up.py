"""What gold is computed from: silver at one moment, over all months in which silver has moved on since the last time.

A run of a backfill finds months in silver that parallel runs have published and that gold has not yet. Gold takes them
along, so that it always is what silver was at the snapshot that it names as its source, over all months.
"""

from dataclasses import replace
from datetime import date

from pyiceberg.catalog import Catalog
from pyiceberg.table import Table
from pyiceberg.table.refs import MAIN_BRANCH
from pyiceberg.utils.datetime import days_to_date

from lakehouse.tables import LAYERS
from spark_jobs.common.lake import head, sources_of
from spark_jobs.common.run import Run

RATINGS, MONTHLY = "silver.ratings", "gold.monthly_movie_ratings"


def gold_to_write(catalog: Catalog, run: Run) -> tuple[Run, dict[str, int]]:
    """The run over its months and those that gold lacks, and the snapshots of silver that gold is computed from."""
    sources = {name: head(catalog.load_table(name), MAIN_BRANCH) for name in LAYERS["silver"]}
    return _with_months_behind(catalog, run, sources[RATINGS]), sources


def gold_to_audit(catalog: Catalog, run: Run) -> tuple[Run, dict[str, int]]:
    """The same of what the run has written: silver may have moved on since."""
    sources: dict[str, int] = {}
    for name in LAYERS["gold"]:
        table = catalog.load_table(name)
        found = sources_of(table, head(table, run.branch))
        sources |= {source: snapshot for source, snapshot in found.items() if source in LAYERS["silver"]}
    return (_with_months_behind(catalog, run, sources[RATINGS]) if RATINGS in sources else run), sources


def _with_months_behind(catalog: Catalog, run: Run, until: int) -> Run:
    monthly = catalog.load_table(MONTHLY)
    since = sources_of(monthly, head(monthly, MAIN_BRANCH)).get(RATINGS)
    behind = months_between(catalog.load_table(RATINGS), since, until)
    return replace(run, months=run.months.with_months(behind))


def months_between(ratings: Table, since: int | None, until: int) -> set[date]:
    """The months that have other data files at one snapshot than at another; all if that one is not there any more."""
    if since == until:
        return set()
    before = _files_by_month(ratings, since) if since and ratings.snapshot_by_id(since) else {}
    now = _files_by_month(ratings, until)
    return {month for month in before.keys() | now.keys() if before.get(month) != now.get(month)}


def _files_by_month(ratings: Table, snapshot_id: int) -> dict[date, set[str]]:
    found: dict[date, set[str]] = {}
    for task in ratings.scan(snapshot_id=snapshot_id).plan_files():
        found.setdefault(days_to_date(task.file.partition[0]), set()).add(task.file.file_path)
    return found

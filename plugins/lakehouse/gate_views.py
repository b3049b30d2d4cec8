"""What the SQL of the suites may name, at the heads that the run sees:

- ``<layer>_<table>``: the run's months of a table, or all of it where it has no months; of the messages of the stream
  (``bronze_rating_events``), those that the run has read;
- ``<layer>_<table>_months``: (month, row_count) of a month-partitioned table in the run's months, from metadata;
- ``<layer>_<table>_all_months``: the same of all months;
- ``<layer>_<table>_before``: a table as main has it, which is what readers see; empty if that is another dataset;
- ``half_stars_by_month``: (month, half_star_1 ... half_star_10) of ``gold.monthly_movie_ratings`` in the run's months
  and in the year before and after them;
- ``corrected_<table>``: the run's months of bronze ratings or tags with the values that people have decided on, as the
  silver job saw them, and those received in the struct ``_received``;
- ``<table>_open_months``: (month) of ratings or tags in which silver and quarantine do not add up to bronze, because
  rows were collapsed, or lost; from metadata;
- ``row_counts``: (table_name, row_count) of every table over all months, from metadata;
- ``landed``: (table_name, month, row_count) as landing counted them; month is null for a catalogue and for rows
  without a readable time;
- ``landed_in_all``: (table_name, row_count) of the whole dataset version;
- ``landed_before``: (table_name, row_count) of what bronze has of files as main shows it, 0 if that is another dataset;
- ``settings``: (max_quarantined_share, max_quarantined_rows, counted_since): a row that was first seen in quarantine
  before ``counted_since`` has been let pass.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.contracts import read_contract
from lakehouse.landing import Manifest
from lakehouse.landing.csv_files import COLUMNS
from lakehouse.landing.split import MONTHLY
from lakehouse.tables import EVENTS, RELEASED
from spark_jobs.common.lake import Lake
from spark_jobs.common.months import EVERY_MONTH
from spark_jobs.silver.corrections import corrected, corrections

COUNTS = "month date, row_count bigint"
TOTALS = "table_name string, row_count bigint"
HALF_STARS = ", ".join(["month date", *(f"half_star_{half} bigint" for half in range(1, 11))])


@dataclass(frozen=True)
class QuarantineLimits:
    """A run is stopped when more rows than both limits allow would be quarantined that were first seen since a time."""

    max_quarantined_share: float = 0.01
    max_quarantined_rows: int = 10
    counted_since: datetime = datetime(1970, 1, 1, tzinfo=UTC)


def view_of(table: str) -> str:
    return table.replace(".", "_")


def create_views(
    lake: Lake, batches: dict[str, DataFrame], queries: str, manifest: Manifest, limits: QuarantineLimits
) -> None:
    """Create the views of the batches, and of what else the queries name."""

    def named(view: str) -> bool:
        return re.search(rf"\b{view}\b", queries) is not None

    def create(view: str, schema: str, rows: Callable[..., Iterable[tuple[Any, ...]]], *of: Any) -> None:
        if named(view):
            lake.spark.createDataFrame(list(rows(*of)), schema).createOrReplaceTempView(view)

    rows_by_month, every_month = cache(lake.rows_by_month), lake.for_months(EVERY_MONTH)
    for table, batch in batches.items():
        batch.createOrReplaceTempView(view_of(table))
    for table in [*RELEASED, EVENTS]:
        view = view_of(table)
        if table not in batches and named(view):
            lake.read(table).createOrReplaceTempView(view)
        if named(f"{view}_before"):
            (lake.read_before(table) or _no_rows(lake, table)).createOrReplaceTempView(f"{view}_before")
        create(f"{view}_months", COUNTS, lambda name: rows_by_month(name).items(), table)
        create(f"{view}_all_months", COUNTS, lambda name: every_month.rows_by_month(name).items(), table)
    for name in MONTHLY:
        create(f"{name}_open_months", "month date", _open_months, rows_by_month, name)
        if named(f"corrected_{name}"):
            rows = corrected(lake.read(f"bronze.{name}"), corrections(lake, name), name)
            rows.createOrReplaceTempView(f"corrected_{name}")
    create("half_stars_by_month", HALF_STARS, _half_stars_by_month, lake)
    create("row_counts", TOTALS, lambda: [(table, lake.total(table)) for table in RELEASED])
    create("landed", "table_name string, month date, row_count bigint", _landed, lake, manifest)
    create("landed_in_all", TOTALS, lambda: [(name, _landed_in_all(manifest, name)) for name in COLUMNS])
    create("landed_before", TOTALS, lambda: [(name, _landed_before(lake, name)) for name in COLUMNS])
    settings = "max_quarantined_share double, max_quarantined_rows bigint, counted_since timestamp"
    create("settings", settings, lambda: [astuple(limits)])


def _no_rows(lake: Lake, table: str) -> DataFrame:
    columns = read_contract(table).columns
    return lake.spark.createDataFrame([], ", ".join(f"`{column.name}` {column.type}" for column in columns))


def _half_stars_by_month(lake: Lake) -> list[tuple[Any, ...]]:
    around = lake.for_months(lake.run.months.with_year_around())
    rows = around.read("gold.monthly_movie_ratings", one_task_a_month=False)
    sums = [F.sum(f"half_star_{half}") for half in range(1, 11)]
    return [tuple(row) for row in rows.groupBy("month").agg(*sums).collect()]


def _open_months(rows_by_month: Callable[[str], dict[date | None, int]], table: str) -> list[tuple[date | None]]:
    bronze, silver, quarantine = (rows_by_month(f"{layer}.{table}") for layer in ("bronze", "silver", "quarantine"))
    return [(month,) for month, rows in bronze.items() if rows != silver.get(month, 0) + quarantine.get(month, 0)]


def _landed_in_all(manifest: Manifest, table: str) -> int:
    file = manifest.files[f"{table}.csv"]
    return int(file["rows"]) + int(file["malformed"])


def _landed_before(lake: Lake, table: str) -> int:
    name = f"bronze.{table}"
    before = lake.read_before(name)
    if before is None or table != "ratings" or lake.total(EVENTS) == 0:
        return lake.total_before(name)
    return before.where("_source = 'file'").count()


def _landed(lake: Lake, manifest: Manifest) -> list[tuple[str, date | None, int]]:
    """What landing counted in the months of the run."""
    catalogues = ("movies", "links")
    rows: list[tuple[str, date | None, int]] = [(table, None, _landed_in_all(manifest, table)) for table in catalogues]
    for table, months in manifest.months.items():
        by_month: dict[date | None, int] = {date.fromisoformat(f"{month}-01"): count for month, count in months.items()}
        by_month[None] = manifest.unknown_month[table]
        rows += [(table, month, count) for month, count in by_month.items() if month in lake.run.months and count]
    return rows

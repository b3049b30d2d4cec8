"""Figures of one table over months or releases, and what its quarantine holds."""

import json
from collections.abc import Iterator
from textwrap import shorten
from typing import Any

import duckdb
import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.table.refs import MAIN_BRANCH

from lakehouse.gate import load_suite
from lakehouse.quality_ui.charts import LineChart, line_chart
from lakehouse.serving import Release
from spark_jobs.common.lake import count_rows, head, rows_by_month
from spark_jobs.silver.corrections import RECEIVED

MEAN_BY_MONTH = f"""
    SELECT month, ({" + ".join(f"{half} * sum(half_star_{half})" for half in range(1, 11))})::DOUBLE
        / 2 / sum({" + ".join(f"half_star_{half}" for half in range(1, 11))}) AS rating_avg
    FROM monthly GROUP BY month ORDER BY month"""

SHOWN = 100
"""Quarantined rows on a page."""
LONGEST = 200
"""Characters that are shown of a message."""


def charts_of(catalog: Catalog, table: str, releases: list[Release]) -> Iterator[LineChart]:
    """The row counts of a table by month, or by release where it has no months; for ratings their mean too."""
    loaded = catalog.load_table(table)
    if loaded.spec().fields:
        by_month = rows_by_month(loaded, head(loaded, MAIN_BRANCH))
        counts = sorted((month, rows) for month, rows in by_month.items() if month)
        yield line_chart("Rows by month", [(f"{month:%Y-%m}", rows) for month, rows in counts])
    else:
        pinned = [(each.release_id, each.tables[table]) for each in reversed(releases) if table in each.tables]
        yield line_chart("Rows by release", [(name, count_rows(loaded, snapshot)) for name, snapshot in pinned])
    if table == "silver.ratings":
        monthly = catalog.load_table("gold.monthly_movie_ratings").scan().to_arrow()
        with duckdb.connect() as connection:
            connection.register("monthly", monthly)
            means = connection.execute(MEAN_BY_MONTH).fetchall()
        values = [(f"{month:%Y-%m}", mean) for month, mean in means]
        yield line_chart("Mean rating by month", values, bounds=bounds_of_mean(table, "rating"), form=".2f")


def bounds_of_mean(table: str, column: str) -> list[tuple[str, float]]:
    """What the suite of a table allows for the mean of a column, as (label, value)."""
    for expectation in load_suite(table)["expectations"]:
        kwargs = expectation["kwargs"]
        if expectation["type"] == "expect_column_mean_to_be_between" and kwargs["column"] == column:
            names = {"min_value": "at least", "max_value": "at most"}
            return [(label, kwargs[name]) for name, label in names.items() if name in kwargs]
    return []


def quarantine_by_reason(catalog: Catalog, names: list[str]) -> list[dict[str, Any]]:
    """How many rows of each quarantine table have a reason, by month (None: unknown, or without months)."""
    found: list[dict[str, Any]] = []
    for name in names:
        table = catalog.load_table(name)
        columns = ("reasons", *(["_event_month"] if "_event_month" in table.schema().column_names else []))
        for row in _counted(table.scan(selected_fields=columns).to_arrow(), "_event_month" in columns):
            found.append({"table": name, "has_months": "_event_month" in columns} | row)
    return found


def _counted(rows: Any, has_months: bool) -> list[dict[str, Any]]:
    month = "_event_month" if has_months else "NULL"
    with duckdb.connect() as connection:
        connection.register("quarantined", rows)
        query = f"""SELECT reason, {month} AS month, count(*) AS row_count
            FROM (SELECT *, unnest(reasons) AS reason FROM quarantined) GROUP BY ALL ORDER BY ALL"""
        counted: pa.Table = connection.sql(query).to_arrow_table()
        return list(counted.to_pylist())


def quarantined_rows(catalog: Catalog, name: str, reason: str | None, month: str | None) -> list[dict[str, str]]:
    """Up to SHOWN rows of a quarantine table, the first seen last, every value as text.

    ``month`` is YYYY-MM or "unknown". Rows of ratings and tags have "to copy" too: the row as a correction names it.
    """
    with duckdb.connect() as connection:
        rows = catalog.load_table(name).scan().to_arrow()
        connection.register("quarantined", rows)
        event_month = "_event_month" if "_event_month" in rows.column_names else "NULL::DATE"
        place = "_line" if "_line" in rows.column_names else "offset"
        query = f"""FROM quarantined
            WHERE ($reason IS NULL OR list_contains(reasons, $reason))
                AND ($month IS NULL OR $month = coalesce(strftime({event_month}, '%Y-%m'), 'unknown'))
            ORDER BY _first_seen_at DESC, "{place}" DESC LIMIT {SHOWN}"""
        found: pa.Table = connection.execute(query, {"reason": reason, "month": month}).to_arrow_table()
    received = RECEIVED.get(name.removeprefix("quarantine."), ())
    return [
        {key: _as_text(value) for key, value in row.items()}
        | ({"to copy": json.dumps({key: row[key] for key in received if row[key] is not None})} if received else {})
        for row in found.to_pylist()
    ]


def _as_text(value: Any) -> str:
    """A value for people: bytes as far as they are text and not long, a header as ``name: value``."""
    match value:
        case None:
            return ""
        case bytes():
            return shorten(value.decode(errors="backslashreplace"), LONGEST, placeholder=" ...")
        case {"key": name, "value": content}:
            return f"{name}: {_as_text(content)}"
        case list():
            return ", ".join(map(_as_text, value))
    return str(value)

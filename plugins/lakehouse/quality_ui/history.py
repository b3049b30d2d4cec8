"""What the audits of all runs found, from ``ops.quality_results``."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import Any

import duckdb
import pyarrow as pa
from cachetools import LRUCache, cached
from pyiceberg.catalog import Catalog
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.io.pyarrow import ArrowScan
from pyiceberg.table import FileScanTask, Table

from lakehouse.contracts import read_contract

RESULTS = "ops.quality_results"
FILES_KEPT, FILES_AT_ONCE = 5_000, 8

LAST_AUDITS = """
    WITH audits AS (
        SELECT coalesce(dag_id, 'movielens_lakehouse') AS dag_id, run_id, "table", layer, evaluated_at,
            count(*) AS total, count_if(success) AS met,
            count_if(NOT success AND severity = 'critical') AS critical,
            count_if(NOT success AND severity = 'warning') AS warnings
        FROM results GROUP BY ALL
    )
    SELECT * FROM audits QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY evaluated_at DESC) = 1
"""


def results(catalog: Catalog) -> pa.Table:
    """All rows of ``ops.quality_results``. A data file never changes, so each is read once by a process."""
    table = catalog.load_table(RESULTS)
    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        read = list(pool.map(partial(_read_file, table), table.scan().plan_files()))
    # The next run adds the columns that the table of an older lake has not.
    columns = pa.schema([(column.name, pa.null()) for column in read_contract(RESULTS).columns]).empty_table()
    return pa.concat_tables([table.schema().as_arrow().empty_table(), columns, *read], promote_options="permissive")


@cached(LRUCache(FILES_KEPT), key=lambda _, task: task.file.file_path, lock=Lock())
def _read_file(table: Table, task: FileScanTask) -> pa.Table:
    return ArrowScan(table.metadata, table.io, table.schema(), AlwaysTrue()).to_table([task])


def last_audit_of_each_table(results: pa.Table) -> list[dict[str, Any]]:
    """By table: run, time, how many expectations were met, and how many critical ones and warnings were not."""
    return _rows(LAST_AUDITS.format(key='"table"') + 'ORDER BY "table"', results)


def scores(results: pa.Table, runs: int) -> list[dict[str, Any]]:
    """Of the last ``runs`` runs, the oldest first: the share of expectations met, in percent, and what was not met.

    Where a layer was audited more than once, the last time counts.
    """
    newest = _rows(
        f"""SELECT dag_id, run_id, max(evaluated_at) AS evaluated_at, 100.0 * sum(met) / sum(total) AS score,
            sum(critical)::INT AS critical, sum(warnings)::INT AS warnings
        FROM ({LAST_AUDITS.format(key='dag_id, run_id, "table"')})
        GROUP BY ALL ORDER BY evaluated_at DESC LIMIT $runs""",
        results,
        runs=runs,
    )
    return newest[::-1]


def outcomes_of_table(results: pa.Table, table: str, runs: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The last audits of a table, the oldest first, and each expectation with its outcome in them (None: not asked)."""
    audits = _rows(
        """SELECT coalesce(dag_id, 'movielens_lakehouse') AS dag_id, run_id, evaluated_at
        FROM results WHERE "table" = $table GROUP BY ALL ORDER BY evaluated_at DESC LIMIT $runs""",
        results,
        table=table,
        runs=runs,
    )[::-1]
    places = {(audit["run_id"], audit["evaluated_at"]): place for place, audit in enumerate(audits)}
    names = ("expectation", "column", "severity", "notes")
    found: dict[tuple[Any, ...], list[Any]] = {}
    for row in _rows("""SELECT * FROM results WHERE "table" = $table""", results, table=table):
        place = places.get((row["run_id"], row["evaluated_at"]))
        if place is not None:
            found.setdefault(tuple(row[name] for name in names), [None] * len(audits))[place] = row
    return audits, [dict(zip(names, key, strict=True)) | {"outcomes": found[key]} for key in found]


def _rows(query: str, results: pa.Table, **parameters: Any) -> list[dict[str, Any]]:
    with duckdb.connect() as connection:
        connection.register("results", results)
        answer: pa.Table = connection.sql(query, params=parameters or None).to_arrow_table()
        return list(answer.to_pylist())

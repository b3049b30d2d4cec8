"""The gate of a layer: judge what a run has written to its branches by the suites in ``expectations/``.

A suite sees the run's months of a table as the batch. Its SQL may also use these views, at the heads that the run sees:

- ``<layer>_<table>``: the run's months of a table, or all of it where it has no months;
- ``<layer>_<table>_months``: (month, row_count) of a month-partitioned table in the run's months, from metadata;
- ``<table>_open_months``: (month) of ratings or tags in which silver and quarantine do not add up to bronze, because
  rows were collapsed, or lost; from metadata;
- ``row_counts``: (table_name, row_count) of every table over all months, from metadata;
- ``landed``: (table_name, month, row_count) as landing counted them; month is null for a catalogue and for rows
  without a readable time;
- ``landed_in_all``: (table_name, row_count) of the whole dataset version;
- ``settings``: (max_quarantined_share, max_quarantined_rows).
"""

import json
import logging
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from datetime import date
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame

from lakehouse.landing import Manifest
from lakehouse.reports import EXAMPLES, Finding, Report
from lakehouse.tables import LAYERS, RELEASED
from spark_jobs.common.lake import Lake

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.datasource.fluent.interfaces import Batch

SUITES = Path(__file__).parent.parent.parent / "expectations"
PARALLEL = 3
"""Tables judged side by side: an expectation on a small one waits for Spark more than for a core."""
SMALL = 2_000_000
"""Up to so many rows a batch is read once and kept in Spark's memory while its expectations are evaluated."""


class SuiteError(Exception):
    """A suite is missing, or was not evaluated as it is written."""


@dataclass(frozen=True)
class QuarantineLimits:
    """A run is stopped when more rows than both limits allow would be quarantined."""

    max_quarantined_share: float = 0.01
    max_quarantined_rows: int = 10


def audit_tables(lake: Lake, layer: str, manifest: Manifest, limits: QuarantineLimits) -> list[Report]:
    """Evaluate the suite of every table of a layer on the branch of the run.

    Raises:
        SuiteError: a suite is missing or was not fully evaluated: nothing may be concluded from the rest.
    """
    logging.getLogger("great_expectations").setLevel(logging.WARNING)  # its import alone logs hundreds of lines
    suites = {table: load_suite(table) for table in LAYERS[layer]}
    batches = {table: _batch(lake, table) for table in suites}
    with ThreadPoolExecutor(PARALLEL) as pool:
        row_counts = pool.map(DataFrame.count, batches.values())  # Spark reads the tables while GX is imported
        _create_views(lake, batches, json.dumps(suites), manifest, limits)
        expectations = [_parse(suite) for suite in suites.values()]
        judged = _gx_batches(batches)
        findings = pool.map(_evaluate, expectations, judged)
        judgements = zip(suites, row_counts, findings, strict=True)
        reports = [Report(table, lake.head(table), row_count, found) for table, row_count, found in judgements]
    lake.spark.catalog.clearCache()
    return reports


def load_suite(table: str) -> dict[str, Any]:
    """The suite of a table as its file has it.

    Raises:
        SuiteError: there is none, it is empty, or it is the suite of another table.
    """
    path = SUITES / f"{table.replace('.', '/')}.json"
    if not path.exists():
        raise SuiteError(f"{table} has no suite: write expectations/{table.replace('.', '/')}.json")
    suite: dict[str, Any] = json.loads(path.read_text())
    if suite["name"] != table or not suite["expectations"]:
        raise SuiteError(f"{path} must be the suite {table!r} with at least one expectation")
    return suite


def _parse(suite: dict[str, Any]) -> "ExpectationSuite":
    """Make GX's suite of ours, and refuse what GX would drop with no more than a line in the log."""
    from great_expectations import ExpectationSuite

    import_module("lakehouse.expectations")  # ours take the place of GX's
    # GX has one view name for all batches. With the table's own view, tables can be judged side by side; the
    # placeholder stays behind as a comment, because GX prints a warning for every query without it.
    view = f"{_view_of(suite['name'])} /* {{batch}} */"
    expectations = json.loads(json.dumps(suite["expectations"]).replace("{batch}", view))
    parsed = ExpectationSuite(name=suite["name"], expectations=expectations)
    if len(parsed.expectations) != len(expectations):
        known = {expectation.expectation_type for expectation in parsed.expectations}
        dropped = [each["type"] for each in expectations if each["type"] not in known]
        raise SuiteError(f"{suite['name']}: Great Expectations dropped {dropped or 'a duplicate'}: correct the suite")
    return parsed


def _gx_batches(batches: dict[str, DataFrame]) -> list["Batch"]:
    """The batches as GX has them, each in a data source of its own, so that nothing is shared between threads."""
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    assets = [context.data_sources.add_spark(table, persist=False).add_dataframe_asset(table) for table in batches]
    definitions = [asset.add_batch_definition_whole_dataframe("branch") for asset in assets]
    frames = zip(definitions, batches.values(), strict=True)
    return [definition.get_batch({"dataframe": frame}) for definition, frame in frames]


def _evaluate(suite: "ExpectationSuite", batch: "Batch") -> list[Finding]:
    """Evaluate all expectations in brief, then each that failed once more, with example rows.

    Of an expectation on single rows only the verdict is asked first: all of these together are one pass over the data.
    """
    from great_expectations import ExpectationSuite

    on_rows = [each for each in suite.expectations if isinstance(each, _row_expectations())]
    on_all = [each for each in suite.expectations if each not in on_rows]
    findings = []
    for expectations, result_format in ((on_rows, "BOOLEAN_ONLY"), (on_all, "SUMMARY")):
        part = ExpectationSuite(name=suite.name, expectations=expectations)
        results = batch.validate(part, result_format=result_format).results if expectations else []
        if len(results) != len(expectations):
            raise SuiteError(f"{suite.name}: evaluated {len(results)} of {len(expectations)} expectations")
        for result in results:
            _refuse_exception(suite.name, result)
            findings.append(_finding(result if result.success else _in_detail(batch, result)))
    return findings


def _row_expectations() -> tuple[type, ...]:
    from great_expectations.expectations import expectation

    return (
        expectation.ColumnMapExpectation,
        expectation.ColumnPairMapExpectation,
        expectation.MulticolumnMapExpectation,
    )


def _in_detail(batch: "Batch", failed: "ExpectationValidationResult") -> "ExpectationValidationResult":
    expectation = failed.expectation_config.to_domain_obj()
    return batch.validate(expectation, result_format={"result_format": "COMPLETE", "include_unexpected_rows": True})


def _refuse_exception(suite: str, result: "ExpectationValidationResult") -> None:
    """GX reports an expectation that it could not evaluate as one that failed; the cause matters here."""
    info = result.exception_info
    for each in [info] if "raised_exception" in info else info.values():
        if each["raised_exception"]:
            message = f"{suite}: {result.expectation_config.type} could not be evaluated: {each['exception_message']}"
            raise SuiteError(f"{message}\n{each['exception_traceback']}")


def _finding(result: "ExpectationValidationResult") -> Finding:
    config, outcome = result.expectation_config, result.result
    kwargs = {name: value for name, value in config.kwargs.items() if name not in ("batch_id", "result_format")}
    names = ("column", "column_A", "column_B")
    columns = kwargs.get("column_list") or [kwargs[name] for name in names if name in kwargs]
    observed = outcome.get("observed_value")
    is_query = config.type == "unexpected_rows_expectation"
    examples = outcome.get("unexpected_rows") or outcome.get("details", {}).get("unexpected_rows") or []
    return Finding(
        expectation=config.type,
        column=", ".join(columns) or None,
        severity=config.severity.value,
        notes=config.notes or "",
        success=bool(result.success),
        observed=None if observed is None else str(observed),
        unexpected_count=int(observed) if is_query else outcome.get("unexpected_count", None if outcome else 0),
        unexpected_percent=outcome.get("unexpected_percent"),
        examples=[{name: str(value) for name, value in row.items()} for row in examples[:EXAMPLES]],
        kwargs=kwargs,
    )


def _batch(lake: Lake, table: str) -> DataFrame:
    rows = lake.read(table)
    return rows.coalesce(2).cache() if lake.count(table) <= SMALL else rows


def _view_of(table: str) -> str:
    return table.replace(".", "_")


def _create_views(
    lake: Lake, batches: dict[str, DataFrame], queries: str, manifest: Manifest, limits: QuarantineLimits
) -> None:
    """Create the views of the batches, and of what else the queries name."""
    rows_by_month = cache(lake.rows_by_month)
    for table, batch in batches.items():
        batch.createOrReplaceTempView(_view_of(table))
    for table in RELEASED:
        view = _view_of(table)
        if table not in batches and re.search(rf"\b{view}\b", queries):
            lake.read(table).createOrReplaceTempView(view)
        if f"{view}_months" in queries:
            counts = rows_by_month(table).items()
            _create_view(lake, f"{view}_months", "month date, row_count bigint", counts)
    for table in ("ratings", "tags"):
        if f"{table}_open_months" in queries:
            _create_view(lake, f"{table}_open_months", "month date", _open_months(rows_by_month, table))
    if "row_counts" in queries:  # it takes the metadata of every table
        totals = [(table, lake.total(table)) for table in RELEASED]
        _create_view(lake, "row_counts", "table_name string, row_count bigint", totals)
    _create_view(lake, "landed", "table_name string, month date, row_count bigint", _landed(lake, manifest))
    landed_in_all = [(table, _landed_in_all(manifest, table)) for table in ("ratings", "tags", "movies", "links")]
    _create_view(lake, "landed_in_all", "table_name string, row_count bigint", landed_in_all)
    _create_view(lake, "settings", "max_quarantined_share double, max_quarantined_rows bigint", [astuple(limits)])


def _create_view(lake: Lake, name: str, schema: str, rows: Iterable[tuple[Any, ...]]) -> None:
    lake.spark.createDataFrame(list(rows), schema).createOrReplaceTempView(name)


def _open_months(rows_by_month: Callable[[str], dict[date | None, int]], table: str) -> list[tuple[date | None]]:
    bronze, silver, quarantine = (rows_by_month(f"{layer}.{table}") for layer in ("bronze", "silver", "quarantine"))
    return [(month,) for month, rows in bronze.items() if rows != silver.get(month, 0) + quarantine.get(month, 0)]


def _landed_in_all(manifest: Manifest, table: str) -> int:
    file = manifest.files[f"{table}.csv"]
    return int(file["rows"]) + int(file["malformed"])


def _landed(lake: Lake, manifest: Manifest) -> list[tuple[str, date | None, int]]:
    """What landing counted in the months of the run."""
    catalogues = ("movies", "links")
    rows: list[tuple[str, date | None, int]] = [(table, None, _landed_in_all(manifest, table)) for table in catalogues]
    for table, months in manifest.months.items():
        by_month: dict[date | None, int] = {date.fromisoformat(f"{month}-01"): count for month, count in months.items()}
        by_month[None] = manifest.unknown_month[table]
        rows += [(table, month, count) for month, count in by_month.items() if month in lake.run.months and count]
    return rows

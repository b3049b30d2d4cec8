"""The gate of a layer: judge what a run has written to its branches by the suites in ``expectations/``.

A suite sees the run's months of a table as the batch. Its SQL may also use these views, at the heads that the run sees:

- ``<layer>_<table>``: the run's months of a table, or all of it where it has no months;
- ``<layer>_<table>_months``: (month, row_count) of a month-partitioned table in the run's months, from metadata;
- ``row_counts``: (table_name, row_count) of every table over all months, from metadata;
- ``landed``: (table_name, month, row_count) as landing counted them; month is null for a catalogue and for rows
  without a readable time;
- ``settings``: (max_quarantined_share, max_quarantined_rows).
"""

import json
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from datetime import date
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

SUITES = Path(__file__).parent.parent.parent / "expectations"
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
    suites = {table: load_suite(table) for table in LAYERS[layer]}
    batches = {table: _batch(lake, table) for table in suites}
    with ThreadPoolExecutor(max_workers=4) as pool:
        row_counts = pool.map(DataFrame.count, batches.values())  # Spark reads the tables while GX is imported
        _create_views(lake, batches, json.dumps(suites), manifest, limits)
        expectations = {table: _parse(suite) for table, suite in suites.items()}
        reports = [
            Report(table, lake.head(table), row_count, _evaluate(expectations[table], batches[table]))
            for table, row_count in zip(suites, row_counts, strict=True)
        ]
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

    parsed = ExpectationSuite(name=suite["name"], expectations=suite["expectations"])
    if len(parsed.expectations) != len(suite["expectations"]):
        known = {expectation.expectation_type for expectation in parsed.expectations}
        dropped = [each["type"] for each in suite["expectations"] if each["type"] not in known]
        raise SuiteError(f"{suite['name']}: Great Expectations dropped {dropped or 'a duplicate'}: correct the suite")
    return parsed


def _evaluate(suite: "ExpectationSuite", batch: DataFrame) -> list[Finding]:
    """Evaluate all expectations in brief, then each that failed once more, with example rows."""
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_spark("lake").add_dataframe_asset(suite.name)
    judged = asset.add_batch_definition_whole_dataframe("branch").get_batch({"dataframe": batch})
    results = judged.validate(suite, result_format="SUMMARY").results
    if len(results) != len(suite.expectations):
        raise SuiteError(f"{suite.name}: evaluated {len(results)} of {len(suite.expectations)} expectations")
    detailed = {"result_format": "COMPLETE", "include_unexpected_rows": True}
    findings = []
    for result in results:
        _refuse_exception(suite.name, result)
        config = result.expectation_config
        findings.append(
            _finding(result if result.success else judged.validate(config.to_domain_obj(), result_format=detailed))
        )
    return findings


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
    columns = kwargs.get("column_list") or [kwargs[name] for name in ("column", "column_A", "column_B") if name in kwargs]
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
        unexpected_count=int(observed) if is_query else outcome.get("unexpected_count"),
        unexpected_percent=outcome.get("unexpected_percent"),
        examples=[{name: str(value) for name, value in row.items()} for row in examples[:EXAMPLES]],
        kwargs=kwargs,
    )


def _batch(lake: Lake, table: str) -> DataFrame:
    rows = lake.read(table)
    return rows.coalesce(2).cache() if lake.count(table) <= SMALL else rows


def _create_views(
    lake: Lake, batches: dict[str, DataFrame], queries: str, manifest: Manifest, limits: QuarantineLimits
) -> None:
    """Create the views that the queries name."""
    for table in RELEASED:
        view = table.replace(".", "_")
        if re.search(rf"\b{view}\b", queries):
            (batches.get(table) or lake.read(table)).createOrReplaceTempView(view)
        if f"{view}_months" in queries:
            counts = lake.rows_by_month(table).items()
            _create_view(lake, f"{view}_months", "month date, row_count bigint", counts)
    totals = [(table, lake.total(table)) for table in RELEASED]
    _create_view(lake, "row_counts", "table_name string, row_count bigint", totals)
    _create_view(lake, "landed", "table_name string, month date, row_count bigint", _landed(lake, manifest))
    _create_view(lake, "settings", "max_quarantined_share double, max_quarantined_rows bigint", [astuple(limits)])


def _create_view(lake: Lake, name: str, schema: str, rows: Iterable[tuple[Any, ...]]) -> None:
    lake.spark.createDataFrame(list(rows), schema).createOrReplaceTempView(name)


def _landed(lake: Lake, manifest: Manifest) -> list[tuple[str, date | None, int]]:
    """What landing counted in the months of the run."""
    rows: list[tuple[str, date | None, int]] = [
        (table, None, manifest.files[f"{table}.csv"]["rows"] + manifest.files[f"{table}.csv"]["malformed"])
        for table in ("movies", "links")
    ]
    for table, months in manifest.months.items():
        by_month: dict[date | None, int] = {date.fromisoformat(f"{month}-01"): count for month, count in months.items()}
        by_month[None] = manifest.unknown_month[table]
        rows += [(table, month, count) for month, count in by_month.items() if month in lake.run.months and count]
    return rows

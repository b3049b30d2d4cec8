"""The gate of a layer: judge what a run has written to its branches by the suites in ``expectations/``.

A suite sees the run's months of a table as the batch. Its SQL may also use the views of ``lakehouse.gate_views``.
"""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame

from lakehouse.gate_views import QuarantineLimits, create_views, view_of
from lakehouse.landing import Manifest
from lakehouse.reports import EXAMPLES, Finding, Report
from lakehouse.tables import LAYERS
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
ROWS_A_TASK = 200_000
"""A batch of no more rows than this is one partition: no query on it alone then needs a shuffle."""


class SuiteError(Exception):
    """A suite is missing, or was not evaluated as it is written."""


def audit_tables(lake: Lake, layer: str, manifest: Manifest, limits: QuarantineLimits) -> list[Report]:
    """Evaluate the suite of every table of a layer on the branch of the run.

    Raises:
        SuiteError: a suite is missing or was not fully evaluated: nothing may be concluded from the rest.
    """
    suites = {table: load_suite(table) for table in LAYERS[layer]}
    batches = {table: _batch(lake, table) for table in suites}
    with ThreadPoolExecutor(PARALLEL) as pool:
        # Spark reads what it is to keep while GX is imported.
        pool.map(DataFrame.count, [batch for batch in batches.values() if batch.is_cached])
        create_views(lake, batches, json.dumps(suites), manifest, limits)
        findings = judge(suites, batches)
    lake.spark.catalog.clearCache()
    return [Report(table, lake.head(table), lake.count(table), found) for table, found in findings.items()]


def judge(suites: dict[str, dict[str, Any]], batches: dict[str, DataFrame]) -> dict[str, list[Finding]]:
    """Evaluate suites on batches, both by table; a batch has the view of its table, :func:`view_of`.

    Raises:
        SuiteError: a suite was not fully evaluated.
    """
    logging.getLogger("great_expectations").setLevel(logging.WARNING)  # its import alone logs hundreds of lines
    with ThreadPoolExecutor(PARALLEL) as pool:
        expectations = [_parse(suite) for suite in suites.values()]
        return dict(zip(suites, pool.map(_evaluate, expectations, _gx_batches(batches)), strict=True))


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
    view = f"{view_of(suite['name'])} /* {{batch}} */"
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

    Of an expectation on single rows only the verdict is asked first: all of these together are one query of Spark.
    """
    from great_expectations import ExpectationSuite

    on_rows = [each for each in suite.expectations if isinstance(each, _row_expectations())]
    measures = [each for each in suite.expectations if each not in on_rows]
    findings = []
    for expectations, result_format in ((on_rows, "BOOLEAN_ONLY"), (measures, "SUMMARY")):
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
    from great_expectations.expectations.core import UnexpectedRowsExpectation

    return (
        UnexpectedRowsExpectation,
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
        unexpected_count=int(observed or 0) if is_query else outcome.get("unexpected_count", None if outcome else 0),
        unexpected_percent=outcome.get("unexpected_percent"),
        examples=[{name: str(value) for name, value in row.items()} for row in examples[:EXAMPLES]],
        kwargs=kwargs,
    )


def _batch(lake: Lake, table: str) -> DataFrame:
    rows = lake.read(table)
    count = lake.count(table)
    return rows.coalesce(1 + count // ROWS_A_TASK).cache() if count <= SMALL else rows

"""Quality reports: what an audit found, kept in S3 and in ``ops.quality_results`` whether the gate passed or not."""

import json
import logging
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

import duckdb
import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.expressions import And, EqualTo

from spark_jobs.common.run import Run

log = logging.getLogger(__name__)

EXAMPLES = 20
"""How many example rows a report keeps of a failed expectation."""

NEW_SERIES = """
    WITH outcomes AS (  -- where a run was audited more than once, the last time counts
        SELECT DISTINCT ON (run_id, "table", expectation, "column", notes) *
        FROM results ORDER BY evaluated_at DESC
    )
    SELECT "table", expectation, "column", severity, notes, success, observed, unexpected_count FROM outcomes
    WINDOW series AS (
        PARTITION BY "table", expectation, "column", notes ORDER BY evaluated_at
        ROWS BETWEEN $runs - 1 PRECEDING AND CURRENT ROW
    )
    QUALIFY run_id = $run_id AND count_if(NOT success) OVER series = $runs AND lag(success, $runs, true) OVER series
    ORDER BY ALL
"""


@dataclass(frozen=True)
class Finding:
    """What became of one expectation."""

    expectation: str
    column: str | None
    severity: str
    notes: str
    success: bool
    observed: str | None
    unexpected_count: int | None
    unexpected_percent: float | None
    examples: list[dict[str, str]]
    kwargs: dict[str, Any]

    def __str__(self) -> str:
        judged = f"{self.expectation}({self.column or ''})"
        figure = f"{self.unexpected_count} rows" if self.unexpected_count is not None else f"observed {self.observed}"
        return f"{self.severity} {judged}: {figure}. {self.notes}"


@dataclass(frozen=True)
class Report:
    """What became of one table: every expectation of its suite, those on single rows first."""

    table: str
    snapshot_id: int
    row_count: int
    findings: list[Finding]

    def failed(self, severity: str) -> list[Finding]:
        return [finding for finding in self.findings if not finding.success and finding.severity == severity]


class GateError(Exception):
    """Critical expectations failed; ``failed`` has a line for each."""

    def __init__(self, message: str, failed: list[str]) -> None:
        super().__init__(message)
        self.failed = failed


def pass_or_raise(layer: str, reports: list[Report]) -> None:
    """Log every failed expectation, with example rows.

    Raises:
        GateError: a critical expectation failed.
    """
    for report in reports:
        good = sum(finding.success for finding in report.findings)
        log.info("%s: %d rows, %d of %d expectations met", report.table, report.row_count, good, len(report.findings))
        for finding in report.findings:
            if not finding.success:
                level = {"critical": logging.ERROR, "warning": logging.WARNING}.get(finding.severity, logging.INFO)
                log.log(level, "%s: %s", report.table, finding)
                for example in finding.examples:
                    log.info("    %s", example)
    stopped = {report.table: failed for report in reports if (failed := report.failed("critical"))}
    if stopped:
        summary = ", ".join(f"{table} ({len(failed)} critical)" for table, failed in stopped.items())
        message = f"The gate of {layer} stopped the run: {summary}. It is not published; release and page stay."
        raise GateError(message, [f"{table}: {finding}" for table, failed in stopped.items() for finding in failed])


def store(s3: Any, bucket: str, catalog: Catalog, dag_id: str, run: Run, layer: str, reports: list[Report]) -> None:
    """Write one JSON object a table under ``quality/`` and one row an expectation to ``ops.quality_results``."""
    evaluated_at = datetime.now(UTC)
    for report in reports:
        about = {"dag_id": dag_id, "run_id": run.run_id, "layer": layer, "dataset": run.dataset_version}
        about |= {"months": str(run.months), "branch": run.branch, "evaluated_at": evaluated_at.isoformat()}
        success = not report.failed("critical")
        s3.put_object(
            Bucket=bucket,
            Key=f"quality/{dag_id}/{run.run_id}/{report.table}.json",
            Body=json.dumps(about | {"success": success} | asdict(report), indent=2).encode(),
            ContentType="application/json",
        )
    columns = ("expectation", "column", "severity", "notes", "success", "observed", "unexpected_count")
    rows = [
        {"dag_id": dag_id, "run_id": run.run_id, "layer": layer, "table": report.table, "snapshot": report.snapshot_id}
        | {name: getattr(finding, name) for name in columns}
        | {"evaluated_at": evaluated_at.replace(tzinfo=None)}
        for report in reports
        for finding in report.findings
    ]
    results = catalog.load_table("ops.quality_results")
    results.append(pa.Table.from_pylist(rows, schema=results.schema().as_arrow()))


def last_findings(catalog: Catalog, run_id: str) -> list[dict[str, Any]]:
    """The rows of ``ops.quality_results`` of the last audit of each layer of a run."""
    results = catalog.load_table("ops.quality_results").scan(row_filter=EqualTo(term="run_id", value=run_id))
    findings = sorted(results.to_arrow().to_pylist(), key=itemgetter("evaluated_at"))
    last = {finding["layer"]: finding["evaluated_at"] for finding in findings}
    return [finding for finding in findings if finding["evaluated_at"] == last[finding["layer"]]]


def passed_snapshots(catalog: Catalog, run_id: str) -> dict[str, int]:
    """The snapshots that the last audits of a run let pass, by table. A layer passes as a whole or not at all."""
    findings = last_findings(catalog, run_id)
    stopped = {each["layer"] for each in findings if each["severity"] == "critical" and not each["success"]}
    return {each["table"]: each["snapshot"] for each in findings if each["layer"] not in stopped}


def count_warnings(catalog: Catalog, run_id: str) -> int:
    """How many expectations that only warn failed in the last audits of a run."""
    findings = last_findings(catalog, run_id)
    return sum(finding["severity"] == "warning" and not finding["success"] for finding in findings)


def repeated_warnings(catalog: Catalog, layer: str, run_id: str, runs: int) -> list[str]:
    """A line for every warning of a layer that a run is the last of ``runs`` runs in a row to have, and no more."""
    of_layer = And(EqualTo(term="layer", value=layer), EqualTo(term="severity", value="warning"))
    results = catalog.load_table("ops.quality_results").scan(row_filter=of_layer).to_arrow()
    with duckdb.connect() as connection:
        connection.register("results", results)
        rows = connection.sql(NEW_SERIES, params={"run_id": run_id, "runs": runs}).to_arrow_table().to_pylist()
    unknown: dict[str, Any] = {"unexpected_percent": None, "examples": [], "kwargs": {}}
    return [f"{row.pop('table')}: {Finding(**row, **unknown)}" for row in rows]

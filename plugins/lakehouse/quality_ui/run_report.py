"""The reports of one run, from ``quality/<dag_id>/<run_id>/`` in the lake bucket."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from lakehouse import objects
from lakehouse.tables import LAYERS

PARALLEL = 8
SOURCES = ("ratings", "tags", "movies", "links")
"""The tables that go from bronze to silver."""


@dataclass(frozen=True)
class Balance:
    """Where the rows of a source went: bronze = silver + quarantined + duplicates collapsed."""

    name: str
    bronze: int
    silver: int
    quarantined: int

    @property
    def collapsed(self) -> int:
        return self.bronze - self.silver - self.quarantined


class RunReport:
    """What the audits of a run have found so far; layers that were not audited are missing."""

    def __init__(self, reports: list[dict[str, Any]]) -> None:
        order = [table for tables in LAYERS.values() for table in tables]
        known = [report for report in reports if report["table"] in order]
        self.tables = sorted(known, key=lambda report: order.index(report["table"]))

    @property
    def layers(self) -> dict[str, list[dict[str, Any]]]:
        """The reports by layer, in the order of the layers."""
        by_layer: dict[str, list[dict[str, Any]]] = {}
        for report in self.tables:
            by_layer.setdefault(report["layer"], []).append(report)
        return by_layer

    @property
    def stopped_at(self) -> str | None:
        """The layer whose gate stopped the run."""
        return next((report["layer"] for report in self.tables if not report["success"]), None)

    @property
    def balances(self) -> list[Balance]:
        """The rows in, out and quarantined of every source that was audited in bronze and silver."""
        rows = {report["table"]: report["row_count"] for report in self.tables}
        layers = ("bronze", "silver", "quarantine")
        whole = [name for name in SOURCES if all(f"{layer}.{name}" in rows for layer in layers)]
        return [Balance(name, *(rows[f"{layer}.{name}"] for layer in layers)) for name in whole]


def read_report(s3: Any, bucket: str, dag_id: str, run_id: str) -> RunReport:
    """The reports that a run has written; none for a run that no gate has judged yet."""
    listed = objects.below(s3, bucket, f"quality/{dag_id}/{run_id}/")

    def read(key: str) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        return report

    with ThreadPoolExecutor(PARALLEL) as pool:
        return RunReport(list(pool.map(read, [entry["Key"] for entry in listed])))

"""Keep what a run of the maintenance found and did, and read it back for the pages in the Airflow UI."""

import json
from datetime import UTC, datetime
from typing import Any

from lakehouse import objects

DAG_ID = "movielens_maintenance"
LATEST = f"quality/{DAG_ID}/latest.json"


def store_report(
    s3: Any,
    bucket: str,
    run_id: str,
    *,
    dry_run: bool,
    steps: dict[str, list[str]],
    before: dict[str, dict[str, int]],
    after: dict[str, dict[str, int]],
) -> None:
    """Write the report of a run under ``quality/``, and once more where the pages look for the latest."""
    report = {"run_id": run_id, "dry_run": dry_run, "finished_at": datetime.now(UTC).isoformat(timespec="seconds")}
    body = json.dumps(report | {"steps": steps, "before": before, "after": after}, indent=2).encode()
    for key in (f"quality/{DAG_ID}/{run_id}/report.json", LATEST):
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")


def read_latest(s3: Any, bucket: str) -> dict[str, Any] | None:
    """The report of the latest run, None before the first."""
    text = objects.get(s3, bucket, LATEST)
    return json.loads(text) if text else None

"""Record what people decide about quarantined rows: to correct them, or to discard them."""

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.expressions import And, EqualTo, IsNull

from spark_jobs.common.lake import written_table
from spark_jobs.silver.corrections import CORRECTIONS, RECEIVED


class CorrectionError(ValueError):
    """A decision cannot be recorded as it is given."""


def record_corrections(
    catalog: Catalog, corrections: list[dict[str, Any]], *, why: str | None, user: str, run_id: str
) -> set[date | None]:
    """Add the decisions to ``ops.corrections``, once in a run however often this is called; return their months.

    Each has ``table`` ("ratings" or "tags"), ``row`` (the values as received), and ``set`` (the values to take instead)
    or ``discard``. A month is its first day, or None for the unknown one.

    Raises:
        CorrectionError: there is no reason, no such row, or the row would move to another month. Nothing is recorded.
    """
    if not (why and why.strip()):
        raise CorrectionError("Say why: a correction without a reason cannot be understood later")
    table = written_table(catalog, CORRECTIONS)
    if table is None:
        raise CorrectionError("The lake has no ops.corrections yet: load a month first")
    decisions = [
        {
            "table": each["table"],
            "received": each["row"],
            "corrected": _corrected(each),
            "event_month": _month_of(catalog, each["table"], each["row"]),
            "decided_by": user,
            "decided_at": datetime.now(UTC).replace(tzinfo=None),
            "why": why.strip(),
            "run_id": run_id,
        }
        for each in corrections
    ]
    if not table.scan(row_filter=EqualTo(term="run_id", value=run_id)).count():
        table.append(pa.Table.from_pylist(decisions, schema=table.schema().as_arrow()))
    return {decision["event_month"] for decision in decisions}


def _corrected(correction: dict[str, Any]) -> dict[str, str]:
    values: dict[str, str] = correction.get("set", {})
    columns = [name for name in RECEIVED[correction["table"]] if name not in ("timestamp", "_malformed_line")]
    if wrong := sorted(values.keys() - set(columns)):
        raise CorrectionError(
            f"{', '.join(wrong)} cannot be set, only {', '.join(columns)}: a row stays in its month."
            " To correct more, mend the file and load it"
        )
    if values and correction["row"].get("_malformed_line") is not None:
        raise CorrectionError("A malformed line has no values to set: discard it, or mend the file and load it")
    return values


def _month_of(catalog: Catalog, name: str, row: dict[str, str]) -> date | None:
    """The month of a row that is in quarantine, or that there is a decision about."""
    same = [EqualTo(term=each, value=row[each]) if each in row else IsNull(term=each) for each in RECEIVED[name]]
    quarantined = catalog.load_table(f"quarantine.{name}").scan(row_filter=And(*same), limit=1).to_arrow().to_pylist()
    about = catalog.load_table(CORRECTIONS).scan(row_filter=EqualTo(term="table", value=name)).to_arrow().to_pylist()
    months: list[date | None] = [each["_event_month"] for each in quarantined]
    months += [each["event_month"] for each in about if dict(each["received"]) == row]
    if not months or not row.keys() <= set(RECEIVED[name]):
        raise CorrectionError(f"quarantine.{name} has no row {row}: copy it from the page Quarantine")
    return months[0]

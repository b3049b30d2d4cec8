"""Judge quarantined rows again: find the months they wait in, for a run of silver and gold over these months.

Silver of a month is a function of its bronze rows, the catalogue and what people have decided about single rows. So
judging the month anew gives what a load that was right from the start would have given, and takes what passes out of
quarantine.
"""

import logging
from datetime import UTC, date, datetime
from typing import Any

import duckdb
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from pyiceberg.catalog import Catalog, load_catalog

from lakehouse.corrections import CorrectionError, record_corrections
from lakehouse.runs import NoMonthsError, code_settings, lake_version, months_of_range
from spark_jobs.common.lake import written_table
from spark_jobs.common.months import Months
from spark_jobs.common.run import Run

log = logging.getLogger(__name__)

TABLES = ("ratings", "tags")
NOTHING = "No row in quarantine is as asked for"
ASKED_FOR = ("table", "reasons", "from_month", "to_month")


def start_replay(run_id: str, params: dict[str, Any], user: str | None) -> dict[str, Any]:
    """Plan the run over the months of the quarantined rows asked for; the plan goes from task to task as JSON.

    With corrections, these are recorded first, as decided by ``user``, and the run is for their months.

    Raises:
        AirflowSkipException: no such row is in quarantine.
        AirflowFailException: the params are at fault; trying again would not help.
    """
    catalog = load_catalog("lake")
    corrections, why, asked_for = params["corrections"], params["why"], {name: params[name] for name in ASKED_FOR}
    try:
        if corrections:
            found = record_corrections(catalog, corrections, why=why, user=user or "unknown", run_id=run_id)
        else:
            found = {month for _, month in waiting_rows(catalog, **asked_for)}
    except (NoMonthsError, CorrectionError) as error:
        raise AirflowFailException(str(error)) from error
    if not found:
        log.info(NOTHING)  # Airflow's own line says only that the task is skipped
        raise AirflowSkipException(NOTHING)
    months = Months.of_each([month for month in found if month], unknown=None in found)
    dataset, _, version = str(lake_version(catalog)).rpartition("@")
    return Run(run_id, dataset, version, months, datetime.now(UTC), kind="replay", **code_settings()).to_json()


def waiting_rows(
    catalog: Catalog, *, table: str | None, reasons: list[str], from_month: str | None, to_month: str | None
) -> dict[tuple[str, date | None], int]:
    """How many rows of each quarantine table and month (None: the unknown one) have one of the reasons, or any.

    Raises:
        NoMonthsError: the range ends before it begins.
    """
    span = months_of_range(from_month, to_month) if from_month or to_month else None
    found: dict[tuple[str, date | None], int] = {}
    for name in [table] if table else TABLES:
        quarantine = written_table(catalog, f"quarantine.{name}")
        if quarantine is None:
            continue
        rows = quarantine.scan(selected_fields=("_event_month", "reasons")).to_arrow()
        with duckdb.connect() as connection:
            connection.register("quarantined", rows)
            query = """SELECT _event_month, count(*) FROM quarantined
                WHERE len($reasons) = 0 OR list_has_any(reasons, $reasons) GROUP BY ALL ORDER BY ALL"""
            counts = connection.execute(query, {"reasons": reasons}).fetchall()
        found |= {(name, month): count for month, count in counts if span is None or month in span}
    for (name, month), count in found.items():
        log.info("quarantine.%s, %s: %d rows", name, f"{month:%Y-%m}" if month else "the unknown month", count)
    return found

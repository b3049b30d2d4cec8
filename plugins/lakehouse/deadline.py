"""When a run is late, by a deadline of Airflow's."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import BaseDeadlineReference, DeadlineAlert

from lakehouse.alerts import run_is_late

log = logging.getLogger(__name__)

MINUTES = 120


class EndOfRun(BaseDeadlineReference):
    """The time by which a run should have succeeded, counted from when it was queued.

    The runs of a backfill have none: all are queued at once and wait for each other.

    What Airflow 3.3.2 has of this does harm: no task of a run with DAGRUN_QUEUED_AT can be cleared
    (apache/airflow#70368), and the scheduler cannot start a run with a VariableInterval.
    """

    required_kwargs = frozenset({"run_id"})

    def _evaluate_with(self, *, session: Any, run_id: str) -> datetime | None:
        from airflow.secrets.metastore import MetastoreBackend
        from airflow.utils.types import DagRunType

        if DagRunType.from_run_id(run_id) is DagRunType.BACKFILL_JOB:
            return None
        now = datetime.now(UTC)
        # With this session: the scheduler is within a transaction, which a session of the variable's own would end.
        minutes = MetastoreBackend().get_variable("lakehouse_deadline_minutes", session=session)
        try:
            return now + timedelta(minutes=float(minutes or MINUTES))
        except (ValueError, OverflowError):
            log.error("lakehouse_deadline_minutes is %r, not a number of minutes: %d are taken", minutes, MINUTES)
            return now + timedelta(minutes=MINUTES)


DEADLINE = DeadlineAlert(reference=EndOfRun(), interval=timedelta(0), callback=AsyncCallback(run_is_late), name="end")

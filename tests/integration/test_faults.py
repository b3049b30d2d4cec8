"""Services die by kill -9 in the middle of a run; the run ends as if nobody had disturbed it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from infra.local import supervision
from infra.local.config import Stack
from lakehouse.serving import load_release
from tests.integration.conftest import DAG, RUN_SECONDS, FinishedRun, finish, sorted_rows

pytestmark = pytest.mark.integration

AT_WORK = {"silver.write": 4, "gold.audit": 3, "gold.publish": 0.5}
"""Seconds after its start at which a task is in the middle of its work, past importing libraries."""
KILLS = {"silver.write": "spark", "gold.audit": "airflow-scheduler", "gold.publish": "s3"}


def kill_at_work(airflow: Any, stack: Stack, run_id: str, task_id: str, service: str) -> None:
    """Kill the process of a service while a task is at work."""
    deadline = time.monotonic() + RUN_SECONDS
    while not any(task["task_id"] == task_id and task["state"] == "running" for task in airflow.tasks(DAG, run_id)):
        assert time.monotonic() < deadline, f"{task_id} never ran"
        time.sleep(0.1)  # the API has no call that waits for a task
    time.sleep(AT_WORK[task_id])  # a kill at the very start would meet no work
    pid = supervision.ask(stack, "getProcessInfo", service)["pid"]
    assert pid > 0, f"{service} does not run"
    os.kill(pid, signal.SIGKILL)


def test_a_run_survives_the_death_of_spark_the_scheduler_and_s3(
    loaded: FinishedRun, airflow: Any, stack: Stack, catalog: Any, movielens: Path
) -> None:
    conf = {"dataset": str(movielens), "from_month": "1995-01", "to_month": "2018-12"}
    run_id = airflow.trigger(DAG, conf)

    for task_id, service in KILLS.items():
        kill_at_work(airflow, stack, run_id, task_id, service)

    assert finish(airflow, run_id)["run"] == "success"
    tries = {task["task_id"]: task["try_number"] for task in airflow.tasks(DAG, run_id)}
    assert tries["silver.write"] > 1
    assert tries["gold.audit"] > 1
    disturbed = load_release(airflow.result(DAG, run_id, "release"))
    undisturbed = load_release(loaded.release_id)
    for table in [table for table in disturbed.tables if table.startswith(("silver.", "gold."))]:
        assert sorted_rows(disturbed.read(table)) == sorted_rows(undisturbed.read(table))

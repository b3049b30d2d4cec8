"""Alerts of real runs reach a mailbox, and a mail server that says nothing changes nothing."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from infra.local.config import HOST, Stack
from infra.local.run import wait_for_dag
from tests.fixtures.landing import FILES
from tests.fixtures.receivers import MailReceiver, html_of, mail_receiver
from tests.integration.conftest import DAG, clear, finish, log_of

pytestmark = pytest.mark.integration

CONNECTION = "connections/lakehouse_alerts"
SECONDS = 60


@pytest.fixture(scope="module", autouse=True)
def lakehouse(airflow: Any, movielens: Path) -> None:
    """The DAG is there, and has a dataset for runs that it starts itself."""
    wait_for_dag(airflow)
    airflow.set_variable("lakehouse_dataset", str(movielens))


@pytest.fixture
def mail(airflow: Any) -> Iterator[MailReceiver]:
    """A mail server to which Airflow's connection leads."""
    with mail_receiver() as receiver:
        connect(airflow, receiver.port)
        yield receiver
    airflow.delete(CONNECTION).raise_for_status()


def connect(airflow: Any, port: int) -> None:
    airflow.delete(CONNECTION)
    extra = {"from_email": "lake@example.org", "to": "me@example.org", "disable_ssl": True, "disable_tls": True}
    connection = {"connection_id": "lakehouse_alerts", "conn_type": "smtp", "host": HOST, "port": port}
    airflow.post("connections", json=connection | {"extra": json.dumps(extra)}).raise_for_status()


@pytest.fixture
def no_time(airflow: Any) -> Iterator[None]:
    """Runs that are late as soon as they are queued."""
    airflow.set_variable("lakehouse_deadline_minutes", "0.0")
    yield
    airflow.delete("variables/lakehouse_deadline_minutes").raise_for_status()


@pytest.fixture
def broken(tmp_path: Path) -> dict[str, str]:
    """The params of a run that the gate of bronze stops: twenty movies are half lines."""
    for name, text in FILES.items():
        (tmp_path / f"{name}.csv").write_text(text)
    with (tmp_path / "movies.csv").open("a") as file:
        file.writelines(f"{movie},Half a line\n" for movie in range(100, 120))
    return {"dataset": str(tmp_path), "from_month": "2000-07", "to_month": "2000-07"}


def texts_about(mail: MailReceiver, run_id: str) -> list[str]:
    return [text for text in map(html_of, mail.mails) if f"Run: {run_id}" in text]


def report_of(stack: Stack, run_id: str) -> str:
    return f"{stack.airflow_url}/dags/{DAG}/runs/{quote(run_id)}/plugin/run-quality"


def test_a_stopped_gate_is_told_and_stops_in_the_same_way_when_nobody_listens(
    airflow: Any, stack: Stack, mail: MailReceiver, broken: dict[str, str]
) -> None:
    run_id = airflow.trigger(DAG, broken)
    states = finish(airflow, run_id)

    assert (states["run"], states["bronze.audit"]) == ("failed", "failed")
    (text,) = texts_about(mail, run_id)
    assert "The gate of bronze stopped the run: bronze.movies (1 critical)." in text
    assert "bronze.movies: critical unexpected_rows_expectation(): 20 rows." in text
    assert report_of(stack, run_id) in text

    with socket.create_server((HOST, 0)) as silent:
        connect(airflow, silent.getsockname()[1])
        clear(airflow, run_id, ["bronze.audit"])  # which Airflow cannot, with its own references to the start of a run
        again = finish(airflow, run_id)

    assert again == states
    assert "No alert was sent (AirflowTaskTimeout" in log_of(airflow, run_id, "bronze.audit")
    (audit,) = [task for task in airflow.tasks(DAG, run_id) if task["task_id"] == "bronze.audit"]
    assert audit["try_number"] == 2


def test_a_late_run_is_told_while_it_goes_on(
    airflow: Any, stack: Stack, mail: MailReceiver, broken: dict[str, str], no_time: None
) -> None:
    run_id = airflow.trigger(DAG, broken)
    waiting_until = time.monotonic() + SECONDS
    while not texts_about(mail, run_id):
        assert time.monotonic() < waiting_until, "no alert"
        time.sleep(0.2)  # the receiver only collects
    states = finish(airflow, run_id)

    late, stopped = texts_about(mail, run_id)
    assert "The run should have been done by" in late
    assert report_of(stack, run_id) in late
    assert "The gate of bronze stopped the run" in stopped
    assert states["bronze.audit"] == "failed"


def test_a_task_that_failed_is_told_with_its_log(airflow: Any, stack: Stack, mail: MailReceiver) -> None:
    run_id = airflow.trigger(DAG, {"dataset": "/nowhere"})
    states = finish(airflow, run_id)

    assert states["land"] == "failed"
    (text,) = texts_about(mail, run_id)
    assert "land failed at try 1: No dataset &#x27;/nowhere&#x27;" in text
    assert f"{stack.airflow_url}/dags/{DAG}/runs/{quote(run_id)}/tasks/land" in text


def test_the_deadline_does_not_keep_the_scheduler_from_starting_a_run(airflow: Any) -> None:
    airflow.patch(f"dags/{DAG}", json={"is_paused": False}).raise_for_status()
    waiting_until = time.monotonic() + SECONDS
    while not airflow.read(f"dags/{DAG}/dagRuns", run_type="scheduled")["total_entries"]:
        assert time.monotonic() < waiting_until, "the run of the last full month does not start"
        time.sleep(0.5)  # the scheduler makes it in one of its loops

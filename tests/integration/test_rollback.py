"""A bad release is undone in one step, also when something dies in the middle, and the undoing can be undone."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import httpx
import pytest

from infra.local import supervision
from infra.local.config import Stack
from lakehouse.serving import load_release
from tests.integration.conftest import DAG, RUN_SECONDS, FinishedRun, finish, log_of

pytestmark = pytest.mark.integration

ROLLBACK = "movielens_rollback"


def mains(catalog: Any, tables: Any) -> dict[str, int]:
    return {name: catalog.load_table(name).current_snapshot().snapshot_id for name in tables}


def page(stack: Stack) -> str:
    return httpx.get(f"{stack.s3_url}/site/index.html", trust_env=False).text


@pytest.fixture
def bad(loaded: FinishedRun, airflow: Any, movielens: Any) -> Any:
    """A later release that nobody wants: January 2001 loaded again."""
    conf = {"dataset": str(movielens), "from_month": "2001-01", "to_month": "2001-01"}
    run_id = airflow.trigger(DAG, conf)
    assert finish(airflow, run_id)["run"] == "success"
    return load_release(airflow.result(DAG, run_id, "release"))


def test_every_table_and_the_page_go_back_in_spite_of_a_kill_and_forth_again(
    loaded: FinishedRun, bad: Any, airflow: Any, stack: Stack, catalog: Any
) -> None:
    good = load_release(loaded.release_id)
    assert mains(catalog, bad.tables) == bad.tables != good.tables
    assert bad.release_id in page(stack)

    run_id = airflow.trigger(ROLLBACK, {"release_id": good.release_id})
    kill_s3_during_restore(airflow, stack, run_id)

    assert finish(airflow, run_id, ROLLBACK)["run"] == "success"
    assert mains(catalog, good.tables) == good.tables
    back = load_release(airflow.result(ROLLBACK, run_id, "restore"))
    assert (back.kind, back.restored_from, back.tables) == ("rollback", good.release_id, good.tables)
    assert back.release_id in page(stack)
    assert good.release_id in page(stack)

    run_id = airflow.trigger(ROLLBACK, {})
    assert finish(airflow, run_id, ROLLBACK)["run"] == "success"
    assert mains(catalog, bad.tables) == bad.tables
    assert load_release(airflow.result(ROLLBACK, run_id, "restore")).restored_from == bad.release_id


def kill_s3_during_restore(airflow: Any, stack: Stack, run_id: str) -> None:
    """Kill the store of the tables' metadata while tables are being moved."""
    deadline = time.monotonic() + RUN_SECONDS
    while not any(
        task["task_id"] == "restore" and task["state"] == "running" for task in airflow.tasks(ROLLBACK, run_id)
    ):
        assert time.monotonic() < deadline, "restore never ran"
        time.sleep(0.05)  # short: restoring takes a second or two
    time.sleep(0.5)  # by then it moves tables
    os.kill(supervision.ask(stack, "getProcessInfo", "s3")["pid"], signal.SIGKILL)


def test_an_unknown_release_is_refused(loaded: FinishedRun, airflow: Any, catalog: Any) -> None:
    tables = load_release(loaded.release_id).tables
    before = mains(catalog, tables)

    run_id = airflow.trigger(ROLLBACK, {"release_id": "20000101T000000Z-deadbeef"})

    assert finish(airflow, run_id, ROLLBACK)["choose"] == "failed"
    assert "There is no release '20000101T000000Z-deadbeef'" in log_of(airflow, run_id, "choose", ROLLBACK)
    assert mains(catalog, tables) == before

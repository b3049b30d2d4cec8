"""Month by month gives what one run over the same months gives: in any order, side by side, and through kills.

By default a slice that takes a few minutes, asked for in the Airflow UI, in a real browser. BACKFILL_MONTHS=24 takes
two years in every way, which takes an hour or so.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from infra.local.airflow_api import AirflowApi
from lakehouse.tables import RELEASED
from tests.fixtures.lake import mains_restored, rewind
from tests.integration.conftest import DAG, RUN_SECONDS, FinishedRun, digests, finish, picture

pytestmark = [pytest.mark.integration, pytest.mark.browser]

MONTHS = int(os.environ.get("BACKFILL_MONTHS", "2"))
FIRST = 12 * 2003
"""January 2003, in months."""
SHARE_KILLED = 1 / 3
WAYS = {
    "in order": {"max_active_runs": 1},
    "backwards": {"max_active_runs": 1, "run_backwards": True},
    "in the UI, eight at once, a third of the tasks killed": {},
    "once more, on top": {"max_active_runs": 2},
}
IN_SLICE = ["in the UI, eight at once, a third of the tasks killed"]


def first_day(months: int) -> date:
    return date(months // 12, months % 12 + 1, 1)


def last_day() -> date:
    return first_day(FIRST + MONTHS) - timedelta(days=1)


@pytest.fixture(scope="module")
def empty_lake(loaded: FinishedRun, catalog: Any) -> Iterator[Any]:
    """A function that empties main of every table; at the end of the module all are back where they were."""
    with mains_restored(catalog, *RELEASED):
        yield lambda: rewind(catalog, *RELEASED)


@pytest.fixture(scope="module")
def ranged(empty_lake: Any, airflow: AirflowApi, catalog: Any) -> dict[str, tuple[int, str]]:
    """The digests of silver and gold after one run over all months."""
    empty_lake()
    conf = {"from_month": f"{first_day(FIRST):%Y-%m}", "to_month": f"{first_day(FIRST + MONTHS - 1):%Y-%m}"}
    assert finish(airflow, airflow.trigger(DAG, conf))["run"] == "success"
    return digests(catalog)


def ask_for_backfill(airflow: AirflowApi, **options: Any) -> None:
    """Ask for all months, whether they have run or not."""
    request = {"dag_id": DAG, "reprocess_behavior": "completed", "run_backwards": False, "dag_run_conf": {}}
    days = {"from_date": f"{first_day(FIRST)}", "to_date": f"{last_day()}"}
    airflow.post("backfills", json=request | days | options).raise_for_status()


def ask_for_backfill_in_the_ui(page: Page) -> None:
    page.get_by_role("button", name="Trigger").first.click()
    form = page.get_by_role("dialog").first
    form.get_by_text("Backfill", exact=True).click()
    for day, time_of_day in ((first_day(FIRST), "00:00"), (last_day(), "23:59")):
        form.get_by_text("Select date and time").first.click()
        page.get_by_placeholder("YYYY/MM/DD").last.fill(f"{day:%Y/%m/%d}")
        page.get_by_placeholder("HH:mm").last.fill(time_of_day)
        page.keyboard.press("Escape")
    form.get_by_text("All Runs").click()
    form.locator("input[name=max_active_runs]").fill("8")
    expect(form.get_by_text(f"{MONTHS} runs will be triggered.")).to_be_visible()
    picture(page, "backfill")
    form.get_by_role("button", name="Run Backfill").click()
    expect(page.get_by_text("Backfill in progress:")).to_be_visible()


def wait_for_backfill(airflow: AirflowApi) -> list[str]:
    """Wait for the end of the newest backfill and return the states of its runs."""
    deadline = time.monotonic() + RUN_SECONDS * MONTHS
    while True:
        assert time.monotonic() < deadline, "the backfill does not end"
        time.sleep(1)  # the API has no call that waits for its end
        with suppress(httpx.HTTPError):
            newest = max(airflow.read("backfills", dag_id=DAG)["backfills"], key=lambda backfill: int(backfill["id"]))
            if newest["completed_at"]:
                return [run["state"] for run in runs_of_backfills(airflow)]


def assert_shown(page: Page) -> None:
    """The page of the DAG lists the runs as successful."""
    expect(page.get_by_text("Backfill in progress:")).not_to_be_visible(timeout=60_000)
    page.get_by_role("link", name="Runs", exact=True).click()
    runs = page.get_by_role("row").filter(has_text="backfill__")
    expect(runs.filter(has_text="Success")).to_have_count(MONTHS)
    picture(page, "backfilled")


def runs_of_backfills(airflow: AirflowApi) -> list[dict[str, Any]]:
    runs = airflow.read(f"dags/{DAG}/dagRuns", run_type="backfill", limit=100)["dag_runs"]
    return [run for run in runs if FIRST <= months_of(run) < FIRST + MONTHS]


def months_of(run: dict[str, Any]) -> int:
    day = date.fromisoformat(run["logical_date"][:10])
    return 12 * day.year + day.month - 1


@contextmanager
def tasks_killed(airflow: AirflowApi, seed: int) -> Iterator[list[str]]:
    """Kill a third of the first tries of all tasks with SIGKILL, each at a random moment of its work."""
    chance, done, killed = random.Random(seed), threading.Event(), []  # noqa: S311  a seed must give the same choice
    first_try: dict[tuple[str, str], int] = {}
    due: dict[tuple[str, str], float] = {}

    def look() -> None:
        while not done.wait(0.3):
            with suppress(httpx.HTTPError):
                running = airflow.read(f"dags/{DAG}/dagRuns/~/taskInstances", state="running", limit=100)
                for task in running["task_instances"]:
                    kill_if_due(task)

    def kill_if_due(task: dict[str, Any]) -> None:
        key = (task["dag_run_id"], task["task_id"])
        # Tries are counted on from earlier backfills.
        if not task["pid"] or task["try_number"] > first_try.setdefault(key, task["try_number"]):
            return
        if key not in due:
            fated = chance.random() < SHARE_KILLED
            due[key] = time.monotonic() + chance.uniform(0, 5) if fated else float("inf")
        if time.monotonic() >= due[key]:
            due[key] = float("inf")
            with suppress(ProcessLookupError):
                os.kill(task["pid"], signal.SIGKILL)
                killed.append(f"{task['dag_run_id']} {task['task_id']}")

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield killed
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("way", WAYS if "BACKFILL_MONTHS" in os.environ else IN_SLICE)
def test_a_backfill_gives_the_bytes_of_one_run_over_the_same_months(
    ranged: dict[str, Any], empty_lake: Any, airflow: AirflowApi, airflow_page: Any, catalog: Any, way: str
) -> None:
    if way != "once more, on top":
        empty_lake()
        assert digests(catalog) != ranged
    began = time.monotonic()
    with (
        airflow_page(f"/dags/{DAG}") if "in the UI" in way else nullcontext() as page,
        tasks_killed(airflow, seed=MONTHS) if "killed" in way else nullcontext(["none"]) as killed,
    ):
        if page:
            ask_for_backfill_in_the_ui(page)
        else:
            ask_for_backfill(airflow, **WAYS[way])
        states = wait_for_backfill(airflow)
        if page:
            assert_shown(page)
    print(f"{way}: {MONTHS} months in {time.monotonic() - began:.0f} s, tasks killed: {', '.join(killed)}")

    assert killed
    assert states == ["success"] * MONTHS
    assert digests(catalog) == ranged

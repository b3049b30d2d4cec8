"""The main job, run once by its command on the session's stack; each test then looks at what it left."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

from infra.files import REPOSITORY
from infra.local.airflow_api import AirflowApi
from infra.local.config import Stack
from lakehouse.serving import Release, load_release
from lakehouse.tables import RELEASED
from tests.fixtures.digests import digest
from tests.fixtures.lake import move_mains
from tests.fixtures.loads import new_load, run_layers

DAG = "movielens_lakehouse"
RUN_SECONDS = 900


def make(target: str, stack: Stack, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a make target against a stack, as a user would."""
    assignments = {"STATE": str(stack.state), "PORT_OFFSET": str(stack.port_offset)} | variables
    command = ["make", "--silent", target, *(f"{name}={value}" for name, value in assignments.items())]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYICEBERG"))}
    return subprocess.run(command, cwd=REPOSITORY, env=kept, capture_output=True, text=True, timeout=RUN_SECONDS)


@dataclass(frozen=True)
class FinishedRun:
    """What ``make run`` said, and the release that it made."""

    output: str
    release_id: str


@pytest.fixture(scope="session")
def make_run(airflow: AirflowApi, stack: Stack, movielens: Path) -> Any:
    """A function that runs ``make run`` on the real ml-latest-small."""

    def run() -> FinishedRun:
        finished = make("run", stack, DATASET=str(movielens))
        assert finished.returncode == 0, finished.stdout + finished.stderr
        (line,) = [line for line in finished.stdout.splitlines() if line.startswith("Release ")]
        return FinishedRun(finished.stdout, line.split()[1])

    return run


@pytest.fixture(scope="session")
def loaded(make_run: Any, airflow: AirflowApi) -> FinishedRun:
    """The whole of ml-latest-small, loaded by ``make run``."""
    finished: FinishedRun = make_run()
    end_scheduled_run(airflow)
    return finished


def end_scheduled_run(airflow: AirflowApi) -> None:
    """End the run that the schedule is due for as soon as the first run has ended: it would compete with the tests."""
    deadline = time.monotonic() + RUN_SECONDS
    while not (runs := airflow.read(f"dags/{DAG}/dagRuns", run_type="scheduled")["dag_runs"]):
        assert time.monotonic() < deadline, "no run is due"
        time.sleep(0.2)  # the scheduler makes it some loops after the first run's end
    airflow.patch(f"dags/{DAG}/dagRuns/{runs[0]['dag_run_id']}", json={"state": "failed"}).raise_for_status()


def finish(airflow: AirflowApi, run_id: str, dag: str = DAG) -> dict[str, str]:
    """Wait for the end of a run; return the state of the run (key "run") and of each task."""
    deadline = time.monotonic() + RUN_SECONDS
    state = "unknown"
    while state not in ("success", "failed"):
        assert time.monotonic() < deadline, f"{run_id} is still {state}"
        time.sleep(0.5)  # the API has no call that waits for the end of a run
        with suppress(httpx.HTTPError):  # Airflow itself may be what a test has killed
            state = airflow.read(f"dags/{dag}/dagRuns/{run_id}")["state"]
    return {"run": state} | {task["task_id"]: task["state"] for task in airflow.tasks(dag, run_id)}


def log_of(airflow: AirflowApi, run_id: str, task_id: str, dag: str = DAG) -> str:
    """What the last try of a task logged."""
    (task,) = [task for task in airflow.tasks(dag, run_id) if task["task_id"] == task_id]
    return "\n".join(airflow.log(task))


def clear(airflow: AirflowApi, run_id: str, tasks: list[str] | None = None) -> None:
    """Clear tasks of a run and none that follow them, or all tasks, as the buttons in the UI do."""
    if tasks is None:
        airflow.post(f"dags/{DAG}/dagRuns/{run_id}/clear", json={"dry_run": False}).raise_for_status()
    else:
        request = {"dag_run_id": run_id, "task_ids": tasks, "only_failed": False, "dry_run": False}
        airflow.post(f"dags/{DAG}/clearTaskInstances", json=request).raise_for_status()


def sorted_rows(table: Any) -> list[Any]:
    """The rows of an Arrow table in an order of their own, for a comparison."""
    return sorted(table.to_pylist(), key=lambda row: str(list(row.values())))


def digests(catalog: Any) -> dict[str, tuple[int, str]]:
    """Row count and digest of every silver and gold table."""
    names = [name for name in RELEASED if name.startswith(("silver.", "gold."))]
    return {name: digest(catalog.load_table(name).scan().to_arrow()) for name in names}


@dataclass(frozen=True)
class KnownRelease:
    """A release, and the row counts and digests of its tables of silver and gold as main had them when it was made."""

    release: Release
    digests: dict[str, tuple[int, str]]


@pytest.fixture(scope="session")
def two_releases(loaded: FinishedRun, spark: Any, catalog: Any, tmp_path_factory: Any) -> list[KnownRelease]:
    """The loaded release, and a later one of another dataset: sixty ratings of two movies."""
    first = load_release(loaded.release_id)
    move_mains(catalog, first.tables)  # whatever other tests left
    older = KnownRelease(first, digests(catalog))
    folder = tmp_path_factory.mktemp("later") / "sixty-ratings"
    folder.mkdir()
    lines = {
        "movies": ["movieId,title,genres", "1,First (1999),Drama|Comedy", "2,Second,(no genres listed)"],
        "ratings": ["userId,movieId,rating,timestamp", *(f"{user},1,4.5,964981247" for user in range(1, 61))],
        "tags": ["userId,movieId,tag,timestamp"],
        "links": ["movieId,imdbId,tmdbId", "1,0114709,862", "2,0113497,"],
    }
    for name, rows in lines.items():
        (folder / f"{name}.csv").write_text("\r\n".join([*rows, ""]))
    release_id = run_layers(spark, new_load(folder), ["bronze", "silver", "gold", "marts"])
    later = KnownRelease(load_release(release_id), digests(catalog))
    move_mains(catalog, first.tables)  # other tests go on with the first
    return [older, later]


@pytest.fixture(scope="session")
def airflow_page(browser: Browser, stack: Stack, airflow: Any) -> Any:
    """A function that opens a page of the Airflow UI, logged in as admin."""

    @contextmanager
    def airflow_page(path: str, **options: Any) -> Iterator[Page]:
        context = browser.new_context(viewport={"width": 1400, "height": 900}, locale="en-US", **options)
        page = context.new_page()
        page.goto(f"{stack.airflow_url}/auth/login")
        page.locator("input[name=username]").fill("admin")
        page.locator("input[name=password]").fill(stack.secrets["admin"])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{stack.airflow_url}/")
        page.goto(f"{stack.airflow_url}{path}")
        yield page
        context.close()

    return airflow_page


def picture(page: Page, name: str) -> None:
    """Take a picture for the docs, when asked to."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")

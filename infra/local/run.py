"""Load a dataset: run ``movielens_lakehouse`` on the local stack, follow it and print what came out."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from infra.files import REPOSITORY
from infra.local.airflow_api import AirflowApi
from infra.local.config import Stack, StackError

DAG = "movielens_lakehouse"
FINISHED = ("success", "failed", "skipped", "up_for_retry", "upstream_failed", "removed")
PARSE_SECONDS = 90
SILENCE_SECONDS = 60  # how long Airflow may be away while it is restarted


def main() -> int:
    stack = Stack.from_environment()
    with AirflowApi(stack.airflow_url, stack.secrets["admin"]) as airflow:
        wait_for_dag(airflow)
        conf = parameters()
        airflow.set_variable("lakehouse_dataset", conf["dataset"])
        airflow.set_variable("lakehouse_code_version", code_version())
        run_id = airflow.trigger(DAG, conf)
        url = f"{stack.airflow_url}/dags/{DAG}/runs/{quote(run_id)}"
        print(f"Run of {conf['dataset']}, {conf['from_month']} to {conf['to_month']}: {url}")
        try:
            state = follow(airflow, run_id)
        except KeyboardInterrupt:
            print(f"\nThe run goes on without you: {url}")
            return 130
        if state != "success":
            explain(airflow, run_id)
            print(f"\nThe run failed: {url}", file=sys.stderr)
            return 1
        if any(task["task_id"] == "release" and task["state"] == "skipped" for task in airflow.tasks(DAG, run_id)):
            print(f"\nThe months are published; a parallel run makes the release: {url}")
        else:
            summary(stack, airflow.result(DAG, run_id, "release"))
    return 0


def parameters() -> dict[str, str]:
    """The run's configuration, from DATASET, FROM and TO."""
    dataset = os.environ.get("DATASET") or "ml-latest-small"
    if "/" in dataset or Path(dataset).exists():
        dataset = str(Path(dataset).expanduser().resolve())
    return {
        "dataset": dataset,
        "from_month": os.environ.get("FROM") or "1995-01",
        "to_month": os.environ.get("TO") or f"{datetime.now(UTC):%Y-%m}",
    }


def code_version() -> str:
    """The commit that is checked out, marked where files differ from it; "unknown" outside git."""
    command = ["git", "-C", str(REPOSITORY), "describe", "--always", "--dirty", "--tags"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def wait_for_dag(airflow: AirflowApi) -> None:
    """Wait until Airflow has read the DAG. Raises StackError with the traceback when its file has an error."""
    deadline = time.monotonic() + PARSE_SECONDS
    while True:
        errors = airflow.read("importErrors")["import_errors"]
        if broken := [error for error in errors if Path(error["filename"]).stem == DAG]:
            raise StackError(f"the DAG cannot be imported:\n{broken[0]['stack_trace']}")
        if airflow.get(f"dags/{DAG}").is_success:
            return
        if time.monotonic() > deadline:
            raise StackError(f"Airflow has not found the DAG {DAG}: see `make status` and airflow-dag-processor.log")
        time.sleep(0.2)  # the DAG processor may still be starting


def follow(airflow: AirflowApi, run_id: str) -> str:
    """Print a line for each task that finishes; return the final state of the run."""
    printed: set[tuple[str, int, int, str]] = set()
    began = heard = time.monotonic()
    while True:
        try:
            state = airflow.read(f"dags/{DAG}/dagRuns/{run_id}")["state"]
            tasks = airflow.tasks(DAG, run_id)
            heard = time.monotonic()
        except httpx.HTTPError:
            if time.monotonic() - heard > SILENCE_SECONDS:
                raise
            time.sleep(1)  # the supervisor starts Airflow again, or it is busy
            continue
        for task in tasks:
            key = (task["task_id"], task["map_index"], task["try_number"], task["state"])
            if task["state"] in FINISHED and key not in printed:
                printed.add(key)
                show(f"{task['task_id']:<28} {task['state']:<16} {task['duration'] or 0:6.1f} s\n")
        if state in ("success", "failed"):
            show(f"{'run':<28} {state:<16} {time.monotonic() - began:6.1f} s\n")
            return str(state)
        running = ", ".join(task["task_id"] for task in tasks if task["state"] == "running")
        if sys.stdout.isatty():
            show(f"{time.monotonic() - began:6.0f} s  {running}")
        time.sleep(0.3)  # often enough for who looks on


def show(text: str) -> None:
    """Write over the line that says what is running, if there is a terminal to see it."""
    print(f"\r\033[K{text}" if sys.stdout.isatty() else text, end="", flush=True)


def explain(airflow: AirflowApi, run_id: str) -> None:
    """Print the end of the log of every failed task."""
    for task in airflow.tasks(DAG, run_id):
        if task["state"] == "failed":
            lines = "\n".join(f"  {line}" for line in airflow.log(task)[-20:])
            print(f"\n{task['task_id']} failed; the end of its log:\n{lines}", file=sys.stderr)


def summary(stack: Stack, release_id: Any) -> None:
    """Print the release, its row counts and where to look at it."""
    os.environ["PYICEBERG_HOME"] = str(stack.state)  # before pyiceberg is imported
    from lakehouse.serving import load_release

    release = load_release(release_id)
    print(f"\nRelease    {release_id}")
    print(f"Dataset    {release.dataset}{' (synthetic sample, not MovieLens data)' if release.synthetic else ''}")
    for table, rows in release.row_counts().items():
        print(f"  {table:<28} {rows:>12,} rows")
    print(f"Dashboard  {stack.s3_url}/site/index.html")
    print(f"Airflow    {stack.airflow_url}  (user admin, password in {stack.airflow_password_file})")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except StackError as error:
        sys.exit(str(error))

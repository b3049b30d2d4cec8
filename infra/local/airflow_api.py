"""A client of Airflow's REST API, logged in as admin."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx

PARSE_SECONDS = 30


class AirflowApi(httpx.Client):
    """Paths count from ``/api/v2/``. Raises httpx.HTTPError when Airflow cannot be reached."""

    def __init__(self, url: str, password: str) -> None:
        login = {"username": "admin", "password": password}
        answer = httpx.post(f"{url}/auth/token", json=login, trust_env=False, timeout=60)
        token = answer.raise_for_status().json()["access_token"]
        super().__init__(
            base_url=f"{url}/api/v2/",
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,  # no proxy between us and this machine
            timeout=60,
        )

    def read(self, path: str, **parameters: Any) -> Any:
        """The JSON answer of a GET. Raises httpx.HTTPStatusError for anything but success."""
        return self.get(path, params=parameters).raise_for_status().json()

    def set_variable(self, key: str, value: str) -> None:
        variable = {"key": key, "value": value}
        if self.patch(f"variables/{key}", json=variable).status_code == httpx.codes.NOT_FOUND:
            self.post("variables", json=variable).raise_for_status()

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Start a run of a DAG, unpause the DAG and return the run's id.

        The run comes before the one that the schedule of a paused DAG is due for.
        """
        answer = self.post(f"dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": conf}).raise_for_status()
        dag = self.read(f"dags/{dag_id}/details")
        if dag["is_paused"]:
            self._count_runs(dag)
            self.patch(f"dags/{dag_id}", json={"is_paused": False}).raise_for_status()
        return str(answer.json()["dag_run_id"])

    def _count_runs(self, dag: dict[str, Any]) -> None:
        """Have Airflow parse the file of a DAG again: not before that does a queued run count as an active one."""
        self.put(f"parseDagFile/{dag['file_token']}").raise_for_status()
        deadline = time.monotonic() + PARSE_SECONDS
        while self.read(f"dags/{dag['dag_id']}")["last_parsed_time"] == dag["last_parsed_time"]:
            if time.monotonic() > deadline:
                return  # the runs are only in another order then
            time.sleep(0.2)  # Airflow tells nobody when it has parsed a file

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """The task instances of a run, in the order in which they started."""
        answer = self.read(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances", limit=100, order_by="start_date")
        found: list[dict[str, Any]] = answer["task_instances"]
        return found

    def log(self, task: dict[str, Any]) -> list[str]:
        """The lines that the last try of a task logged."""
        path = f"dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}/logs"
        answer = self.get(
            f"{path}/{task['try_number']}",
            params={"map_index": task["map_index"]},
            headers={"Accept": "application/x-ndjson"},
        )
        lines = []
        for entry in map(json.loads, answer.raise_for_status().iter_lines()):
            lines += str(entry["event"]).splitlines()
            lines += [f"{error['exc_type']}: {error['exc_value']}" for error in entry.get("error_detail") or []]
        return [line for line in lines if not line.startswith("::")]  # marks of the UI's folded groups

    def result(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """What a task returned."""
        return self.read(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value")["value"]

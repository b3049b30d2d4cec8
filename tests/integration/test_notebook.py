"""The notebook runs on a real release, `make notebook` serves it to its owner only, the README says what it shows."""

from __future__ import annotations

import base64
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import nbformat
import psutil
import pytest
from nbclient import NotebookClient

from docs.insights import README, insights, with_insights
from infra.files import REPOSITORY
from infra.local.config import Stack
from infra.local.notebook import PORT, command, environment
from lakehouse.serving import load_release
from tests.integration.conftest import FinishedRun, KnownRelease, make

pytestmark = pytest.mark.integration

SECONDS = 90
CHARTS = 7
PNG_SIGNATURE = b"\x89PNG"


def test_the_notebook_runs_and_draws_what_it_found(two_releases: list[KnownRelease], stack: Stack) -> None:
    release, other = (known.release for known in two_releases)
    notebook = nbformat.read(REPOSITORY / "notebooks" / "explore_dataset.ipynb", as_version=4)
    began = time.monotonic()

    chosen = {"RELEASE": release.release_id, "COMPARE_WITH": other.release_id}
    NotebookClient(notebook, timeout=SECONDS).execute(env=os.environ | environment(stack) | chosen)

    assert time.monotonic() - began < SECONDS
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    text = "".join(output.text for output in outputs if output.output_type == "stream")
    charts = [base64.b64decode(output.data["image/png"]) for output in outputs if "image/png" in output.get("data", {})]
    assert release.release_id in text
    assert "100,836 ratings of 9,742 movies by 610 users" in text
    assert len(charts) == CHARTS
    assert len({chart for chart in charts if chart.startswith(PNG_SIGNATURE) and len(chart) > 10_000}) == CHARTS
    for place, chart in enumerate(charts, 1):
        if folder := os.environ.get("SCREENSHOTS"):
            (Path(folder) / f"notebook-{place}.png").write_bytes(chart)


def test_the_readme_says_what_the_release_shows(loaded: FinishedRun, catalog: Any) -> None:
    readme = README.read_text()

    assert with_insights(readme, insights(load_release(loaded.release_id))) == readme, "run `make insights`"


def test_jupyter_listens_on_this_machine_only_and_asks_for_the_token(
    loaded: FinishedRun, stack: Stack, tmp_path: Path
) -> None:
    url, log = f"http://127.0.0.1:{PORT + stack.port_offset}", tmp_path / "log"
    variables = os.environ | stack.environment | {"BROWSER": "true"}
    with log.open("w") as output:
        launcher = [command(stack)[0], "-m", "infra.local.notebook"]
        server = subprocess.Popen(launcher, cwd=REPOSITORY, env=variables, stdout=output, stderr=subprocess.STDOUT)
    try:
        token = printed_token(server, log, f"{url}/lab/tree/explore_dataset.ipynb?token=")
        with httpx.Client(base_url=url, trust_env=False) as stranger:
            assert stranger.get("/api/contents").status_code == 403
            assert stranger.get("/api/contents", params={"token": "0" * 48}).status_code == 403
        with httpx.Client(base_url=url, trust_env=False, headers={"Authorization": f"token {token}"}) as owner:
            files = {file["name"] for file in owner.get("/api/contents").raise_for_status().json()["content"]}
            owner.post("/api/kernels", json={}).raise_for_status()
        second = make("notebook", stack)
        process = psutil.Process(server.pid)
        members = [process, *process.children(recursive=True)]
        sockets = [socket for member in members for socket in member.net_connections(kind="inet")]
        listening = {socket.laddr for socket in sockets if socket.status == psutil.CONN_LISTEN}
    finally:
        server.terminate()
        server.wait(30)

    assert "explore_dataset.ipynb" in files
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert len(listening) > 1  # the kernel listens too
    assert second.returncode != 0
    assert "choose another PORT_OFFSET" in second.stderr


def printed_token(server: subprocess.Popen[bytes], log: Path, address: str) -> str:
    """The token in the address that Jupyter prints, which is awaited."""
    deadline = time.monotonic() + SECONDS
    while address not in log.read_text():
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)  # Jupyter prints it once it listens
    return log.read_text().partition(address)[2].split()[0]

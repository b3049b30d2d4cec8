"""A real browser, and the hand-made pages that it looks at."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from infra.local.config import Stack

# The browser talks to the page and to nobody else.
QUIET = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's chromium, installed when this user may; without one the test is skipped, in CI it fails."""
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium(), args=[*QUIET, *sandbox])
        yield launched
        launched.close()


def chromium() -> str:
    found = shutil.which("chromium")
    if found:
        return found
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    problem = "no chromium on PATH"
    try:
        for command in (["apt-get", "update"], ["apt-get", "install", "--yes", "chromium"]):
            subprocess.run([*as_root, *command], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        problem += f", and apt-get could not install it: {getattr(error, 'stderr', None) or error}"
    found = shutil.which("chromium")
    if found:
        return found
    if os.environ.get("CI"):
        pytest.fail(problem)
    pytest.skip(problem)


@pytest.fixture(scope="session")
def jars() -> Path:
    """The jars that the set-up has retrieved."""
    return Stack.from_environment().state / "jars"


class Site(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the URL that it is served at."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Site, directory=str(tmp_path))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield tmp_path, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()

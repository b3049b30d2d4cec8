"""The Python programs of README and runbook, on a lake that ``make run`` has filled."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from infra.local.config import REPOSITORY, Stack
from tests.docs.pages import programs

pytestmark = pytest.mark.integration


def run(program: str, stack: Stack) -> str:
    """What a program prints, started as the pages say."""
    finished = subprocess.run(
        [sys.executable, "-c", program], env={"PYICEBERG_HOME": str(stack.state)}, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_the_readme_reads_the_last_release(loaded: Any, stack: Stack) -> None:
    (program,) = programs(REPOSITORY / "README.md")

    release_id, *about = run(program, stack).split()

    assert release_id >= loaded.release_id  # they sort by time
    assert about[0].startswith("ml-latest-small@")
    assert "rating_count" in about


def test_the_programs_of_the_runbook_run(loaded: Any, stack: Stack) -> None:
    failures, branches = (run(program, stack) for program in programs(REPOSITORY / "docs" / "runbook.md"))

    assert "unexpected_count" in failures
    assert all(line.startswith("run_") for line in branches.splitlines()[:1])

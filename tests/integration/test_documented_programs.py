"""The Python programs of README, runbook and time travel, on a lake that ``make run`` has filled."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from infra.files import REPOSITORY
from infra.local.config import Stack
from lakehouse.serving import load_release
from tests.docs.pages import programs

pytestmark = pytest.mark.integration


def run(program: str, stack: Stack) -> str:
    """What a program prints, started as the pages say, but on this stack."""
    program = program.replace(".local", str(stack.state)).replace(":15002/", f":{stack.ports['spark']}/")
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
    failures, branches, corrections = (run(program, stack) for program in programs(REPOSITORY / "docs" / "runbook.md"))

    assert "unexpected_count" in failures
    assert "decided_by" in corrections
    assert all(line.startswith("run_") for line in branches.splitlines()[:1])


def test_every_engine_reads_the_same_rows_of_a_release(loaded: Any, stack: Stack) -> None:
    by_release, by_date, spark, duckdb = (
        run(program, stack).split() for program in programs(REPOSITORY / "docs" / "time-travel.md")
    )

    rows = str(load_release(by_release[0]).row_counts()["gold.genre_stats"])
    assert loaded.release_id <= by_release[0] == by_date[0]
    assert by_release[1:] == by_date[1:] == duckdb[1:] == [rows]
    assert spark == [by_release[0], rows, rows]

"""The benchmark: what it prints, what it cleans up, and that its exit code is honest."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import duckdb
import psutil
import pytest

from benchmarks import run
from infra.files import REPOSITORY
from infra.local.config import Stack
from lakehouse.tables import LAYERS

STAGES = [
    *("start (not counted)", "land"),
    *(f"{layer} {step}" for layer in LAYERS for step in ("write", "audit", "publish")),
    *("release", "CSV to monthly_movie_ratings", "the other gold tables"),
]


@pytest.fixture
def scratch() -> Iterator[Path]:
    """An empty folder; the path of pytest's own would be too long for a socket."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def benchmark(scratch: Path, out: Path) -> subprocess.Popen[str]:
    environment = os.environ | {
        "SIZE": "20000",
        "MONTHS": "0",  # month by month takes minutes, and is loaded by the same functions
        "EVENTS": "0",  # as does the stream
        "OUT": str(out),
        "TMPDIR": str(scratch),
    }
    environment |= {"STATE": str(Stack.from_environment().state), "PYTHONPATH": "plugins"}
    command = [sys.executable, "-m", "benchmarks.run"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=pipe, stderr=pipe, text=True)


def processes_of(scratch: Path) -> list[str]:
    """The command lines of the processes whose environment names the folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(scratch) in str(process.environ()):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


@pytest.mark.integration
def test_the_gated_run_bare_pyspark_and_duckdb_make_the_same_gold(scratch, tmp_path):
    with benchmark(scratch, tmp_path / "result.md") as process:
        printed, errors = process.communicate()

    assert process.returncode == 0, errors
    assert "20,000 ratings" in printed
    assert "All agree on 7 tables." in printed
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in printed.splitlines() if line.startswith("|")]
    assert rows[0] == ["seconds", "gated run", "bare PySpark", "DuckDB"]
    assert [row[0] for row in rows[2 : 2 + len(STAGES)]] == STAGES
    figures = {row[0]: row[1:] for row in rows[2:]}
    assert all(float(total.strip("*")) > 0 for total in figures["**total**"])
    assert figures["gated run takes times"][0] == "1.00"
    assert (tmp_path / "result.md").read_text().strip() in printed
    assert list(scratch.iterdir()) == []
    assert processes_of(scratch) == []


@pytest.mark.integration
def test_a_benchmark_that_is_stopped_leaves_nothing_behind(scratch, tmp_path):
    with benchmark(scratch, tmp_path / "result.md") as process:
        while process.poll() is None and not any(scratch.glob("bench-stack-*/postgres")):
            time.sleep(0.1)  # once Postgres is there, there is something to leave behind
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        process.communicate()

    assert process.returncode == 128 + signal.SIGTERM
    assert list(scratch.iterdir()) == []
    assert processes_of(scratch) == []


def write_gold(folder: Path, row: str) -> None:
    """Every gold table with the same one row."""
    for table in LAYERS["gold"]:
        (folder / table).mkdir(parents=True, exist_ok=True)
        duckdb.execute(f"COPY (SELECT {row}) TO '{folder / table}/rows.parquet'")


def pretend_turns(monkeypatch, counts: dict[str, int]) -> None:
    """Put contestants that take no time in the place of the real ones."""

    def take_turn(name, dataset, output):
        if name in ("monthly", "stream"):
            return run.Result(defaultdict(lambda: 2.0), cpu_seconds=1.0, peak_bytes=2**30)
        write_gold(output, f"{counts[name]} AS rating_count")
        return run.Result({"start": 9.0, "land": 1.5}, cpu_seconds=1.0, peak_bytes=2**30)

    monkeypatch.setenv("SIZE", "3000")
    monkeypatch.setattr(run, "take_turn", take_turn)
    monkeypatch.setattr(run.signal, "signal", lambda *_: None)


def test_contestants_that_agree_make_the_benchmark_succeed(monkeypatch, capsys):
    pretend_turns(monkeypatch, {"gated_run": 7, "bare_spark": 7, "duckdb_sql": 7})

    assert run.main() == 0
    printed = capsys.readouterr().out
    assert "| **total** | **1.5** | **1.5** | **1.5** |" in printed
    assert "| rows per second | 2,000 | 2,000 | 2,000 |" in printed
    assert "| 6 months one by one | 12.0 | 6.00 |" in printed
    assert "- taken in 1,500 a second; reading 2.0 s, " in printed
    assert "make stream-ingest: 2 s to silver, 4 s to the page" in printed


def test_one_that_disagrees_makes_it_fail(monkeypatch, capsys):
    pretend_turns(monkeypatch, {"gated_run": 7, "bare_spark": 7, "duckdb_sql": 8})

    assert run.main() == 1
    assert "They disagree about gold.monthly_movie_ratings, " in capsys.readouterr().out


def test_the_order_of_columns_and_the_width_of_integers_do_not_matter(tmp_path):
    write_gold(tmp_path / "narrow", "7::INT AS a, 0.5::DOUBLE AS b")
    write_gold(tmp_path / "wide", "0.5::DOUBLE AS b, 7::BIGINT AS a")

    assert run.digests(tmp_path / "narrow") == run.digests(tmp_path / "wide")

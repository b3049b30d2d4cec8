"""Compare the gated run with bare PySpark and with DuckDB: ``python -m benchmarks.run``.

The environment variable SIZE says how many ratings are generated (20000263 has MovieLens 20M's shape), ROUNDS how
often the contestants take turns (the fastest turn counts), MONTHS how many months are loaded one by one and EVENTS how
many messages are streamed (0 leaves these parts out), OUT where to write the result besides standard output.
Exits with 1 when the contestants disagree about gold. What it writes goes below TMPDIR and is deleted at the end.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import psutil

from benchmarks import monthly
from infra.files import PYTHON, REPOSITORY
from infra.local import processes, supervision
from infra.local.config import Stack, StackError
from infra.local.services import is_listening, task_environment
from infra.local.stack import end_of
from lakehouse import sample
from lakehouse.tables import LAYERS

CONTESTANTS = {"gated_run": "gated run", "bare_spark": "bare PySpark", "duckdb_sql": "DuckDB"}
"""Modules of this package, each with ``stages(dataset, output)``, and what the result calls them."""

NOT_COUNTED = "start"
MOVIELENS_20M = {"ratings": 20_000_263, "users": 138_493, "movies": 27_278}
SAMPLING_SHARE = 0.02  # of one core, for adding up the pages of a large process takes a while

NOTES = f"""
- {CONTESTANTS["gated_run"]}: what the tasks of movielens_lakehouse do, one after the other, without Airflow's
  scheduling between them; landing, Iceberg tables on S3, every gate, release.
- {CONTESTANTS["bare_spark"]}: the same transforms from CSV to Parquet in one session of the same driver memory; no
  landing, no tables, no gates, and malformed input stops it.
- {CONTESTANTS["duckdb_sql"]}: the same gold in SQL, from CSV to Parquet.
- Peak memory is the proportional share (PSS) of all processes, Postgres and the S3 server included.
"""


class ContestantError(Exception):
    """A contestant did not finish, so there is nothing to compare."""


@dataclass(frozen=True)
class Result:
    """What one turn of a contestant cost: seconds by stage in their order, CPU seconds of all processes, bytes."""

    seconds: dict[str, float]
    cpu_seconds: float
    peak_bytes: int

    @property
    def total(self) -> float:
        return sum(seconds for stage, seconds in self.seconds.items() if stage != NOT_COUNTED)


def main() -> int:
    size, rounds = int(os.environ.get("SIZE") or 2_000_000), int(os.environ.get("ROUNDS") or 1)
    signal.signal(signal.SIGTERM, stop)
    with tempfile.TemporaryDirectory(prefix="bench-") as work:
        dataset = Path(work, "benchmark")
        generate(dataset, size)
        turns: dict[str, list[Result]] = {name: [] for name in CONTESTANTS}
        found: dict[str, dict[str, str]] = {}
        for turn in range(rounds):
            for name in CONTESTANTS:
                output = Path(work, f"{name}-{turn}")
                print(f"{CONTESTANTS[name]}, turn {turn + 1}, load {os.getloadavg()[0]:.1f}", flush=True)
                turns[name].append(take_turn(name, dataset, output))
                found[output.name] = digests(output)
        by_month = month_by_month(Path(work), size // 10) if monthly.AT_ONCE else ""
        events = int(os.environ.get("EVENTS") or min(size, 2_000_000))
        streamed = as_a_stream(Path(work), events) if events else ""
    best = {name: min(results, key=lambda result: result.total) for name, results in turns.items()}
    disagreed = disagreements(found)
    verdict = (
        f"They disagree about {', '.join(disagreed)}." if disagreed else f"All agree on {len(LAYERS['gold'])} tables."
    )
    report = f"\n{size:,} ratings, {os.cpu_count()} cores. {verdict}\n\n{as_table(best, size)}\n{NOTES}"
    report += by_month + streamed
    print(report)
    if out := os.environ.get("OUT"):
        Path(out).write_text(report)
    return 1 if disagreed else 0


def month_by_month(work: Path, ratings: int) -> str:
    """The section of the report on runs of one month."""
    print(f"Month by month, load {os.getloadavg()[0]:.1f}", flush=True)
    users, first_month = ratings // 100, str(monthly.FIRST_MONTH)
    sample.generate(work / "sample", ratings=ratings, users=users, first_month=first_month, months=monthly.HISTORY)
    months = take_turn("monthly", work / "sample", work / "monthly")
    heading = f"Month by month, {ratings:,} ratings in {monthly.HISTORY} months, warm:"
    return f"\n{heading}\n\n{monthly.as_table(months.seconds)}\n"


def as_a_stream(work: Path, events: int) -> str:
    """The section of the report on messages."""
    print(f"As a stream, load {os.getloadavg()[0]:.1f}", flush=True)
    users = max(events // 100, 50)
    sample.generate(work / "streamed", ratings=events, users=users, first_month="2001-01", months=24)
    seconds = take_turn("stream", work / "streamed", work / "stream").seconds
    reading, judging = seconds["read only"], seconds["read and judge only"] - seconds["read only"]
    rest = seconds["take in"] - reading - judging
    parts = {"reading": reading, "judging": judging, "writing, gate and commits": rest}
    longest = max(parts, key=lambda part: parts[part])
    shares = ", ".join(f"{part} {taken:.1f} s" for part, taken in parts.items())
    return f"""
{events:,} messages of 24 months:

- sent {events / seconds["send"]:,.0f} a second
- taken in {events / seconds["take in"]:,.0f} a second; {shares}: {longest} is the bottleneck
- one more message, {delay("movielens_stream", seconds)}, if that is not waited for
- one more message, {delay("make stream-ingest", seconds)}
"""


def delay(who: str, seconds: dict[str, float]) -> str:
    """How long a message takes that ``who`` takes in."""
    to_silver = seconds[f"{who}: to silver"]
    return f"{who}: {to_silver:.0f} s to silver, {to_silver + seconds[f'{who}: to the page']:.0f} s to the page"


def stop(*_: object) -> None:
    """End like any other failure, so that everything is cleaned up, and once: ``timeout`` for one signals twice."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(128 + signal.SIGTERM)


def generate(folder: Path, size: int) -> None:
    """Write a dataset in the shape of MovieLens 20M; a smaller one has fewer users, and not quite as few movies."""
    share = size / MOVIELENS_20M["ratings"]
    users, movies = MOVIELENS_20M["users"] * share, MOVIELENS_20M["movies"] * share**0.2  # so ml-latest-small fits in
    sample.generate(folder, ratings=size, users=round(users), movies=round(movies), first_month="1995-01", months=243)


def take_turn(name: str, dataset: Path, output: Path) -> Result:
    """Let a contestant write gold to ``output``, in processes and, where it needs one, on a stack of its own.

    Raises:
        ContestantError: it failed; the message has the end of its log.
    """
    output.mkdir()
    with own_stack() as stack, Meter(stack.state) as meter:
        command = [PYTHON, "-m", "benchmarks.timing", name, str(dataset), str(output)]
        with (output / "log").open("w") as log:
            failed = subprocess.run(
                command, cwd=REPOSITORY, env=environment(stack), stdout=log, stderr=subprocess.STDOUT, check=False
            ).returncode
    if failed:
        raise ContestantError(f"{CONTESTANTS.get(name, name)} failed; {end_of(output / 'log')}")
    return Result(json.loads((output / "seconds.json").read_text()), sum(meter.cpu_seconds.values()), meter.peak_bytes)


@contextmanager
def own_stack() -> Iterator[Stack]:
    """The settings of an empty stack; whatever was started with them is ended and deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="bench-stack-") as state:
        (Path(state) / "jars").symlink_to(Stack.from_environment().state / "jars")
        # From 32768 on the system takes ports for outgoing connections.
        candidates = (Stack(Path(state), offset) for offset in random.sample(range(5_000, 17_000), 100))
        stack = next(stack for stack in candidates if not any(map(is_listening, stack.ports.values())))
        stack.check()
        stack.write_files()  # before pyiceberg is imported, which is when it looks for its configuration
        try:
            yield stack
        finally:
            supervision.stop(stack)


def environment(stack: Stack) -> dict[str, str]:
    """That of a task of Airflow, marked as the benchmark's."""
    mark = {processes.MARKER: processes.marker(stack.state, "benchmark")}
    return supervision.environment(stack) | task_environment(stack) | mark


class Meter:
    """Samples the CPU seconds by process and the peak memory of all that a stack's folder marks."""

    def __init__(self, state: Path) -> None:
        self.cpu_seconds: dict[int, float] = {}
        self.peak_bytes = 0
        self._state = state
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._done.set()
        self._thread.join()

    def _sample(self) -> None:
        pause = 0.0
        while not self._done.wait(pause):
            began, held = time.monotonic(), 0
            for process in processes.of_stack(self._state):
                try:
                    held += process.memory_full_info().pss
                    times = process.cpu_times()
                except psutil.Error:
                    continue
                self.cpu_seconds[process.pid] = times.user + times.system
            self.peak_bytes = max(self.peak_bytes, held)
            pause = (time.monotonic() - began) / SAMPLING_SHARE


def digests(output: Path) -> dict[str, str]:
    """Row count and digest of every gold table, the order of rows and columns and the width of integers aside."""
    found = {}
    for table in LAYERS["gold"]:
        rows = duckdb.read_parquet(f"{output / table}/*.parquet")
        columns = ", ".join(sorted(rows.columns))
        digest = f"SELECT count(*), sum(hash(gold::VARCHAR)) FROM (SELECT {columns} FROM rows) AS gold"
        found[table] = str(duckdb.execute(digest).fetchone())
    return found


def disagreements(found: dict[str, dict[str, str]]) -> list[str]:
    """The tables of which not all outputs have the same digest."""
    return [table for table in LAYERS["gold"] if len({tables[table] for tables in found.values()}) > 1]


def as_table(results: dict[str, Result], size: int) -> str:
    """A Markdown table: seconds by stage, then what they add up to."""
    first, *_ = results.values()
    columns = results.values()
    stages = dict.fromkeys(stage for result in columns for stage in result.seconds)
    rows = [["seconds", *(CONTESTANTS[name] for name in results)], ["---", *["---:"] * len(results)]]
    for stage in stages:
        label = f"{stage} (not counted)" if stage == NOT_COUNTED else stage
        rows.append([label, *(f"{result.seconds[stage]:.1f}" if stage in result.seconds else "" for result in columns)])
    rows += [
        ["**total**", *(f"**{result.total:.1f}**" for result in columns)],
        [f"{CONTESTANTS['gated_run']} takes times", *(f"{first.total / result.total:.2f}" for result in columns)],
        ["rows per second", *(f"{size / result.total:,.0f}" for result in columns)],
        ["CPU seconds, start included", *(f"{result.cpu_seconds:.0f}" for result in columns)],
        ["peak memory", *(f"{result.peak_bytes / 2**30:.1f} GiB" for result in columns)],
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ContestantError, StackError) as error:
        sys.exit(str(error))

"""Kill services while messages are taken in, and count what arrived: ``make chaos-stream``.

The environment variables EVENTS, KILLS and SEED (by default drawn, and printed) say how many messages are sent, how
often Spark, the broker or the Airflow scheduler dies by kill -9, and which at which moment. It works on a stack of its
own and deletes it at the end. Exits with 1 when a message is lost or doubled, or gold is not that of the file.
"""

import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import yaml
from confluent_kafka import Consumer, TopicPartition
from pyiceberg.catalog import Catalog, load_catalog

from benchmarks import duckdb_sql
from benchmarks.run import digests, disagreements, own_stack, stop
from benchmarks.stream import with_few_ratings
from infra.files import PYTHON, REPOSITORY
from infra.local import supervision
from infra.local.airflow_api import AirflowApi
from infra.local.config import Stack, StackError
from infra.local.services import SERVICES, task_environment
from infra.local.stack import up
from lakehouse import sample
from lakehouse.tables import EVENTS, LAYERS

TARGETS = ("spark", "kafka", "airflow-scheduler")
STREAM, MONTHS, LOAD = "movielens_stream", "movielens_stream_months", "movielens_lakehouse"
MONTHS_OF_DATA = 24
PAUSES = (2.0, 12.0)
"""Seconds between two kills, at least and at most."""
SECONDS = 900
"""How long a run may take in spite of all."""
MOST_FAILED = 3


def main() -> int:
    events, kills = int(os.environ.get("EVENTS") or 1_000_000), int(os.environ.get("KILLS") or 20)
    seed = int(os.environ.get("SEED") or random.randrange(10**6))  # noqa: S311  it is no secret
    print(f"SEED={seed}", flush=True)
    signal.signal(signal.SIGTERM, stop)
    with tempfile.TemporaryDirectory(prefix="chaos-") as work, own_stack() as stack:
        os.environ.update(task_environment(stack))
        dataset = Path(work, "chaos")
        sample.generate(dataset, ratings=events, users=max(events // 100, 50), months=MONTHS_OF_DATA)
        up(stack, SERVICES)
        with AirflowApi(stack.airflow_url, stack.secrets["admin"]) as airflow:
            load_catalogue(airflow, dataset, Path(work, "filed"))
            with producer(stack, dataset, rate=events / (kills * sum(PAUSES) / 2)) as sent, killer(stack, kills, seed):
                take_in(airflow, sent)
            catalog = catalog_of(stack)
            wait_for_months(airflow, catalog)
        differing = gold_that_differs(catalog, dataset, Path(work))
        print(f"gold: {f'differs in {differing}' if differing else 'that of the file'}")
        return 0 if arrived(stack, catalog, events, kills) and not differing else 1


def load_catalogue(airflow: AirflowApi, dataset: Path, filed: Path) -> None:
    """Load the catalogue with a few ratings, as a dataset of the same name."""
    state = run_dag(airflow, LOAD, {"dataset": str(with_few_ratings(dataset, filed)), "from_month": "1995-01"})
    if state != "success":
        raise StackError(f"the catalogue cannot be loaded: {LOAD} has {state}")


@contextmanager
def producer(stack: Stack, dataset: Path, rate: float) -> Iterator[Callable[[], bool]]:
    """``make stream`` beside us, started again when it fails; gives a function: whether all is sent."""
    command = [PYTHON, "-m", "infra.local.stream"]
    settings = {"DATASET": str(dataset), "RATE": str(rate), "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'plugins'}"}
    environment = os.environ | stack.environment | settings
    process: subprocess.Popen[bytes] | None = None

    def is_done() -> bool:
        nonlocal process
        if process is None or process.poll() not in (None, 0):
            process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.DEVNULL)
        return process.poll() == 0

    is_done()
    try:
        yield is_done
    finally:
        if process:
            process.kill()


@contextmanager
def killer(stack: Stack, kills: int, seed: int) -> Iterator[None]:
    """Kill services at random moments, one after the other; at the end wait until all kills are done."""
    drawn = random.Random(seed)  # noqa: S311  a seed must give the same kills

    def kill() -> None:
        for number in range(kills):
            time.sleep(drawn.uniform(*PAUSES))  # kills come at moments that nothing prepares for
            service = drawn.choice(TARGETS)
            pid = supervision.ask(stack, "getProcessInfo", service)["pid"]
            if pid:
                os.kill(pid, signal.SIGKILL)
            print(f"kill {number + 1} of {kills}: {service}{'' if pid else ', which was down'}", flush=True)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def take_in(airflow: AirflowApi, is_sent: Callable[[], bool]) -> None:
    """Run the stream again and again, until a run that began after everything was sent is done.

    Raises:
        StackError: runs fail in spite of their retries.
    """
    failed, done = 0, False
    while not done:
        was_sent, state = is_sent(), run_dag(airflow, STREAM, {})
        failed += state != "success"
        if failed > MOST_FAILED:
            raise StackError(f"{STREAM} has {state}, and {failed - 1} times before: see its log")
        done = was_sent and state == "success"


def run_dag(airflow: AirflowApi, dag: str, conf: dict[str, Any]) -> str:
    """Trigger a DAG and wait for the end of the run; its state."""
    began, run_id, state = time.monotonic(), "", "unknown"
    while state not in ("success", "failed") and time.monotonic() - began < SECONDS:
        with suppress(httpx.HTTPError):
            run_id = run_id or airflow.trigger(dag, conf)
            state = airflow.read(f"dags/{dag}/dagRuns/{run_id}")["state"]
        time.sleep(0.5)  # the API has no call that waits for the end of a run
    print(f"{dag}: {state} after {time.monotonic() - began:.0f} s", flush=True)
    return state


def catalog_of(stack: Stack) -> Catalog:
    """The catalog of the stack; pyiceberg has looked for its settings before there was one."""
    settings = yaml.safe_load((stack.state / ".pyiceberg.yaml").read_text())
    return load_catalog("lake", **settings["catalog"]["lake"])


def wait_for_months(airflow: AirflowApi, catalog: Catalog) -> None:
    """Wait until bronze accounts for every message and no run is under way that brings them to gold."""
    from lakehouse.stream.due import due_months

    began = time.monotonic()
    while time.monotonic() - began < SECONDS:
        time.sleep(2)  # each look reads tables of the lake
        with suppress(httpx.HTTPError):
            at_work = airflow.read(f"dags/{MONTHS}/dagRuns", state=["queued", "running"], limit=1)["total_entries"]
            if not at_work and not due_months(catalog):
                break
    print(f"{MONTHS}: done after {time.monotonic() - began:.0f} s", flush=True)


def arrived(stack: Stack, catalog: Catalog, events: int, kills: int) -> bool:
    """Print what became of the messages; whether so many were sent and each is in the table once."""
    sent, kept = Counter(in_topic(stack)), Counter(in_table(catalog))
    same, lost, doubled = sha256(sent) == sha256(kept), (sent - kept).total(), (kept - sent).total()
    print(f"digest of the messages by partition and offset: {'the same' if same else 'another'}")
    if sent.total() != events:
        print(f"the topic has {sent.total():,} messages, {events:,} were to be sent")
    print(f"{sent.total():,} events, {kills} kills, {lost:,} lost, {doubled:,} doubled", flush=True)
    return same and lost == doubled == 0 and sent.total() == events


def gold_that_differs(catalog: Catalog, dataset: Path, work: Path) -> list[str]:
    """The tables of gold that are not what DuckDB makes of the file."""
    expected, gold = work / "duckdb", work / "gold"
    expected.mkdir()
    for _ in duckdb_sql.stages(dataset, expected):
        pass
    for table in LAYERS["gold"]:
        (gold / table).mkdir(parents=True)
        pq.write_table(catalog.load_table(table).scan().to_arrow(), gold / table / "rows.parquet")
    return disagreements({"gold": digests(gold), "duckdb": digests(expected)})


def in_topic(stack: Stack) -> Iterator[tuple[int, int, bytes]]:
    """Partition, offset and value of every message."""
    from lakehouse.stream.topic import describe

    topic = describe(stack.kafka_options, stack.variables()["lakehouse_topic"])
    consumer = Consumer({**stack.kafka_options, "group.id": "chaos", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic.name, partition, offset) for partition, offset in topic.earliest.items()])
    left = sum(topic.latest.values()) - sum(topic.earliest.values())
    while left:
        messages = consumer.consume(100_000, timeout=1)
        left -= len(messages)
        for message in messages:
            yield message.partition() or 0, message.offset() or 0, bytes(message.value() or b"")
    consumer.close()


def in_table(catalog: Catalog) -> Iterator[tuple[int, int, bytes]]:
    """The same of every row of bronze.rating_events."""
    columns = ("partition", "offset", "value")
    for batch in catalog.load_table(EVENTS).scan(selected_fields=columns).to_arrow_batch_reader():
        yield from zip(*(batch[name].to_pylist() for name in columns), strict=True)


def sha256(messages: Counter[tuple[int, int, bytes]]) -> str:
    digest = hashlib.sha256()
    for message in sorted(messages.elements()):
        digest.update(repr(message).encode())
    return digest.hexdigest()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except StackError as error:
        sys.exit(str(error))

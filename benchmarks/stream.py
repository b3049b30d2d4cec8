"""The stream, step by step as its DAGs call it, on an empty stack with a broker.

The dataset's ratings are sent and taken in; then Airflow is started, and single messages are followed to the page. What
reading and judging alone cost is measured beside that, to say where the time goes.
"""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import httpx
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.table.refs import MAIN_BRANCH
from pyspark.sql import DataFrame, SparkSession

from benchmarks.gated_run import DAG, load
from infra.files import PYTHON
from infra.local.airflow_api import AirflowApi
from infra.local.config import Stack
from infra.local.services import AIRFLOW, INFRASTRUCTURE, STREAM
from infra.local.stack import up
from lakehouse.layers import audit, publish, write
from lakehouse.releases import release_run
from lakehouse.stream.due import start_stream_run
from lakehouse.stream.ingest import Ingest
from lakehouse.stream.producer import Pace, Rating, Replay, ratings_in_order
from lakehouse.stream.topic import describe, kafka_settings, spark_options, topic_name
from lakehouse.tables import LAYERS
from spark_jobs.bronze.event_schema import read
from spark_jobs.bronze.rating_events import messages
from spark_jobs.common.lake import head

FILED = 1000
"""Ratings that are loaded from a file first, with the whole catalogue."""
BY_DAG, CONTINUOUSLY = "movielens_stream", "make stream-ingest"
"""Who takes messages in."""
MONTHS = "movielens_stream_months"
SECONDS = 300
"""How long a message may take."""


def stages(dataset: Path, output: Path) -> Iterator[str]:
    """Send the dataset's ratings, take them in, and follow some more to the page."""
    stack = Stack.from_environment()
    up(stack, [*INFRASTRUCTURE, *STREAM])
    import_module("great_expectations")  # Airflow forks tasks from a process that has imported it
    spark = SparkSession.builder.remote(stack.spark_url).getOrCreate()
    yield "start"
    for _ in load(spark, "catalogue", with_few_ratings(dataset, output / "filed"), "1995-01", None):
        pass
    yield "load the catalogue"
    send(ratings_in_order(dataset, "1995-01", "2100-01"))
    yield "send"
    ingest = Ingest(spark, load_catalog("lake"), kafka_settings(), topic_name(), "benchmark")
    ingest.all_there_is()
    yield "take in"
    in_topic = everything(spark)
    in_topic.write.format("noop").mode("append").save()
    yield "read only"
    read(in_topic).write.format("noop").mode("append").save()
    yield "read and judge only"
    take_up(spark)
    yield "take up the months"
    up(stack, AIRFLOW)
    with AirflowApi(stack.airflow_url, stack.secrets["admin"]) as airflow:
        until(lambda: airflow.patch(f"dags/{MONTHS}", json={"is_paused": False}).is_success)
        yield "start Airflow"
        # Of a stage the last time counts: the first message meets processes that have just started.
        for number in (1, 2):
            yield from follow(stack, number, BY_DAG, lambda: airflow.trigger(BY_DAG, {}))
        airflow.patch(f"dags/{BY_DAG}", json={"is_paused": True}).raise_for_status()
        continuously = subprocess.Popen([PYTHON, "-m", "infra.local.stream_ingest"])
        try:
            for number in (3, 4):
                yield from follow(stack, number, CONTINUOUSLY)
        finally:
            continuously.kill()


def follow(stack: Stack, number: int, who: str, take_in: Callable[[], object] = lambda: True) -> Iterator[str]:
    """Send a message, and wait until its rating is in silver, then until it is on the page."""
    catalog = load_catalog("lake")
    silver, page = silver_snapshot(catalog), page_of(stack)
    send(iter([Rating(10**9 + number, 10**6 + number, 1, 4.0, 10**9)]))
    until(lambda: bool(take_in()))
    until(lambda: silver_snapshot(catalog) != silver)
    yield f"{who}: to silver"
    until(lambda: page_of(stack) != page)
    yield f"{who}: to the page"


def silver_snapshot(catalog: Catalog) -> int:
    return head(catalog.load_table("silver.ratings"), MAIN_BRANCH)


def page_of(stack: Stack) -> str:
    """The page that readers see; empty before there is one."""
    answer = httpx.get(f"{stack.s3_url}/site/index.html", trust_env=False)
    return answer.text if answer.is_success else ""


def until(is_so: Callable[[], bool]) -> None:
    """Wait for something. Raises TimeoutError after SECONDS."""
    began = time.monotonic()
    while time.monotonic() - began < SECONDS:
        with suppress(httpx.HTTPError):
            if is_so():
                return
        time.sleep(0.2)  # neither the lake nor the page tells when it changes
    raise TimeoutError(f"not within {SECONDS} s")


def with_few_ratings(dataset: Path, folder: Path) -> Path:
    """The dataset with its first ratings only, under the same name, in a folder of its own."""
    made = folder / dataset.name
    made.mkdir(parents=True)
    for file in dataset.iterdir():
        lines = file.read_text().splitlines(keepends=True)
        (made / file.name).write_text("".join(lines[: FILED + 1] if file.name == "ratings.csv" else lines))
    return made


def send(ratings: Iterator[Rating]) -> None:
    replay = Replay(kafka_settings(), topic_name(), "benchmark")
    for _ in replay.send(ratings, Pace()):
        pass
    replay.close()


def everything(spark: SparkSession) -> DataFrame:
    """All messages of the topic, read by Spark."""
    topic = describe(kafka_settings(), topic_name())
    ranges = {partition: (begin, topic.latest[partition]) for partition, begin in topic.earliest.items()}
    return messages(spark, spark_options(kafka_settings(), topic.name, ranges))


def take_up(spark: SparkSession) -> None:
    """Bring the months that are due to a release, as ``movielens_stream_months`` does."""
    run = start_stream_run(spark, "benchmark_months", None)
    for layer in LAYERS:
        write(spark, layer, run)
        audit(spark, layer, run, DAG)
        publish(spark, layer, run, DAG)
    release_run(run, is_running=lambda _: False)

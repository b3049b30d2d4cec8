"""The stream, step by step as its DAGs call it, on an empty stack with a broker.

The dataset's ratings are sent and taken in; then one message is followed to gold. What reading and judging alone cost
is measured beside that, to say where the time goes.
"""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from pyiceberg.catalog import load_catalog
from pyspark.sql import DataFrame, SparkSession

from benchmarks.gated_run import DAG, load
from infra.local.config import Stack
from infra.local.services import INFRASTRUCTURE, STREAM
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

FILED = 1000
"""Ratings that are loaded from a file first, with the whole catalogue."""


def stages(dataset: Path, output: Path) -> Iterator[str]:
    """Send the dataset's ratings, take them in, and follow one more to gold."""
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
    yield from take_up(spark)
    send(iter([Rating(10**9, 1, next(ratings_in_order(dataset, "1995-01", "2100-01")).movie_id, 4.0, 10**9)]))
    yield "send one"
    ingest.next_batch()
    yield "take one in"
    for stage in take_up(spark):
        yield f"one: {stage}"


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


def take_up(spark: SparkSession) -> Iterator[str]:
    """What ``movielens_stream_months`` does."""
    run = start_stream_run(spark, "benchmark_months", None)
    for layer in LAYERS:
        write(spark, layer, run)
        audit(spark, layer, run, DAG)
        publish(spark, layer, run, DAG)
        yield f"months, {layer}"
    release_run(run, is_running=lambda _: False)
    yield "months, release"

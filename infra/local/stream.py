"""Send a dataset's ratings to Kafka: ``make stream``.

RATE is how many a second, SPEEDUP how many times faster than they were given (0: no limit), FROM and TO the months.
Sent again, it goes on where it stopped. The DAGs of the stream are switched on.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime

from infra.local.airflow_api import AirflowApi
from infra.local.config import Stack, StackError
from infra.local.run import parameters, show
from lakehouse.datasets import DatasetError, open_dataset
from lakehouse.stream.producer import Pace, Rating, Replay, ratings_in_order
from lakehouse.stream.topic import TopicError

DAGS = ("movielens_stream", "movielens_stream_months")


def main() -> int:
    stack, asked = Stack.from_environment(), parameters()
    rate, speedup = (number(name) for name in ("RATE", "SPEEDUP"))
    with AirflowApi(stack.airflow_url, stack.secrets["admin"]) as airflow:
        for dag in DAGS:
            airflow.patch(f"dags/{dag}", json={"is_paused": False}).raise_for_status()
    dataset = open_dataset(asked["dataset"], stack.state / "datasets")
    topic = stack.variables()["lakehouse_topic"]
    replay = Replay(stack.kafka_options, topic, f"{dataset.name} {asked['from_month']} {asked['to_month']}")
    print(f"{replay.source} to {topic}; movielens_stream takes it up every 10 minutes", flush=True)
    ratings = ratings_in_order(dataset.folder, asked["from_month"], asked["to_month"])
    began = shown = time.monotonic()
    last: Rating | None = None
    try:
        for rating in replay.send(ratings, Pace(rate, speedup)):
            last = rating
            if time.monotonic() - shown > 1:
                shown = time.monotonic()
                show(f"{progress(replay, last, began)}\n" if not sys.stdout.isatty() else progress(replay, last, began))
        interrupted = False
    except KeyboardInterrupt:
        interrupted = True
    replay.close()
    show(f"{progress(replay, last, began)}\n")
    if interrupted:
        print("Stopped; `make stream` goes on from here", flush=True)
        return 130
    print("All of it is in the topic", flush=True)
    return 0


def progress(replay: Replay, last: Rating | None, began: float) -> str:
    sent = replay.delivered
    at = f", at {datetime.fromtimestamp(last.timestamp, UTC):%Y-%m-%d}" if last else ""
    return f"{sent:,} ratings delivered, {sent / (time.monotonic() - began):,.0f} a second{at}"


def number(name: str) -> float:
    text = os.environ.get(name) or "0"
    try:
        return float(text)
    except ValueError:
        raise StackError(f"{name}={text}: give a number, 0 for no limit") from None


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (StackError, DatasetError, TopicError) as error:
        sys.exit(str(error))

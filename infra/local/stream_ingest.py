"""Take messages in as they come: ``make stream-ingest``, what ``movielens_stream`` does every 10 minutes in a loop.

SECONDS is the least time from one batch to the next. The months are announced to Airflow whenever no run of
``movielens_stream_months`` is under way. Ctrl-C stops it at the end of a batch.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx

from infra.local.airflow_api import AirflowApi
from infra.local.config import Stack, StackError
from infra.local.services import task_environment

MONTHS = "movielens_stream_months"
ASSET = "bronze.rating_events"
PAUSE = 5.0
"""Seconds until a service that went away is asked again."""


class Loop:
    """Batches one after the other, until it is stopped."""

    def __init__(self, stack: Stack, seconds: float) -> None:
        self._stack, self._seconds = stack, seconds
        self._stopped = False
        self._run_id = f"continuous__{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"

    def stop(self, *_: object) -> None:
        self._stopped = True

    def rounds(self) -> Iterator[Any]:
        """Every batch that was published, and None when there was none. A service that is away is waited for.

        Raises:
            LostMessagesError: messages are gone from the topic; somebody has to accept that.
            GateError: a batch did not pass its gate.
        """
        from lakehouse.reports import GateError
        from lakehouse.stream.ingest import LostMessagesError

        ingest = None
        while not self._stopped:
            began = time.monotonic()
            try:
                ingest = ingest or self._new_ingest()
                yield ingest.next_batch()
            except (LostMessagesError, GateError):
                raise
            except Exception as error:  # whatever Spark, S3, Postgres or Kafka say while they are away
                print(f"{type(error).__name__}: {str(error)[:200]}; trying again", file=sys.stderr, flush=True)
                ingest = None
                self._wait(PAUSE)
            self._wait(began + self._seconds - time.monotonic())

    def _new_ingest(self) -> Any:
        from pyiceberg.catalog import load_catalog
        from pyspark.sql import SparkSession

        from lakehouse.stream.ingest import Ingest
        from lakehouse.stream.topic import kafka_settings, topic_name

        spark = SparkSession.builder.remote(self._stack.spark_url).create()
        return Ingest(spark, load_catalog("lake"), kafka_settings(), topic_name(), self._run_id)

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._stopped and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.2))  # in pieces: a signal that stops it ends no sleep


def announce(airflow: AirflowApi) -> bool:
    """Tell Airflow which months are due, unless a run waits that will look for itself; false if it cannot be told."""
    from pyiceberg.catalog import load_catalog

    from lakehouse.stream.due import due_months
    from lakehouse.stream.run import keys_of

    try:
        if airflow.read(f"dags/{MONTHS}/dagRuns", state=["queued"], limit=1)["total_entries"]:
            return True
        (asset,) = airflow.read("assets", name_pattern=ASSET)["assets"]
        for key in keys_of(due_months(load_catalog("lake"))):
            airflow.post("assets/events", json={"asset_id": asset["id"], "partition_key": key}).raise_for_status()
    except httpx.HTTPError as error:
        print(f"Airflow is not told of the months now: {error}", file=sys.stderr, flush=True)
        return False
    return True


def main() -> int:
    stack = Stack.from_environment()
    os.environ.update(task_environment(stack))  # before Airflow and pyiceberg are imported
    from lakehouse.reports import GateError
    from lakehouse.stream.ingest import LostMessagesError

    loop = Loop(stack, float(os.environ.get("SECONDS") or "5"))
    signal.signal(signal.SIGINT, loop.stop)
    signal.signal(signal.SIGTERM, loop.stop)
    with AirflowApi(stack.airflow_url, stack.secrets["admin"]) as airflow:
        airflow.patch(f"dags/{MONTHS}", json={"is_paused": False}).raise_for_status()
        is_told = True
        try:
            for batch in loop.rounds():
                if batch:
                    print(f"{batch.events:,} messages, {batch.rejected:,} rejected, {batch.lag:,} wait", flush=True)
                is_told = announce(airflow) if batch or not is_told else is_told
        except (LostMessagesError, GateError) as error:
            sys.exit(str(error))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except StackError as error:
        sys.exit(str(error))

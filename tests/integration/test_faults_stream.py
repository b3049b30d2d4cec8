"""Spark, the broker and the scheduler die by kill -9 while messages are taken in; each message arrives once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.chaos_stream import MONTHS, STREAM, arrived, killer, producer, take_in
from infra.local.config import Stack
from lakehouse.stream.lag import BATCHES
from lakehouse.stream.progress import GAPS
from lakehouse.tables import EVENTS
from tests.fixtures.lake import rewind
from tests.fixtures.stream import make_again

pytestmark = pytest.mark.integration

KILLS, RATE = 3, 5000
RATINGS = 100_836


@pytest.fixture
def empty_topic(airflow: Any, kafka: Stack, catalog: Any) -> Iterator[None]:
    """The topic and the table without messages; the DAGs are switched off again at the end."""
    make_again(kafka, "ratings")
    rewind(catalog, EVENTS, BATCHES, GAPS)
    yield
    for dag in (STREAM, MONTHS):
        airflow.patch(f"dags/{dag}", json={"is_paused": True}).raise_for_status()
    rewind(catalog, EVENTS, BATCHES, GAPS)


def test_each_message_arrives_once_whatever_dies(
    empty_topic: None, airflow: Any, stack: Stack, catalog: Any, movielens: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with producer(stack, movielens, RATE) as is_sent, killer(stack, KILLS, seed=1):
        take_in(airflow, is_sent)

    assert arrived(stack, catalog, RATINGS, KILLS)
    assert capsys.readouterr().out.endswith(f"{RATINGS:,} events, {KILLS} kills, 0 lost, 0 doubled\n")

"""Move what a topic has into ``bronze.rating_events``, in batches, each message once.

A batch is decided from what main of the table holds, written to a branch of its own in one commit, audited there, and
published by making the branch main, which works only while main is still what the batch was decided from. So of two
that move the same messages, for one was taken for dead and was not, a single one succeeds, wherever they are stopped.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.table import Table
from pyiceberg.table.refs import MAIN_BRANCH
from pyspark.sql import Observation, SparkSession
from pyspark.sql import functions as F

from lakehouse.branches import MainMovedError, drop_branch, give_first_snapshot, open_branch, publish_branch
from lakehouse.contracts import OPS, follow_contracts
from lakehouse.gate import judge, load_suite
from lakehouse.gate_views import view_of
from lakehouse.reports import Report, pass_or_raise
from lakehouse.stream.lag import BATCHES
from lakehouse.stream.progress import GAPS, Gap, next_ranges, progress
from lakehouse.stream.topic import Ranges, Topic, TopicError, describe, spark_options
from lakehouse.tables import EVENTS
from spark_jobs.bronze.rating_events import messages, taken_in
from spark_jobs.common.lake import head

log = logging.getLogger(__name__)

MOST = 1_000_000
"""Messages in a batch: what is lost when it has to be begun again."""
TRIES = 5
"""How often a batch is decided anew because another writer came first."""


class LostMessagesError(TopicError):
    """Messages are gone from the topic before they were read."""


@dataclass(frozen=True)
class Batch:
    """What was moved: messages, those of them that break their schema, and the months of the ratings (None: unknown).

    ``lag``: messages that waited in the topic when the batch was published.
    """

    events: int
    rejected: int
    months: set[date | None]
    lag: int
    newest_at: datetime
    snapshot_id: int


@contextmanager
def own_branch(spark: SparkSession, table: Table, main: int) -> Iterator[str]:
    """A branch opened at a snapshot of main, which becomes main at the end, if main still is that snapshot.

    Raises:
        MainMovedError: another writer came first; the branch is gone.
    """
    branch = f"stream_{uuid4().hex}"
    open_branch(table, branch, at=main)
    yield branch
    try:
        written = head(table.refresh(), branch)
        if publish_branch(spark, table, branch, written, may_cherry_pick=False) != "published":
            raise MainMovedError(f"{EVENTS}: the branch {branch} is gone")
    except MainMovedError:
        drop_branch(table, branch)
        raise


class Ingest:
    """Moves messages for one run. ``accepted_by`` names who accepts that lost messages are lost, if somebody does."""

    def __init__(
        self,
        spark: SparkSession,
        catalog: Catalog,
        settings: dict[str, str],
        topic: str,
        run_id: str,
        accepted_by: str | None = None,
    ) -> None:
        self._spark, self._catalog, self._settings, self._name = spark, catalog, settings, topic
        self._run_id, self._accepted_by = run_id, accepted_by
        for table in follow_contracts(spark, catalog, [*OPS, EVENTS]):
            give_first_snapshot(table)

    def all_there_is(self) -> list[Batch]:
        """Move what the topic has when this is called, in as many batches as that takes.

        Raises:
            LostMessagesError: messages are lost, and nobody has accepted that; nothing was moved.
            TopicError: the topic cannot be read.
            GateError: a batch does not pass its gate; those before it are published.
        """
        until = describe(self._settings, self._name).latest
        batches = []
        while batch := self.next_batch(until):
            batches.append(batch)
        return batches

    def next_batch(self, until: dict[int, int] | None = None) -> Batch | None:
        """Move up to MOST messages, of those before the offsets ``until`` if given; None when there are none.

        Raises:
            MainMovedError: other writers came first every time.
        """
        for _ in range(TRIES):
            try:
                return self._try(until)
            except MainMovedError as reason:
                log.warning("%s: deciding the batch anew", reason)
        raise MainMovedError(f"{EVENTS}: others came first {TRIES} times: is {self._name} streamed twice?")

    def _try(self, until: dict[int, int] | None) -> Batch | None:
        began, started_at = time.monotonic(), datetime.now(UTC)
        table = self._catalog.load_table(EVENTS)
        main, topic = head(table, MAIN_BRANCH), describe(self._settings, self._name)
        at = progress(self._catalog, table, topic)
        self._accept(topic, at.gaps)
        ranges = next_ranges(at.next, until or topic.latest, MOST)
        if not ranges:
            return None
        with own_branch(self._spark, table, main) as branch:
            found = self._write(topic, ranges, branch, started_at)
            snapshot = head(table.refresh(), branch)
            self._audit(main, snapshot, ranges)
        months = {*found.pop("months"), *([None] if found.pop("undated") else [])}
        reached = at.next | {partition: end for partition, (_, end) in ranges.items()}
        lag = sum(end - reached[partition] for partition, end in topic.latest.items())
        batch = Batch(**found, months=months, lag=lag, snapshot_id=snapshot)
        self._keep(topic, ranges, batch, started_at)
        seconds = time.monotonic() - began
        log.info(
            "%s: %d messages of %s in %.1f s (%d a second), %d rejected, %d wait",
            *(EVENTS, batch.events, topic.name, seconds, batch.events / seconds, batch.rejected, batch.lag),
        )
        return batch

    def _accept(self, topic: Topic, gaps: list[Gap]) -> None:
        """Record that lost messages are lost, if somebody has accepted that.

        Raises:
            LostMessagesError: nobody has.
        """
        lost = "; ".join(gap.reason for gap in gaps)
        if gaps and not self._accepted_by:
            raise LostMessagesError(f"{lost}. Trigger movielens_stream with accept_loss to go on without them")
        if gaps:
            log.warning("%s: accepted by %s", lost, self._accepted_by)
            self._append(GAPS, [gap.as_row(topic, self._accepted_by, self._run_id) for gap in gaps])

    def _write(self, topic: Topic, ranges: Ranges, branch: str, started_at: datetime) -> dict[str, Any]:
        """Write the messages to the branch in one commit, and say what was found in them."""
        options = spark_options(self._settings, topic.name, ranges)
        rows = taken_in(messages(self._spark, options), topic.id, self._run_id, started_at)
        found = Observation()
        rows = rows.observe(
            found,
            F.count(F.lit(1)).alias("events"),
            F.count_if("_is_rejected").alias("rejected"),
            F.collect_set("_event_month").alias("months"),
            F.count_if(F.col("_event_month").isNull()).alias("undated"),
            F.max("timestamp").alias("newest_at"),
        )
        writer = rows.drop("_is_rejected").writeTo(f"lake.{EVENTS}.branch_{branch}")
        writer.option("snapshot-property.lakehouse.run-id", self._run_id).append()
        return found.get

    def _audit(self, main: int, snapshot: int, ranges: Ranges) -> None:
        """Judge what the branch has more than main by the suite of the table.

        Raises:
            GateError: a critical expectation failed.
        """
        added = {"start-snapshot-id": str(main), "end-snapshot-id": str(snapshot)}
        batch = self._spark.read.options(**added).table(f"lake.{EVENTS}").drop("key", "value", "headers")
        batch.createOrReplaceTempView(view_of(EVENTS))
        rows = [(partition, *span) for partition, span in ranges.items()]
        schema = "partition int, first_offset bigint, next_offset bigint"
        self._spark.createDataFrame(rows, schema).createOrReplaceTempView("batch_offsets")
        findings = judge({EVENTS: load_suite(EVENTS)}, {EVENTS: batch})[EVENTS]
        pass_or_raise("the stream", [Report(EVENTS, snapshot, batch.count(), findings)])

    def _keep(self, topic: Topic, ranges: Ranges, batch: Batch, started_at: datetime) -> None:
        row = {
            "run_id": self._run_id,
            "topic": topic.name,
            "topic_id": topic.id,
            "first_offsets": [(partition, begin) for partition, (begin, _) in ranges.items()],
            "next_offsets": [(partition, end) for partition, (_, end) in ranges.items()],
            "events": batch.events,
            "rejected": batch.rejected,
            "lag": batch.lag,
            "newest_at": batch.newest_at,
            "started_at": started_at,
            "published_at": datetime.now(UTC),
            "snapshot_id": batch.snapshot_id,
        }
        self._append(BATCHES, [row])

    def _append(self, name: str, rows: list[dict[str, Any]]) -> None:
        table = self._catalog.load_table(name)
        table.append(pa.Table.from_pylist(rows, schema=table.schema().as_arrow()))

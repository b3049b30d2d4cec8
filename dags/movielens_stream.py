"""
# MovieLens stream

Moves the ratings that wait in the Kafka topic into `bronze.rating_events`, each message once, and announces the months
they belong to; `movielens_stream_months` then brings these months to the page.

**Reads** the topic that the Airflow variable `lakehouse_topic` names (default `ratings`), through the connection
`kafka_default`. **Writes** `bronze.rating_events` and a row a batch of `ops.stream_batches`.

**Each message once**: the table says up to which offset it holds each partition. A batch is written to an Iceberg
branch in one commit, passes its gate there (every offset once), and becomes main only if main is still what the batch
was decided from. There is no checkpoint that could be lost. Whatever is killed, the next run goes on at the right
offset; **retries, clearing and two runs at once are safe**.

**Bad messages never stop the stream**: they are kept raw, and the monthly work puts them into
`quarantine.rating_events` with their reasons. docs/stream.md has the schema of a message.

**Nothing is announced** when bronze accounts for all messages, or a run of `movielens_stream_months` waits already.
There is an alert when more messages wait after each of three runs.

| param | meaning |
| --- | --- |
| `accept_loss` | go on although messages are gone from the topic; which ones is kept in `ops.stream_gaps` |

**If it fails**

- *offsets … are gone*: the topic deleted them (retention) before they were read. Look whether somebody still has them;
  trigger the DAG with `accept_loss` to go on.
- *was made again*: the topic was deleted and made again; the same.
- *Kafka has no topic*, *Kafka does not answer*: see docs/runbook.md.
- *The gate of the stream stopped the run*: the topic has holes in its offsets, for it is compacted or written in
  transactions. Write to one that is not.
"""

from airflow.sdk import CronTriggerTimetable, Param, dag, task
from pendulum import datetime

from lakehouse.alerts import lag_grows
from lakehouse.deadline import DEADLINE
from lakehouse.defaults import DEFAULT_ARGS, SPARK
from lakehouse.tasks import RATING_EVENTS


@task.pyspark(outlets=[RATING_EVENTS], on_success_callback=lag_grows, **SPARK)
def ingest(spark=None, run_id: str | None = None, params=None, dag_run=None, ti=None, outlet_events=None) -> None:
    """Move what the topic has, and announce the months that have work."""
    from lakehouse.stream.run import ingest

    def is_queued() -> bool:
        return ti.get_dr_count("movielens_stream_months", states=["queued"]) > 0

    accepted_by = (dag_run.triggering_user_name or "unknown") if params["accept_loss"] else None
    outlet_events[RATING_EVENTS].add_partitions(ingest(spark, run_id, accepted_by, is_queued))


@dag(
    doc_md=__doc__,
    schedule=CronTriggerTimetable("*/10 * * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    deadline=DEADLINE,
    tags=["tier-1", "ratings", "stream"],
    params={
        "accept_loss": Param(False, type="boolean", description="Go on without messages that are gone from the topic"),
    },
)
def movielens_stream():
    ingest()


movielens_stream()

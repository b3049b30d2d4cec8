"""
# MovieLens stream, months

Brings the months of streamed ratings through bronze, silver, gold and marts to a release and the page, with the same
jobs and gates as filed ones.

**Triggered** by the asset `bronze.rating_events`: a partition is a month (`2026-11`, or `unknown` for messages without
a readable time). A run takes up *all* months whose messages bronze does not account for yet, so that many months cost
one run; the runs of the other months find nothing due then and are skipped. By hand it does the same.

**Reads** `bronze.rating_events`, and for its months the dataset that the lake holds. **Writes** what
`movielens_lakehouse` writes; a release of kind `stream`. A rating that comes both by file and by stream counts once.

Messages that break the schema of their version go to `quarantine.rating_events`, and the param `replay` judges them
again by the schemas of today: after a version was added, say. Rows that break a rule go to `quarantine.ratings`, where
`movielens_replay` finds them.

**Retries and clearing any task are safe**, and loads, backfills and replays may run beside it.

**If a task fails** see `movielens_lakehouse`; the layers are the same. `choose` is skipped when nothing is due, or
before the first load, for then there is no catalogue of movies.
"""

from airflow.sdk import Param, PartitionedAssetTimetable, chain, dag, task
from pendulum import datetime

from lakehouse.deadline import DEADLINE
from lakehouse.defaults import DEFAULT_ARGS, SPARK
from lakehouse.tasks import RATING_EVENTS, export, layer, publish_dashboard, release


@task.pyspark(**SPARK)
def choose(spark=None, run_id: str | None = None, params=None, dag_run=None) -> dict:
    """Find the months whose messages bronze does not account for yet."""
    from lakehouse.stream.due import start_stream_run

    return start_stream_run(spark, run_id, dag_run.partition_key, replay=params["replay"])


@dag(
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=RATING_EVENTS),
    start_date=datetime(1995, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    deadline=DEADLINE,
    tags=["tier-1", "ratings", "stream"],
    params={
        "replay": Param(False, type="boolean", description="Judge rejected messages again, by the schemas of today")
    },
)
def movielens_stream_months():
    run = choose()
    layers = [layer.override(group_id=name)(name, run) for name in ("bronze", "silver", "gold", "marts")]
    release_id = release(run)
    chain(run, *layers, release_id, export(release_id), publish_dashboard(release_id))


movielens_stream_months()

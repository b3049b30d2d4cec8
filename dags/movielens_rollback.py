"""
# MovieLens rollback

Moves the whole lake back to an earlier release, in one step: every bronze, silver, quarantine, gold and marts table to
the snapshot that the release pinned, then the exports and the page.

**Reads** `ops.releases`; `make releases` lists them. **Writes** no data: it moves `main` of the tables, records a
release of kind `rollback` and publishes its exports and page.

| param | meaning |
| --- | --- |
| `release_id` | the release to go back to; without it, the one before the last |

**It is gated**: silver, gold and marts of that release are audited again, by the suites of today. If one fails,
nothing moves.

**It can be undone**: run it again. Without a param that restores what was there before the rollback.

**Retries and clearing any task are safe.** Tables move one after the other, each in one commit; a crash in between is
finished by the retry of `restore`. Readers of a release, such as the page, never see the time in between.

**If a task fails**

- `choose`: there is no such release; the log says so.
- `audit_silver`, `audit_gold`, `audit_marts`: that release does not satisfy the suites of today; the log has counts
  and example rows. Choose another release, or mend the data by a new load.
- `restore`: a load has published while the rollback was running. Nothing of it is lost: trigger the rollback again,
  with the `release_id`. Pause `movielens_lakehouse` if it loads all the time.

A load that runs meanwhile is added on top of the restored tables when it publishes; so is every later one. To keep a
bad month away, pause the schedule until its source is mended.
"""

from functools import partial

from airflow.sdk import Param, chain, dag, task
from pendulum import datetime

from lakehouse.alerts import warning_repeats
from lakehouse.deadline import DEADLINE
from lakehouse.defaults import DEFAULT_ARGS, SPARK
from lakehouse.tasks import export, publish_dashboard


@task
def choose(run_id: str | None = None, params: dict | None = None) -> dict:
    """Choose the release and open a branch at its snapshots in every table."""
    from lakehouse.rollback import choose_release

    return choose_release(run_id, params["release_id"])


@task.pyspark(**SPARK)
def audit(layer: str, plan: dict, spark=None, dag=None) -> None:
    """Judge what is about to be restored by the suites of today."""
    from lakehouse.rollback import audit_rollback

    audit_rollback(spark, layer, plan, dag.dag_id)


@task
def restore(plan: dict) -> str:
    """Move main of every table and record the release."""
    from lakehouse.rollback import publish_rollback

    return publish_rollback(plan)


@dag(
    doc_md=__doc__,
    schedule=None,
    start_date=datetime(1995, 1, 1),
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    deadline=DEADLINE,
    tags=["tier-1", "releases"],
    params={
        "release_id": Param(
            None, type=["null", "string"], description="Release to go back to (default: the one before the last)"
        )
    },
)
def movielens_rollback():
    plan = choose()
    audits = [
        audit.override(task_id=f"audit_{layer}", on_success_callback=partial(warning_repeats, layer))(layer, plan)
        for layer in ("silver", "gold", "marts")
    ]
    release_id = restore(plan)
    chain(plan, audits, release_id, export(release_id), publish_dashboard(release_id))


movielens_rollback()

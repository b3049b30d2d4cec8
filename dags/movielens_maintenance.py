"""
# MovieLens maintenance

Keeps the tables small and quick: every week it drops what nobody can need any more, and measures before and after.

**Reads** the metadata of every table of the catalog `lake` and lists the lake bucket. **Writes** no row of any table of
a layer, and `quality/movielens_maintenance/…`: *Maintenance* under *Data quality* shows the last report.

| step | removes |
| --- | --- |
| `drop_branches` | branches of runs that are over, last written more than `branches_days` ago |
| `forget_releases` | releases beyond the last `keep_releases` that are older than `releases_days`; their pages stay |
| `expire_snapshots` | snapshots older than `snapshots_days` that no release, branch or main needs, and their files |
| `compact` | no rows: makes few files of many small ones in the tables that grow commit by commit |
| `remove_orphans` | files in the folders of tables that no snapshot names, older than `orphans_days` |
| `delete_landings` | dataset versions landed more than `landing_days` ago that main and the releases have no rows of |
| `delete_reports` | reports under `quality/` older than `quality_days` |

**A run started by hand is a dry run** unless `dry_run` is set to false: it reports what it would do. The schedule does
it.

**It is safe beside running loads.** Branches of runs that are queued or running stay. A table that a load changes at
the same moment is left for the next time, and the report says so. No step touches what a release pins.

**Every step may be stopped, retried and cleared at any time**: it decides from the state of the lake what is
left to do.

**If a task fails**: mostly a service that went away, retries take care of it. Nothing else waits for this DAG.
"""

from airflow.sdk import CronTriggerTimetable, Param, chain, dag, task

from lakehouse.deadline import DEADLINE
from lakehouse.defaults import DEFAULT_ARGS, SPARK


@task
def plan(params: dict | None = None, dag_run=None) -> dict:
    """Decide what this run may remove."""
    from lakehouse.maintenance import Plan

    return Plan.of(params, by_hand=dag_run.run_type == "manual").to_json()


@task
def measure() -> dict:
    """Measure every table."""
    from lakehouse.maintenance.tasks import measure

    return measure()


@task
def drop_branches(plan: dict, ti=None) -> list[str]:
    """Drop the branches of dead runs."""
    from lakehouse.maintenance.tasks import drop_branches

    return drop_branches(plan, ti)


@task
def forget_releases(plan: dict) -> list[str]:
    """Forget old releases."""
    from lakehouse.maintenance.tasks import forget_releases

    return forget_releases(plan)


@task.pyspark(**SPARK)
def expire_snapshots(plan: dict, spark=None) -> list[str]:
    """Expire snapshots and delete their files."""
    from lakehouse.maintenance.tasks import expire

    return expire(spark, plan)


@task.pyspark(**SPARK)
def compact(plan: dict, spark=None) -> list[str]:
    """Compact the tables that grow commit by commit."""
    from lakehouse.maintenance.tasks import compact_tables

    return compact_tables(spark, plan)


@task.pyspark(**SPARK)
def remove_orphans(plan: dict, spark=None) -> list[str]:
    """Delete files that no snapshot names."""
    from lakehouse.maintenance.tasks import remove_orphans

    return remove_orphans(spark, plan)


@task
def delete_landings(plan: dict, ti=None) -> list[str]:
    """Delete landed dataset versions that nothing refers to."""
    from lakehouse.maintenance.tasks import delete_landings

    return delete_landings(plan, ti)


@task
def delete_reports(plan: dict) -> list[str]:
    """Delete the reports of runs of long ago."""
    from lakehouse.maintenance.tasks import delete_reports

    return delete_reports(plan)


@task
def report(plan: dict, before: dict, steps: dict, after: dict, run_id: str | None = None) -> None:
    """Keep what this run found and did."""
    from lakehouse.maintenance.tasks import report

    report(run_id, plan, before, steps, after)


def days(default: int, of: str, least: int = 1) -> Param:
    return Param(default, type="integer", minimum=least, description=f"Days after which {of}")


@dag(
    doc_md=__doc__,
    schedule=CronTriggerTimetable("0 3 * * 0", timezone="UTC"),
    start_date=None,  # with one, last Sunday's run would begin at the moment that the DAG is switched on
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    deadline=DEADLINE,
    tags=["tier-2", "maintenance"],
    params={
        "dry_run": Param(
            None, type=["null", "boolean"], description="Only report (default: true by hand, false on schedule)"
        ),
        "keep_releases": Param(12, type="integer", minimum=1, description="So many of the last releases always stay"),
        "releases_days": days(90, "older releases go"),
        "branches_days": days(14, "branches of ended runs go"),
        "snapshots_days": days(7, "snapshots without a release go"),
        "orphans_days": days(3, "files without a snapshot go", least=2),
        "landing_days": days(90, "landed versions that nothing has rows of go"),
        "quality_days": days(400, "reports of audits go"),
    },
)
def movielens_maintenance():
    what = plan()
    before, after = measure.override(task_id="measure_before")(), measure.override(task_id="measure_after")()
    steps = [
        step(what)
        for step in (
            *(drop_branches, forget_releases, expire_snapshots, compact, remove_orphans),
            *(delete_landings, delete_reports),
        )
    ]
    done = report(what, before, {step.operator.task_id: step for step in steps}, after)
    chain([what, before], *steps, after, done)


movielens_maintenance()

"""The tasks that several DAGs share."""

from functools import partial
from typing import Any

from airflow.sdk import Asset, chain, task, task_group

from lakehouse.alerts import warning_repeats
from lakehouse.defaults import SPARK

DAGS_WITH_LAYERS = ("movielens_lakehouse", "movielens_replay", "movielens_stream_months")
"""Their runs may go side by side, and one makes the release of all."""

RATING_EVENTS = Asset("bronze.rating_events")
"""The messages of the stream; its partitions are months."""


@task_group
def layer(name: str, run: dict[str, Any]) -> None:
    """Write a layer on branches, audit the branches, and only then show them to readers."""

    @task.pyspark(**SPARK)
    def write(name: str, run: dict[str, Any], spark: Any = None) -> None:
        from lakehouse.layers import write

        write(spark, name, run)

    @task.pyspark(**SPARK, on_success_callback=partial(warning_repeats, name))
    def audit(name: str, run: dict[str, Any], spark: Any = None, dag: Any = None) -> None:
        from lakehouse.layers import audit

        audit(spark, name, run, dag.dag_id)

    @task.pyspark(**SPARK)
    def publish(name: str, run: dict[str, Any], spark: Any = None, dag: Any = None) -> None:
        from lakehouse.layers import publish

        publish(spark, name, run, dag.dag_id)

    chain(write(name, run), audit(name, run), publish(name, run))


@task
def release(run: dict[str, Any], ti: Any = None) -> str:
    """Pin the published tables as a set that belongs together, or leave it to a parallel run."""
    from lakehouse.releases import release_run

    def is_running(runs: list[str]) -> bool:
        return any(ti.get_dr_count(dag_id, run_ids=runs, states=["running"]) for dag_id in DAGS_WITH_LAYERS)

    return release_run(run, is_running)


@task
def export(release_id: str) -> list[str]:
    """Write the small gold tables as CSV, JSON and Parquet."""
    from lakehouse.exports import export

    return export(release_id)


@task
def publish_dashboard(release_id: str) -> str:
    """Render the page of the release and make it the current one."""
    from lakehouse.dashboard import publish

    return publish(release_id)

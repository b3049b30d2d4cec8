"""The tasks that end every DAG which makes a release."""

from airflow.sdk import task


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

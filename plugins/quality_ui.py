"""The entries that this project adds to the navigation of the Airflow UI."""

from collections.abc import Awaitable, Callable
from typing import Any

from airflow.plugins_manager import AirflowPlugin


async def pages(scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Awaitable[None]]) -> None:
    """The web application, imported for the first page: every task loads this file too, and needs none of it."""
    from lakehouse.quality_ui.app import app

    await app(scope, receive, send)


class QualityUi(AirflowPlugin):
    name = "lakehouse_quality_ui"
    fastapi_apps = [{"name": "Lakehouse", "app": pages, "url_prefix": "/lakehouse"}]  # noqa: RUF012  as below
    external_views = [  # noqa: RUF012  Airflow has them as lists
        {"name": "Data quality", "href": "/lakehouse/quality", "destination": "nav", "url_route": "data-quality"},
        {"name": "Quality", "href": "/lakehouse/quality", "destination": "dag", "url_route": "quality"},
        {
            "name": "Quality",
            "href": "/lakehouse/runs/{DAG_ID}/{RUN_ID}",
            "destination": "dag_run",
            "url_route": "run-quality",
        },
    ]

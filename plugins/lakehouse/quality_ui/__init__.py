"""The lakehouse's pages in the Airflow UI, for whoever may read the DAG ``movielens_lakehouse``.

Every route asks Airflow for the user's right, by the session's cookie, so the pages work in the UI's frame. They are
made of what releases pinned, through pyiceberg; nothing is fetched from elsewhere.
"""

from collections.abc import Awaitable, Callable
from secrets import token_urlsafe
from typing import Any

from airflow.api_fastapi.core_api.security import requires_access_dag
from airflow.configuration import conf
from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from pyiceberg.catalog import load_catalog

from lakehouse.defaults import setting
from lakehouse.serving import list_releases
from spark_jobs.common.lake import count_rows

DAG = "movielens_lakehouse"
DAG_OF_KIND = {"load": DAG, "rollback": "movielens_rollback"}
"""The DAG whose runs make releases of a kind."""

app = FastAPI(
    title="MovieLens lakehouse",
    dependencies=[Depends(requires_access_dag("GET", param_dag_id=DAG))],
    docs_url=None,
    redoc_url=None,
    openapi_url=None,  # these three would be served without asking for the right
)
templates = Environment(loader=PackageLoader(__name__), autoescape=True, undefined=StrictUndefined)


@app.middleware("http")
async def allow_no_foreign_content(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Let a page run its own script and style only, and be framed by Airflow only."""
    request.state.nonce = token_urlsafe(16)
    response = await call_next(request)
    own = f"'nonce-{request.state.nonce}'"
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src {own}; script-src {own}; frame-ancestors 'self'; base-uri 'none'"
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@app.get("/releases")
def releases(request: Request) -> HTMLResponse:
    """All releases, the latest first."""
    catalog = load_catalog("lake")
    listed = list_releases(catalog)
    silver = catalog.load_table("silver.ratings") if listed else None
    rows = [(release, count_rows(silver, release.tables["silver.ratings"])) for release in listed if silver]
    return page(request, "releases", rows=rows, site=setting("site_url"), dags=DAG_OF_KIND)


def page(request: Request, name: str, **content: Any) -> HTMLResponse:
    """Render a template; it knows the address of the Airflow UI, for links out of the frame."""
    airflow = conf.get_mandatory_value("api", "base_url").rstrip("/")
    html = templates.get_template(f"{name}.html.j2").render(content, airflow=airflow, nonce=request.state.nonce)
    return HTMLResponse(html)

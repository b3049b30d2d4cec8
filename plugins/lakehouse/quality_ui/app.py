"""The lakehouse's pages in the Airflow UI, for whoever may read the DAG ``movielens_lakehouse``.

Every route asks Airflow for the user's right, by the session's cookie, so the pages work in the UI's frame. They are
made of the reports of the audits and of the tables' metadata, through S3 and pyiceberg; nothing comes from elsewhere.
"""

from collections.abc import Awaitable, Callable
from secrets import token_urlsafe
from typing import Any

from airflow.api_fastapi.core_api.security import requires_access_dag
from airflow.configuration import conf
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table.refs import MAIN_BRANCH

from lakehouse.defaults import setting
from lakehouse.maintenance.report import read_latest
from lakehouse.quality_ui import charts, history, trends
from lakehouse.quality_ui.run_report import RunReport, read_report
from lakehouse.quality_ui.stream import read_stream
from lakehouse.serving import list_releases
from lakehouse.tables import RELEASED
from spark_jobs.common.lake import count_rows, head, written_table

DAG = "movielens_lakehouse"
DAG_OF_KIND = {
    "load": DAG,
    "replay": "movielens_replay",
    "rollback": "movielens_rollback",
    "stream": "movielens_stream_months",
}
"""The DAG whose runs make releases of a kind."""

QUARANTINES = [name for name in RELEASED if name.startswith("quarantine.")]
RUNS_IN_CHART, RUNS_LISTED, AUDITS_OF_TABLE = 60, 20, 30

MEASURES = {
    "data_files": "Data files",
    "manifests": "Manifests",
    "snapshots": "Snapshots",
    "branches_and_tags": "Branches and tags",
    "objects": "Objects",
    "bytes": "Bytes",
    "planning_ms": "Planning, ms",
}

app = FastAPI(
    title="MovieLens lakehouse",
    dependencies=[Depends(requires_access_dag("GET", param_dag_id=DAG))],
    docs_url=None,
    redoc_url=None,
    openapi_url=None,  # these three would be served without asking for the right
)
templates = Environment(
    loader=PackageLoader("lakehouse.quality_ui"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
templates.globals |= {"WIDTH": charts.WIDTH, "HEIGHT": charts.HEIGHT}


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


@app.exception_handler(NoSuchTableError)
def nothing_there(request: Request, _: Exception) -> Response:
    """Before the first run there is no table to look at."""
    return page(request, "empty")


@app.get("/quality")
def overview(request: Request) -> HTMLResponse:
    """The state of every table, the score of the last runs, open quarantine and the last release."""
    catalog = load_catalog("lake")
    results = history.results(catalog)
    runs = history.scores(results, RUNS_IN_CHART)
    releases = list_releases(catalog)
    rows = {name: _count(catalog, name) for name in RELEASED}
    return page(
        request,
        "overview",
        tables=sorted(
            (audit for audit in history.last_audit_of_each_table(results) if audit["table"] in RELEASED),
            key=lambda audit: RELEASED.index(audit["table"]),
        ),
        rows=rows,
        quarantined=sum(rows[name] for name in QUARANTINES),
        runs=runs[::-1][:RUNS_LISTED],
        chart=charts.line_chart(
            "Expectations met, in percent, by run",
            [(run["run_id"], run["score"]) for run in runs],
            bad=[run["critical"] > 0 for run in runs],
            form=".1f",
            span=(90, 100),
        ),
        release=releases[0] if releases else None,
    )


@app.get("/runs/{dag_id}/{run_id:path}/report.html")
def download(request: Request, dag_id: str, run_id: str) -> HTMLResponse:
    """The report of a run as one file that needs nothing else."""
    answer = _run_page(request, dag_id, run_id, standalone=True)
    name = "".join(letter if letter.isalnum() else "-" for letter in f"{dag_id}-{run_id}")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.html"'
    return answer


@app.get("/runs/{dag_id}/{run_id:path}")
def run(request: Request, dag_id: str, run_id: str) -> HTMLResponse:
    """What the gates found in a run, up to now if it is still going on."""
    return _run_page(request, dag_id, run_id, standalone=False)


@app.get("/tables/{table}")
def table(request: Request, table: str) -> HTMLResponse:
    """Rows and key measures of a table over time, and what became of its expectations."""
    if table not in RELEASED:
        raise HTTPException(404, f"There is no table {table}")
    catalog = load_catalog("lake")
    audits, expectations = history.outcomes_of_table(history.results(catalog), table, AUDITS_OF_TABLE)
    drawn = list(trends.charts_of(catalog, table, list_releases(catalog))) if _count(catalog, table) else []
    return page(request, "table", table=table, charts=drawn, audits=audits, expectations=expectations)


@app.get("/quarantine")
def quarantine(
    request: Request, table: str | None = None, reason: str | None = None, month: str | None = None
) -> HTMLResponse:
    """Why rows are in quarantine, and the rows of one table, reason or month."""
    if table is not None and table not in QUARANTINES:
        raise HTTPException(404, f"There is no table {table}")
    catalog = load_catalog("lake")
    filled = [name for name in QUARANTINES if _count(catalog, name)]
    return page(
        request,
        "quarantine",
        counts=trends.quarantine_by_reason(catalog, filled),
        table=table,
        rows=trends.quarantined_rows(catalog, table, reason, month) if table in filled else [],
        shown=trends.SHOWN,
        chosen=[text for text in (reason, month) if text],
        replay=DAG_OF_KIND["replay"],
        params=_replay_params(table, reason, month),
    )


@app.get("/stream")
def stream(request: Request) -> HTMLResponse:
    """How many messages come in, wait and are rejected."""
    return page(request, "stream", stream=read_stream(load_catalog("lake")))


@app.get("/releases")
def releases(request: Request) -> HTMLResponse:
    """All releases, the latest first."""
    catalog = load_catalog("lake")
    listed = list_releases(catalog)
    silver = catalog.load_table("silver.ratings") if listed else None
    rows = [(release, count_rows(silver, release.tables["silver.ratings"])) for release in listed if silver]
    return page(request, "releases", rows=rows, site=setting("site_url"), dags=DAG_OF_KIND)


@app.get("/maintenance")
def maintenance(request: Request) -> HTMLResponse:
    """What the last maintenance did, and every table before and after it."""
    report = read_latest(S3Hook("aws_default").get_conn(), setting("lake_bucket"))
    return page(request, "maintenance", report=report, measures=MEASURES)


def _run_page(request: Request, dag_id: str, run_id: str, *, standalone: bool) -> HTMLResponse:
    if dag_id not in DAG_OF_KIND.values():
        report, release = RunReport([]), None
    else:
        report = read_report(S3Hook("aws_default").get_conn(), setting("lake_bucket"), dag_id, run_id)
        release = next((each for each in list_releases(load_catalog("lake")) if each.run_id == run_id), None)
    content = {"dag_id": dag_id, "run_id": run_id, "report": report, "release": release, "site": setting("site_url")}
    return page(request, "run", standalone=standalone, path=request.url.path, audit_task=_audit_task, **content)


def _audit_task(dag_id: str, layer: str) -> str:
    """The id of the task that audits a layer."""
    return f"audit_{layer}" if dag_id == DAG_OF_KIND["rollback"] else f"{layer}.audit"


def _replay_params(table: str | None, reason: str | None, month: str | None) -> dict[str, Any]:
    """The params with which a replay takes up the rows that are shown."""
    params: dict[str, Any] = {"table": table.removeprefix("quarantine.")} if table else {}
    if reason:
        params["reasons"] = [reason]
    return params | ({"from_month": month, "to_month": month} if month and month != "unknown" else {})


def _count(catalog: Catalog, name: str) -> int:
    """The rows of main, from metadata; 0 for a table that no run has made or written."""
    table = written_table(catalog, name)
    return count_rows(table, head(table, MAIN_BRANCH)) if table else 0


def page(request: Request, name: str, *, standalone: bool = False, **content: Any) -> HTMLResponse:
    """Render a template. It knows where the Airflow UI and our pages are; standalone, it stays without scripts."""
    airflow = conf.get_mandatory_value("api", "base_url").rstrip("/")
    content |= {"airflow": airflow, "dag": DAG, "nonce": request.state.nonce, "standalone": standalone}
    return HTMLResponse(templates.get_template(f"{name}.html.j2").render(content))

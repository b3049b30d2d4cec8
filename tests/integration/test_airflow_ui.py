"""What people do in the Airflow UI, in a real browser: look at the quality of the data and at releases.

With SCREENSHOTS set to a folder, the pictures of the docs are taken anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pyarrow as pa
import pytest
from playwright.sync_api import expect
from pyiceberg.expressions import EqualTo

from infra.local.config import Stack
from lakehouse.serving import load_release
from tests.integration.conftest import FinishedRun, picture

pytestmark = [pytest.mark.integration, pytest.mark.browser]

LIGHT, DARK = "rgb(255, 255, 255)", "rgb(9, 9, 11)"
"""The grounds of our pages, which follow Airflow's theme."""
HOSTILE = "<img src=x onerror='window.ran = 1'>"


@pytest.fixture
def hostile_release(loaded: FinishedRun, catalog: Any) -> Iterator[str]:
    """A release long ago of a dataset with a name that is HTML."""
    releases = catalog.load_table("ops.releases")
    row = {
        "release_id": "19990101T000000Z-hostile",
        "run_id": HOSTILE,
        "created_at": datetime(1999, 1, 1),
        "dataset": f"{HOSTILE}@0123456789ab",
        "code_version": HOSTILE,
        "kind": "load",
        "restored_from": HOSTILE,
        "tables": load_release(loaded.release_id).tables,
        "quality_status": HOSTILE,
    }
    releases.append(pa.Table.from_pylist([row], schema=releases.schema().as_arrow()))
    yield row["release_id"]
    releases.refresh().delete(EqualTo("release_id", row["release_id"]))


@pytest.fixture
def hostile_row(loaded: FinishedRun, catalog: Any) -> Iterator[None]:
    """A quarantined rating of HTML, which is gone again at the end."""
    table = catalog.load_table("quarantine.ratings")
    before = table.current_snapshot().snapshot_id
    row = {
        "userId": "1",
        "movieId": "7",
        "rating": HOSTILE,
        "reasons": ["bad_rating", "unknown_movie"],
        "_event_month": date(2001, 3, 1),
        "_first_seen_at": datetime(2001, 4, 1, tzinfo=UTC),
    }
    table.append(pa.Table.from_pylist([row], schema=table.schema().as_arrow()))
    yield
    with table.refresh().manage_snapshots() as snapshots:
        snapshots.set_current_snapshot(snapshot_id=before)


ROUTES = [
    "quality",
    "releases",
    "quarantine",
    "stream",
    "maintenance",
    "tables/silver.ratings",
    "runs/movielens_lakehouse/a_run",
    "runs/movielens_lakehouse/a_run/report.html",
]


def test_every_route_is_known_here() -> None:
    from lakehouse.quality_ui.app import app

    assert len([route for route in app.routes if getattr(route, "endpoint", None)]) == len(ROUTES)


@pytest.mark.parametrize("path", [*ROUTES, "docs", "openapi.json", "nothing"])
def test_who_is_not_logged_in_sees_none_of_our_pages(airflow: Any, stack: Stack, path: str) -> None:
    answer = httpx.get(f"{stack.airflow_url}/lakehouse/{path}", trust_env=False)

    assert answer.status_code == (401 if path in ROUTES else 404)


def test_who_is_logged_in_sees_every_page(loaded: FinishedRun, airflow: Any, stack: Stack) -> None:
    for path in ROUTES:
        answer = airflow.get(f"{stack.airflow_url}/lakehouse/{path}")
        assert answer.status_code == 200, path
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert airflow.get(f"{stack.airflow_url}/lakehouse/tables/silver.nothing").status_code == 404


def test_the_quality_of_the_lake_of_a_table_and_of_a_run_are_pages_of_the_ui(
    loaded: FinishedRun, catalog: Any, airflow_page: Any, stack: Stack, tmp_path: Path
) -> None:
    release = load_release(loaded.release_id)
    with airflow_page("/plugin/data-quality") as page:
        frame = page.frame_locator("iframe")
        table = frame.get_by_role("row", name=re.compile(r"^silver\.ratings"))
        expect(table).to_contain_text("passed")
        expect(table).to_contain_text("100,836")
        assert frame.locator("svg circle").count() >= 1
        expect(frame.locator("body")).to_have_css("background-color", LIGHT)
        picture(page, "quality")
        table.get_by_role("link", name="silver.ratings").click()
        expect(frame.get_by_role("heading", name="silver.ratings")).to_be_visible()
        expect(frame.locator("text.bound").filter(has_text="at least: 2.00")).to_be_visible()
        expect(frame.get_by_text("A rating without stars says nothing.")).to_be_visible()
        picture(page, "table")

        page.goto(f"{stack.airflow_url}/dags/movielens_lakehouse/runs/{quote(release.run_id)}/plugin/run-quality")
        balance = frame.get_by_role("region", name="Rows in, out and quarantined").get_by_role("row")
        expect(balance.filter(has_text="ratings")).to_have_text(re.compile(r"ratings\s*100,836\s*100,836\s*0\s*0"))
        expect(frame.get_by_text(f"Released as {loaded.release_id}")).to_be_visible()
        with page.expect_download() as download:
            frame.get_by_role("link", name="this report as a file").click()
        download.value.save_as(tmp_path / "report.html")

        page.goto((tmp_path / "report.html").as_uri())
        expect(page.get_by_role("heading", name=f"Quality of {release.run_id}")).to_be_visible()
        assert page.locator("a, script, link").count() == 0


def test_quarantined_rows_are_shown_by_reason_and_as_text(
    hostile_row: None, airflow_page: Any, airflow: Any, stack: Stack
) -> None:
    with airflow_page("/lakehouse/quarantine") as page:
        expect(page.get_by_role("row").filter(has_text="bad_rating")).to_contain_text("2001-03")
        page.get_by_role("link", name="unknown_movie").click()

        expect(page.get_by_role("heading", name="quarantine.ratings, unknown_movie")).to_be_visible()
        expect(page.get_by_role("cell", name=HOSTILE, exact=True)).to_be_visible()
        assert page.locator("img").count() == 0
        expect(page.get_by_role("link", name="movielens_replay").last).to_be_visible()
        expect(page.locator("code").last).to_have_text('{"reasons": ["unknown_movie"], "table": "ratings"}')
        expect(
            page.get_by_role("cell", name=json.dumps({"userId": "1", "movieId": "7", "rating": HOSTILE}))
        ).to_be_visible()
        picture(page, "quarantine")
    other = airflow.get(f"{stack.airflow_url}/lakehouse/quarantine?table=quarantine.ratings&month=2001-04")
    assert "window.ran" not in other.text


def test_releases_are_a_page_of_the_ui_and_escape_what_they_show(
    loaded: FinishedRun, hostile_release: str, airflow_page: Any, stack: Stack
) -> None:
    with airflow_page("/", color_scheme="dark") as page:
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(f"{stack.airflow_url}/plugin/data-quality")
        frame = page.frame_locator("iframe")
        expect(frame.locator("body")).to_have_css("background-color", DARK)
        frame.get_by_role("link", name="Releases", exact=True).click()
        row = frame.get_by_role("row").filter(has_text=loaded.release_id).first

        expect(row).to_contain_text("100,836")
        picture(page, "releases")
        expect(frame.get_by_role("row").filter(has_text=hostile_release)).to_contain_text(HOSTILE)
        assert frame.locator("img").count() == 0
        expect(frame.locator("body")).to_have_css("background-color", DARK)
        row.get_by_role("link", name="manual__").click()
        page.wait_for_url("**/dags/movielens_lakehouse/runs/**")
        expect(page.get_by_text("publish_dashboard").first).to_be_visible()
        assert [error for error in errors if "lakehouse" in error] == []

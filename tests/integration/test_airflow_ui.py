"""What people do in the Airflow UI, in a real browser: look at releases, and backfill months.

With SCREENSHOTS set to a folder, the pictures of the docs are taken anew.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from playwright.sync_api import Browser, Page, expect
from pyiceberg.expressions import EqualTo

from infra.local.config import Stack
from lakehouse.serving import load_release
from tests.integration.conftest import RUN_SECONDS, FinishedRun, digests

pytestmark = [pytest.mark.integration, pytest.mark.browser]

HOSTILE = "<img src=x onerror='window.ran = 1'>"


@pytest.fixture
def airflow_page(browser: Browser, stack: Stack, airflow: Any) -> Any:
    """A function that opens a page of the Airflow UI, logged in as admin."""

    @contextmanager
    def airflow_page(path: str, **options: Any) -> Iterator[Page]:
        context = browser.new_context(viewport={"width": 1400, "height": 900}, locale="en-US", **options)
        page = context.new_page()
        page.goto(f"{stack.airflow_url}/auth/login")
        page.locator("input[name=username]").fill("admin")
        page.locator("input[name=password]").fill(stack.secrets["admin"])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{stack.airflow_url}/")
        page.goto(f"{stack.airflow_url}{path}")
        yield page
        context.close()

    return airflow_page


def picture(page: Page, name: str) -> None:
    """Take a picture for the docs, when asked to."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


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


@pytest.mark.parametrize("path", ["releases", "docs", "openapi.json", "nothing"])
def test_who_is_not_logged_in_sees_none_of_our_pages(airflow: Any, stack: Stack, path: str) -> None:
    answer = httpx.get(f"{stack.airflow_url}/lakehouse/{path}", trust_env=False)

    assert answer.status_code == (401 if path == "releases" else 404)


def test_releases_are_a_page_of_the_ui_and_escape_what_they_show(
    loaded: FinishedRun, hostile_release: str, airflow_page: Any, stack: Stack
) -> None:
    with airflow_page("/", color_scheme="dark") as page:
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(f"{stack.airflow_url}/plugin/releases")
        frame = page.frame_locator("iframe")
        row = frame.get_by_role("row").filter(has_text=loaded.release_id).first

        expect(row).to_contain_text("100,836")
        picture(page, "releases")
        expect(frame.get_by_role("row").filter(has_text=hostile_release)).to_contain_text(HOSTILE)
        assert frame.locator("img").count() == 0
        assert frame.locator("html").get_attribute("data-theme") == page.evaluate(
            "document.documentElement.classList.contains('dark') ? 'dark' : 'light'"
        )
        row.get_by_role("link", name="manual__").click()
        page.wait_for_url("**/dags/movielens_lakehouse/runs/**")
        expect(page.get_by_text("publish_dashboard").first).to_be_visible()
        assert [error for error in errors if "lakehouse" in error] == []


def test_three_months_are_backfilled_and_their_states_read(
    loaded: FinishedRun, airflow: Any, airflow_page: Any, catalog: Any
) -> None:
    before = digests(catalog)
    with airflow_page("/dags/movielens_lakehouse") as page:
        page.get_by_role("button", name="Trigger").first.click()
        form = page.get_by_role("dialog").first
        form.get_by_text("Backfill", exact=True).click()
        for day, time in (("2001/05/01", "00:00"), ("2001/07/31", "23:59")):
            form.get_by_text("Select date and time").first.click()
            page.get_by_placeholder("YYYY/MM/DD").last.fill(day)
            page.get_by_placeholder("HH:mm").last.fill(time)
            page.keyboard.press("Escape")
        form.get_by_text("All Runs").click()
        form.locator("input[name=max_active_runs]").fill("3")
        expect(form.get_by_text("3 runs will be triggered.")).to_be_visible()
        picture(page, "backfill")
        form.get_by_role("button", name="Run Backfill").click()
        expect(page.get_by_text("Backfill in progress:")).to_be_visible()
        expect(page.get_by_text("Backfill in progress:")).not_to_be_visible(timeout=1000 * RUN_SECONDS)

        page.get_by_role("link", name="Runs", exact=True).click()
        runs = page.get_by_role("row").filter(has_text=re.compile("backfill__2001-0[678]"))
        expect(runs).to_have_count(3)
        expect(runs.filter(has_text="Success")).to_have_count(3)
        picture(page, "backfilled")
    assert digests(catalog) == before

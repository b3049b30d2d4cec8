"""Messages come to the page through the real Airflow: taken in, announced as months, gated, released."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from infra.local.config import Stack
from lakehouse.serving import load_release
from lakehouse.stream.lag import BATCHES
from lakehouse.stream.progress import GAPS
from lakehouse.tables import EVENTS, RELEASED
from tests.fixtures.lake import mains_restored, rewind
from tests.fixtures.stream import rating, send
from tests.integration.conftest import FinishedRun, finish, picture

pytestmark = [pytest.mark.integration, pytest.mark.browser]

STREAM, MONTHS = "movielens_stream", "movielens_stream_months"
NEW_USER = 9001
SEPTEMBER = 1537945149
"""In September 2018, the last month of ml-latest-small."""
MARKUP = b"<b>no rating</b>"


@pytest.fixture
def lake(loaded: FinishedRun, airflow: Any, catalog: Any, kafka: Stack) -> Iterator[Any]:
    """The loaded lake, which is as it was at the end, and DAGs that are switched off again."""
    rewind(catalog, EVENTS, BATCHES, GAPS)
    with mains_restored(catalog, *RELEASED, EVENTS, BATCHES, GAPS):
        yield catalog
        for dag in (STREAM, MONTHS):
            airflow.patch(f"dags/{dag}", json={"is_paused": True}).raise_for_status()


def run_of(airflow: Any, partition_key: str) -> str:
    """The id of the run that the partition has triggered."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for run in airflow.read(f"dags/{MONTHS}/dagRuns")["dag_runs"]:
            if run["partition_key"] == partition_key:
                return str(run["dag_run_id"])
        time.sleep(0.5)  # the scheduler makes it in one of its loops
    raise AssertionError(f"nothing was triggered for {partition_key}")


def test_a_message_is_on_the_page_and_a_bad_one_in_quarantine(
    lake: Any, loaded: FinishedRun, airflow: Any, kafka: Stack, airflow_page: Any
) -> None:
    airflow.patch(f"dags/{MONTHS}", json={"is_paused": False}).raise_for_status()
    send(kafka, "ratings", [rating(NEW_USER, 1, 4.5, SEPTEMBER), MARKUP, rating(NEW_USER, 2, 4.5, SEPTEMBER)])

    taken_in = airflow.trigger(STREAM, {})
    assert finish(airflow, taken_in, STREAM)["run"] == "success"
    run_id = run_of(airflow, "2018-09")
    run_of(airflow, "unknown")
    assert {finish(airflow, each, MONTHS)["run"] for each in (run_id, run_of(airflow, "unknown"))} == {"success"}

    releases = lake.load_table("ops.releases").scan().to_arrow().sort_by("created_at").to_pylist()
    before, release = load_release(loaded.release_id), load_release(releases[-1]["release_id"])
    assert release.kind == "stream"
    assert release.row_counts()["silver.ratings"] == before.row_counts()["silver.ratings"] + 2
    assert release.row_counts()["quarantine.rating_events"] == 1
    with airflow_page("/lakehouse/stream") as page:
        expect(page.get_by_role("row").filter(has_text="ratings")).to_contain_text("3")
        picture(page, "stream")
        page.get_by_role("definition").get_by_role("link", name="1", exact=True).click()
        expect(page.get_by_role("cell", name=MARKUP.decode(), exact=True)).to_be_visible()
        assert page.locator("b").count() == 0

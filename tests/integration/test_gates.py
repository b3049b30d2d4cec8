"""A month of bad data stops at its gate, nobody sees it, and the same run succeeds once the input is mended."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import expect

from infra.local.config import Stack
from lakehouse.tables import LAYERS
from tests.integration.conftest import DAG, FinishedRun, clear, finish, log_of, picture

pytestmark = pytest.mark.integration

MONTH = "2001-03"
MARKUP = "<b>5</b>"


@pytest.fixture
def dataset(movielens: Path, tmp_path: Path) -> Path:
    """A copy of ml-latest-small that a test may break."""
    folder = tmp_path / "ml-latest-small"
    shutil.copytree(movielens, folder)
    return folder


def published(stack: Stack, catalog: Any, layers: tuple[str, ...]) -> tuple[dict[str, int], int, bytes]:
    """What readers see: main of the tables of some layers, the number of releases, the page."""
    tables = [table for layer in layers for table in LAYERS[layer]]
    mains = {table: catalog.load_table(table).current_snapshot().snapshot_id for table in tables}
    releases = catalog.load_table("ops.releases").scan().count()
    return mains, releases, httpx.get(f"{stack.s3_url}/site/index.html", trust_env=False).content


def run_month(airflow: Any, dataset: Path) -> str:
    conf = {"dataset": str(dataset), "from_month": MONTH, "to_month": MONTH}
    return str(airflow.trigger(DAG, conf))


def spoil(dataset: Path, *, rows: int) -> None:
    """Give the first ratings of the month 99 stars and markup by turns."""
    path = dataset / "ratings.csv"
    lines = path.read_text().splitlines(keepends=True)
    start, end = (datetime(2001, month, 1, tzinfo=UTC).timestamp() for month in (3, 4))
    of_month = [place for place, line in enumerate(lines[1:], 1) if start <= int(line.split(",")[3]) < end]
    for place in of_month[:rows]:
        user, movie, _, time = lines[place].split(",")
        stars = MARKUP if place % 2 else "99.0"
        lines[place] = f"{user},{movie},{stars},{time}"
    path.write_text("".join(lines))


def assert_shown(airflow_page: Any, run_id: str) -> None:
    """The page of the run says where and why it stopped, with rows, as text."""
    with airflow_page(f"/dags/{DAG}/runs/{quote(run_id)}/plugin/run-quality") as page:
        frame = page.frame_locator("iframe")
        expect(frame.get_by_text("The gate of silver stopped it")).to_be_visible()
        failed = frame.locator("details[open]").filter(has_text="quarantine.ratings")
        expect(failed).to_contain_text("quarantine.ratings")
        expect(failed.get_by_role("cell", name="99.0", exact=True).first).to_be_visible()
        expect(failed.get_by_role("cell", name=MARKUP, exact=True).first).to_be_visible()
        expect(failed.get_by_role("cell", name="ratings.csv", exact=True)).to_have_count(20)
        assert frame.locator("b").count() == 0
        picture(page, "stopped")


def test_broken_ratings_above_the_limit_stop_at_silver_and_pass_once_mended(
    loaded: FinishedRun, airflow: Any, stack: Stack, catalog: Any, movielens: Path, dataset: Path, airflow_page: Any
) -> None:
    before = published(stack, catalog, ("silver", "gold"))
    spoil(dataset, rows=30)

    run_id = run_month(airflow, dataset)
    states = finish(airflow, run_id)

    assert (states["run"], states["silver.write"], states["silver.audit"]) == ("failed", "success", "failed")
    assert states["silver.publish"] == states["release"] == states["publish_dashboard"] == "upstream_failed"
    log = log_of(airflow, run_id, "silver.audit")
    assert "quarantine.ratings: critical unexpected_rows_expectation(): 30 rows" in log
    assert "'rating': '99.0'" in log
    assert published(stack, catalog, ("silver", "gold")) == before
    assert_shown(airflow_page, run_id)

    shutil.copy(movielens / "ratings.csv", dataset)
    clear(airflow, run_id)

    assert finish(airflow, run_id)["run"] == "success"
    assert catalog.load_table("ops.releases").scan().count() == before[1] + 1


def test_a_file_of_broken_lines_stops_at_bronze(
    loaded: FinishedRun, airflow: Any, stack: Stack, catalog: Any, dataset: Path
) -> None:
    before = published(stack, catalog, ("bronze", "silver", "gold"))
    with (dataset / "movies.csv").open("a") as file:
        file.writelines(f"{movie},Half a line\n" for movie in range(900_000, 900_200))

    run_id = run_month(airflow, dataset)
    states = finish(airflow, run_id)

    assert (states["run"], states["bronze.audit"]) == ("failed", "failed")
    assert "bronze.movies: critical" in log_of(airflow, run_id, "bronze.audit")
    assert published(stack, catalog, ("bronze", "silver", "gold")) == before


def test_ratings_that_were_written_past_silvers_gate_stop_at_gold(
    loaded: FinishedRun, airflow: Any, stack: Stack, catalog: Any, spark: Any, movielens: Path
) -> None:
    spark.sql("INSERT INTO silver.ratings SELECT 1, 999999, 5.0, TIMESTAMP '1995-02-01', DATE '1995-02-01'").collect()
    before = published(stack, catalog, ("gold",))

    run_id = run_month(airflow, movielens)
    states = finish(airflow, run_id)

    assert (states["run"], states["gold.audit"]) == ("failed", "failed")
    assert "gold.monthly_movie_ratings: critical" in log_of(airflow, run_id, "gold.audit")
    assert "'movie_id': '999999'" in log_of(airflow, run_id, "gold.audit")
    assert published(stack, catalog, ("gold",)) == before

    spark.sql("DELETE FROM silver.ratings WHERE rated_month = DATE '1995-02-01'").collect()
    clear(airflow, run_id, [task for task, state in states.items() if "gold." in task or state == "upstream_failed"])

    assert finish(airflow, run_id)["run"] == "success"

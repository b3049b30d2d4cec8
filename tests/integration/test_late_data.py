"""Late and corrected ratings: the months they belong to are loaded again, and nothing else is touched."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from pyiceberg.utils.datetime import days_to_date

from lakehouse.serving import load_release
from tests.fixtures.lake import move_mains
from tests.integration.conftest import DAG, FinishedRun, finish, log_of
from tests.integration.test_main_job import EXPECTED, in_duckdb

pytestmark = pytest.mark.integration

MAY, NOVEMBER = date(2003, 5, 1), date(2011, 11, 1)


@pytest.fixture
def changed(movielens: Path, tmp_path: Path) -> Path:
    """ml-latest-small with ten more ratings in May 2003, and another number of stars for one in November 2011."""
    folder = tmp_path / "ml-latest-small"
    shutil.copytree(movielens, folder)
    path = folder / "ratings.csv"
    header, *lines = path.read_text().splitlines()
    start, end = (datetime(2011, month, 1, tzinfo=UTC).timestamp() for month in (11, 12))
    place = next(place for place, line in enumerate(lines) if start <= int(line.split(",")[3]) < end)
    user, movie, stars, time = lines[place].split(",")
    lines[place] = f"{user},{movie},{'0.5' if stars != '0.5' else '1.0'},{time}"
    late = [f"1,{movie},2.5,{datetime(2003, 5, 7, hour, tzinfo=UTC).timestamp():.0f}" for hour, movie in enumerate(NEW)]
    path.write_text("\n".join([header, *late, *lines]) + "\n")
    return folder


NEW = range(1, 11)
"""Movies that user 1 rates in May 2003, all of them in the catalogue."""


def files_by_month(catalog: Any, table: str) -> dict[date, set[str]]:
    found: dict[date, set[str]] = {}
    for task in catalog.load_table(table).scan().plan_files():
        found.setdefault(days_to_date(task.file.partition[0]), set()).add(task.file.file_path)
    return found


def test_late_and_corrected_ratings_change_exactly_their_months(
    loaded: FinishedRun, airflow: Any, catalog: Any, changed: Path
) -> None:
    move_mains(catalog, load_release(loaded.release_id).tables)  # whatever other tests left
    tables = ("bronze.ratings", "silver.ratings", "gold.monthly_movie_ratings")
    before = {table: files_by_month(catalog, table) for table in tables}

    run_id = airflow.trigger(DAG, {"dataset": str(changed), "only_changed": True})

    assert finish(airflow, run_id)["run"] == "success"
    assert "2003-05, 2011-11 of ml-latest-small@" in log_of(airflow, run_id, "land")
    for table in tables:
        after = files_by_month(catalog, table)
        assert {month for month in after if after[month] != before[table][month]} == {MAY, NOVEMBER}, table
    release, csv = load_release(airflow.result(DAG, run_id, "release")), in_duckdb(changed)
    for table, query in EXPECTED.items():
        rows = sorted(zip(*release.read(table).to_pydict().values(), strict=True))
        assert rows == sorted(csv.execute(query).fetchall()), table

    again = airflow.trigger(DAG, {"dataset": str(changed), "only_changed": True})
    assert finish(airflow, again)["land"] == "skipped"

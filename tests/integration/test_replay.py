"""Quarantined ratings come back through the gates once the catalogue has their movie, one as people corrected it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from pyiceberg.expressions import EqualTo

from lakehouse.serving import load_release
from lakehouse.tables import RELEASED
from tests.fixtures.lake import mains_restored
from tests.integration.conftest import DAG, FinishedRun, finish, log_of

pytestmark = pytest.mark.integration

REPLAY = "movielens_replay"
NEW, MAY = 900_001, date(2003, 5, 1)
AT = f"{datetime(2003, 5, 7, tzinfo=UTC).timestamp():.0f}"
BAD_STARS = {"userId": "99", "movieId": "1", "rating": "99.0", "timestamp": AT}


@pytest.fixture(autouse=True)
def _lake_as_before(loaded: FinishedRun, catalog: Any) -> Iterator[None]:
    """Other tests load months of a catalogue that does not have the movie."""
    with mains_restored(catalog, *RELEASED):
        yield


@pytest.fixture
def broken(movielens: Path, tmp_path: Path) -> Path:
    """ml-latest-small with eight ratings of a movie that its catalogue lacks, and one of 99 stars, all in May 2003."""
    folder = tmp_path / "broken" / "ml-latest-small"
    shutil.copytree(movielens, folder)
    with (folder / "ratings.csv").open("a") as ratings:
        ratings.writelines(f"{user},{NEW},4.0,{AT}\n" for user in range(1, 9))
        ratings.write(",".join(BAD_STARS.values()) + "\n")
    return folder


@pytest.fixture
def mended(broken: Path, tmp_path: Path) -> Path:
    """The same with the movie."""
    folder = tmp_path / "mended" / "ml-latest-small"
    shutil.copytree(broken, folder)
    with (folder / "movies.csv").open("a") as movies:
        movies.write(f"{NEW},Late (2003),Drama\n")
    return folder


def ratings_of(catalog: Any, user: int, movie: int) -> list[float]:
    rows = catalog.load_table("silver.ratings").scan(EqualTo("rated_month", MAY)).to_arrow().to_pylist()
    return [float(row["rating"]) for row in rows if (row["user_id"], row["movie_id"]) == (user, movie)]


def test_ratings_of_a_late_movie_and_a_corrected_one_come_back_through_the_gates(
    loaded: FinishedRun, airflow: Any, catalog: Any, broken: Path, mended: Path
) -> None:
    for dataset, month in ((broken, "2003-05"), (mended, "2003-06")):
        conf = {"dataset": str(dataset), "from_month": month, "to_month": month}
        assert finish(airflow, airflow.trigger(DAG, conf))["run"] == "success"
    waiting = catalog.load_table("quarantine.ratings").scan(EqualTo("_event_month", MAY)).to_arrow()
    assert sorted(map(tuple, waiting["reasons"].to_pylist())) == [("bad_rating",), *[("unknown_movie",)] * 8]

    correction = {"table": "ratings", "row": BAD_STARS, "set": {"rating": "4.5"}}
    run_id = airflow.trigger(REPLAY, {"corrections": [correction], "why": "Two keys at once"})

    assert finish(airflow, run_id, REPLAY)["run"] == "success"
    assert ratings_of(catalog, 99, 1) == [4.5]
    assert [ratings_of(catalog, user, NEW) for user in range(1, 9)] == [[4.0]] * 8
    release = load_release(airflow.result(REPLAY, run_id, "release"))
    assert release.kind == "replay"
    movies = {row["movie_id"]: row["rating_count"] for row in release.read("gold.movie_analytics").to_pylist()}
    assert movies[NEW] == 8
    (decision,) = catalog.load_table("ops.corrections").scan(EqualTo("run_id", run_id)).to_arrow().to_pylist()
    assert (decision["decided_by"], decision["why"]) == ("admin", "Two keys at once")

    again = airflow.trigger(REPLAY, {"from_month": "2003-05", "to_month": "2003-05"})
    assert finish(airflow, again, REPLAY)["choose"] == "skipped"
    assert "No row in quarantine is as asked for" in log_of(airflow, again, "choose", REPLAY)

"""A release is read as it was pinned, whatever happens to the tables later."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from lakehouse.serving import KeyFigures, as_release, load_release
from tests.fixtures.lake import STARTED_AT, append, new_run, open_empty

ROW = {
    "release_id": "20261122T120000Z-5f3a",
    "run_id": "test",
    "created_at": STARTED_AT,
    "dataset": "tiny@0123456789ab",
    "code_version": "1",
    "kind": "load",
    "restored_from": None,
    "quality_status": "passed",
}


def rating(user_id, rated_at):
    stars = {"movie_id": 7, "rating": Decimal("3.5"), "rated_month": rated_at.date().replace(day=1)}
    return {"user_id": user_id, "rated_at": rated_at} | stars


@pytest.fixture
def release(lake_tables):
    """A release of two tables, which have changed since."""
    branch = new_run().branch
    ratings = [
        rating(1, datetime(2001, 3, 2, tzinfo=UTC)),
        rating(1, datetime(2001, 4, 30, 23, 59, 59, tzinfo=UTC)),
        rating(2, datetime(2001, 4, 1, tzinfo=UTC)),
    ]
    movies = [{"movie_id": 7, "title": "Seven"}, {"movie_id": 8, "title": "Eight"}]
    tables = {
        "silver.ratings": open_empty(lake_tables, "silver.ratings", branch, ratings),
        "silver.movies": open_empty(lake_tables, "silver.movies", branch, movies),
    }
    append(lake_tables.load_table("silver.ratings"), [rating(9, datetime(2020, 1, 1, tzinfo=UTC))], branch)
    append(lake_tables.load_table("silver.movies"), movies, branch)
    return as_release(ROW | {"tables": list(tables.items())}, lake_tables)


def test_a_table_is_read_as_of_the_release(release):
    assert sorted(release.read("silver.movies", ("movie_id",))["movie_id"].to_pylist()) == [7, 8]
    assert release.row_counts() == {"silver.ratings": 3, "silver.movies": 2}


def test_key_figures_are_those_of_the_release(release):
    assert release.key_figures() == KeyFigures(
        rating_count=3,
        user_count=2,
        movie_count=2,
        first_month=date(2001, 3, 1),
        last_month=date(2001, 4, 1),
        last_rated_at=datetime(2001, 4, 30, 23, 59, 59, tzinfo=UTC),
    )


def test_a_release_without_ratings_has_no_months(lake_tables):
    names = ("silver.ratings", "silver.movies")
    tables = {name: open_empty(lake_tables, name, new_run().branch) for name in names}

    assert as_release(ROW | {"tables": tables}, lake_tables).key_figures() == KeyFigures(0, 0, 0, None, None, None)


@pytest.mark.parametrize(("dataset", "synthetic"), [("sample@1", True), ("ml-20m@1", False), ("sampled@1", False)])
def test_only_the_sample_is_synthetic(dataset, synthetic):
    assert as_release(ROW | {"dataset": dataset, "tables": {}}, None).synthetic is synthetic


def test_a_release_is_found_by_its_id_only(lake_tables, release):
    append(lake_tables.load_table("ops.releases"), [ROW | {"release_id": "findable", "tables": release.tables}])

    assert load_release("findable").tables == release.tables
    with pytest.raises(LookupError, match=r"no release 'lost': ops\.releases lists"):
        load_release("lost")

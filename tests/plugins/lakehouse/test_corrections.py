"""Decisions about quarantined rows are kept with who, when and why, and applied by a replay."""

import pytest
from airflow.sdk.exceptions import AirflowFailException

from lakehouse.tables import RELEASED
from spark_jobs.silver.corrections import CORRECTIONS
from tests.fixtures.in_order import write_files
from tests.fixtures.lake import mains_restored, month, rewind, rows_of
from tests.fixtures.loads import load, new_replay, replay, run_layers

pytestmark = pytest.mark.integration

FILES = {
    "ratings": "userId,movieId,rating,timestamp\n1,7,99.0,985000000\n2,7,4.0,985000000\n3,8,4.0,985000000\n9,7\n",
    "tags": "userId,movieId,tag,timestamp\n1,8,dark,985000000\n",
    "movies": "movieId,title,genres\n7,Seven (1995),Crime\n",
    "links": "movieId,imdbId,tmdbId\n7,0114369,807\n",
}
BAD_STARS = {"userId": "1", "movieId": "7", "rating": "99.0", "timestamp": "985000000"}
ORPHAN = {"userId": "3", "movieId": "8", "rating": "4.0", "timestamp": "985000000"}
TAG = {"userId": "1", "movieId": "8", "tag": "dark", "timestamp": "985000000"}


@pytest.fixture(scope="module")
def loaded(spark, lake_tables, tmp_path_factory):
    rewind(lake_tables, CORRECTIONS, *RELEASED)
    load(spark, write_files(tmp_path_factory.mktemp("datasets") / "corrections", FILES))
    yield lake_tables
    rewind(lake_tables, CORRECTIONS, *RELEASED)


@pytest.fixture
def lake(loaded):
    """A lake with one good rating, three rows and a tag in quarantine."""
    with mains_restored(loaded, CORRECTIONS, *RELEASED):
        yield loaded


def reasons(catalog):
    """The reasons of each row in quarantine, by user and rating as received."""
    rows = catalog.load_table("quarantine.ratings").scan().to_arrow().to_pylist()
    return {(row["userId"], row["rating"]): row["reasons"] for row in rows}


def silver(catalog):
    return [(user, movie, float(stars)) for user, movie, stars, *_ in rows_of(catalog, "silver.ratings")]


def test_rows_are_corrected_and_discarded_and_it_is_known_by_whom_when_and_why(spark, lake):
    assert silver(lake) == [(2, 7, 4.0)]
    assert len(reasons(lake)) == 3
    decisions = [
        {"table": "ratings", "row": BAD_STARS, "set": {"rating": "4.5"}},
        {"table": "ratings", "row": ORPHAN, "set": {"movieId": "7"}},
        {"table": "ratings", "row": {"_malformed_line": "9,7"}, "discard": True},
        {"table": "tags", "row": TAG, "set": {"movieId": "7", "tag": "darker"}},
    ]

    run = new_replay(corrections=decisions, why="The exporter lost a point")
    run_layers(spark, run, ["silver", "gold"])

    assert silver(lake) == [(1, 7, 4.5), (2, 7, 4.0), (3, 7, 4.0)]
    assert reasons(lake) == {(None, None): ["malformed", "discarded"]}
    assert [row[2] for row in rows_of(lake, "silver.tags")] == ["darker"]
    assert sorted(row[0] for row in rows_of(lake, "bronze.ratings") if row[2] == "99.0") == ["1"]
    kept = lake.load_table(CORRECTIONS).scan().to_arrow().to_pylist()
    assert {(each["decided_by"], each["why"], each["run_id"]) for each in kept} == {
        ("ada", "The exporter lost a point", run["run_id"])
    }
    assert [each["event_month"] for each in kept] == [month("2001-03"), month("2001-03"), None, month("2001-03")]
    assert all(each["decided_at"] for each in kept)

    # Decided anew, with the values as received.
    replay(spark, corrections=[{"table": "ratings", "row": BAD_STARS, "set": {"rating": "99.0"}}], why="It was not")
    assert reasons(lake)[("1", "99.0")] == ["bad_rating"]
    assert silver(lake) == [(2, 7, 4.0), (3, 7, 4.0)]


@pytest.mark.parametrize(
    ("correction", "why", "message"),
    [
        ({"row": BAD_STARS, "set": {"rating": "4.5"}}, None, "Say why"),
        ({"row": BAD_STARS, "set": {"rating": "4.5"}}, " ", "Say why"),
        ({"row": BAD_STARS, "set": {"stars": "4.5"}}, "So", "stars cannot be set, only userId, movieId, rating"),
        ({"row": BAD_STARS, "set": {"timestamp": "1"}}, "So", "timestamp cannot be set"),
        ({"row": BAD_STARS | {"rating": "9"}, "discard": True}, "So", r"quarantine\.ratings has no row"),
        ({"row": BAD_STARS | {"stars": "9"}, "discard": True}, "So", r"quarantine\.ratings has no row"),
        ({"row": {"_malformed_line": "9,7"}, "set": {"rating": "4"}}, "So", "A malformed line has no values"),
    ],
    ids=str,
)
def test_what_cannot_be_decided_is_refused_and_nothing_is_recorded(lake, correction, why, message):
    with pytest.raises(AirflowFailException, match=message):
        new_replay(
            corrections=[{"table": "ratings", "row": BAD_STARS, "discard": True}, {"table": "ratings"} | correction],
            why=why,
        )

    assert rows_of(lake, CORRECTIONS) == []


def test_a_retry_records_a_decision_once(lake, monkeypatch):
    from lakehouse.corrections import record_corrections

    decisions = [{"table": "ratings", "row": BAD_STARS, "discard": True}]
    for _ in range(2):
        months = record_corrections(lake, decisions, why="So", user="ada", run_id="one run")

    assert months == {month("2001-03")}
    assert len(rows_of(lake, CORRECTIONS)) == 1

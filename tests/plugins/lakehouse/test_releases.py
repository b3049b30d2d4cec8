"""A release is a set of snapshots that belong together, recorded once."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from lakehouse.releases import InconsistentError, record_release, release_run, runs_on_their_way
from lakehouse.serving import load_release
from lakehouse.tables import RELEASED
from spark_jobs.common.lake import SOURCE
from tests.fixtures.lake import append, first_snapshot, month, new_run, rewind

pytestmark = pytest.mark.integration

RATING = {"user_id": 1, "movie_id": 7, "rating": Decimal("3.5"), "rated_at": datetime(2001, 3, 2, tzinfo=UTC)}
RATING |= {"rated_month": month("2001-03")}


@pytest.fixture
def lake(lake_tables):
    """The catalog, all tables being empty: nothing counted of nothing is consistent."""
    rewind(lake_tables, *RELEASED)
    yield lake_tables
    rewind(lake_tables, *RELEASED)


@pytest.fixture
def record(lake):
    return lambda run: record_release(lake, run, warnings=2, code_version="0.1.0+abc")


@pytest.fixture
def add(lake):
    """A function that adds a row to main, with what it was computed from."""

    def add(name, row, **sources):
        properties = {SOURCE + source.replace("__", "."): str(snapshot) for source, snapshot in sources.items()}
        return append(lake.load_table(name), [row], **properties)

    return add


def test_a_release_pins_and_tags_the_head_of_every_table(lake, add, record):
    run = new_run()
    movie = add("silver.movies", {"movie_id": 7})
    ratings = add("silver.ratings", RATING)
    add("bronze.ratings", {"_event_month": month("2001-03")})
    monthly = add("gold.monthly_movie_ratings", {"month": month("2001-03")}, silver__ratings=1)  # a month is its own
    add("gold.rating_histogram", {"rating": Decimal("3.5"), "rating_count": 1}, gold__monthly_movie_ratings=monthly)
    add("gold.movie_analytics", {"movie_id": 7}, silver__movies=movie, gold__monthly_movie_ratings=monthly)

    release = record(run)

    tables = {name: lake.load_table(name) for name in RELEASED}
    assert release.tables == {name: table.current_snapshot().snapshot_id for name, table in tables.items()}
    assert release.tables["silver.ratings"] == ratings
    assert {table.refs()[release.release_id].snapshot_id for table in tables.values()} == set(release.tables.values())
    assert {table.refs()[release.release_id].snapshot_ref_type.value for table in tables.values()} == {"tag"}
    kept = load_release(release.release_id)
    assert kept.tables == release.tables
    assert (kept.run_id, kept.dataset, kept.code_version) == (run.run_id, "tiny@0123456789ab", "0.1.0+abc")
    assert (kept.kind, kept.restored_from, kept.quality_status) == ("load", None, "passed with 2 warnings")
    assert kept.release_id.startswith("20261122T120000Z-")


def test_the_same_run_and_heads_are_the_same_release_and_others_are_not(lake, add, record):
    run = new_run()
    first = record(run).release_id

    assert record(run).release_id == first
    releases = lake.load_table("ops.releases").scan().to_arrow()["release_id"].to_pylist()
    assert releases.count(first) == 1
    add("silver.links", {"movie_id": 7})
    assert record(run).release_id != first
    assert record(new_run()).release_id != first


def test_a_table_computed_from_what_was_replaced_is_refused(lake, add, record):
    old = first_snapshot(lake.load_table("silver.movies"))
    new = add("silver.movies", {"movie_id": 7})
    add("gold.movie_analytics", {"movie_id": 7}, silver__movies=old)

    with pytest.raises(
        InconsistentError,
        match=rf"gold\.movie_analytics was computed from snapshot {old} of silver\.movies, not {new}",
    ):
        record(new_run())


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("silver.ratings", RATING, "silver.ratings has 1 rows, gold counts 0"),
        ("silver.movies", {"movie_id": 7}, "silver.movies has 1 rows, gold.movie_analytics 0"),
        ("quarantine.tags", {"userId": "1"}, "bronze.tags has 0 rows, silver and quarantine 1"),
    ],
)
def test_counts_that_differ_are_refused_and_nothing_is_recorded(lake, add, record, name, row, message):
    add(name, row)
    before = lake.load_table("ops.releases").metadata_location

    with pytest.raises(InconsistentError, match=message):
        record(new_run())

    assert lake.load_table("ops.releases").metadata_location == before
    assert not any(ref.startswith("2026") for ref in new_refs(lake, name))


def new_refs(lake, name):
    """The tags at the head of a table."""
    table = lake.load_table(name)
    return [ref for ref, to in table.refs().items() if to.snapshot_id == table.current_snapshot().snapshot_id]


@pytest.fixture
def between(lake, monkeypatch):
    """A run whose month is in silver, and one that is in gold but not in the marts; another is everywhere."""
    append(lake.load_table("bronze.ratings"), [{}])
    path = ("silver.ratings", "gold.monthly_movie_ratings", "marts.silver_movie_ratings")
    for run, tables in (("done", path), ("before marts", path[:2])):
        for name in tables:
            append(lake.load_table(name), [], **{"lakehouse.run-id": run})
    append(lake.load_table("silver.ratings"), [RATING], **{"lakehouse.run-id": "at work"})
    monkeypatch.setenv("AIRFLOW_VAR_LAKEHOUSE_CODE_VERSION", "0.1.0")


def test_a_release_is_left_to_a_parallel_run_between_silver_and_the_marts(between):
    asked = []

    with pytest.raises(AirflowSkipException, match=r"to at work, before marts: silver\.ratings has 1 rows, gold"):
        release_run(new_run().to_json(), lambda runs: asked.append(runs) or True)

    assert asked == [["at work", "before marts"]]


def test_a_run_that_ended_between_silver_and_the_marts_is_named(between):
    with pytest.raises(InconsistentError, match="the marts lack what these runs published: clear at work"):
        release_run(new_run().to_json(), lambda _: False)


def test_a_cherry_picked_commit_is_that_of_the_run_that_wrote_it(lake):
    ratings = lake.load_table("silver.ratings")
    written = append(ratings, [RATING], **{"lakehouse.run-id": "picked"})
    rewind(lake, "silver.ratings")
    append(ratings.refresh(), [RATING], **{"source-snapshot-id": str(written)})

    assert runs_on_their_way(lake) == ["picked"]

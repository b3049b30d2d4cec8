"""Quarantined rows are judged again by the rules and the catalogue of today, and come back exactly once."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from lakehouse import layers
from lakehouse.layers import audit, publish, write
from lakehouse.replay import waiting_rows
from lakehouse.serving import load_release
from lakehouse.tables import RELEASED
from spark_jobs.common.months import Months
from spark_jobs.common.run import Run
from tests.fixtures.in_order import write_files
from tests.fixtures.lake import append, mains_restored, month, rewind, rows_of
from tests.fixtures.loads import load, new_replay, replay, run_layers
from tests.integration.conftest import digests

pytestmark = pytest.mark.integration

NEW = 7
"""The movie that the first catalogue lacks."""
JANUARY, FEBRUARY, MARCH, APRIL = (month(f"2001-0{number}") for number in (1, 2, 3, 4))
BAD = ["1,1,99.0,982000000", "2,1,4.2,985000000", "3,1,4.0,soon"]
"""A rating of February, one of March and one without a month."""


@pytest.fixture
def lake(lake_tables):
    """A lake without rows."""
    with mains_restored(lake_tables, *RELEASED):
        rewind(lake_tables, *RELEASED)
        yield lake_tables


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    """A dataset whose catalogue lacks a movie with 1,000 ratings, and the same with it."""
    start = datetime(2001, 1, 1, tzinfo=UTC)
    others = [f"{user},1,4.0,{(start + timedelta(hours=user)).timestamp():.0f}" for user in range(1, 400)]
    late = start + timedelta(days=31)
    of_new = [f"{user},{NEW},3.5,{(late + timedelta(hours=2 * user)).timestamp():.0f}" for user in range(1, 1001)]
    folders = []
    for name, movies in (("wrong", [1]), ("right", [1, NEW])):
        lines = {
            "ratings": ["userId,movieId,rating,timestamp", *others, *of_new, *BAD],
            "tags": ["userId,movieId,tag,timestamp", f"5,{NEW},dark,982000000"],
            "movies": ["movieId,title,genres", *(f"{movie},Title {movie} (1995),Drama" for movie in movies)],
            "links": ["movieId,imdbId,tmdbId", *(f"{movie},000000{movie},{movie}" for movie in movies)],
        }
        files = {table: "\n".join(rows) + "\n" for table, rows in lines.items()}
        folders.append(write_files(tmp_path_factory.mktemp(name) / "small", files))
    return folders


@pytest.fixture(scope="module")
def loaded(spark, lake_tables, datasets):
    wrong, right = datasets
    rewind(lake_tables, *RELEASED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_VAR_LAKEHOUSE_MAX_QUARANTINED_ROWS", "2000")  # people have decided to let them pass
        load(spark, wrong)
    load(spark, right, "2001-01", "2001-01")
    yield lake_tables
    rewind(lake_tables, *RELEASED)


@pytest.fixture
def waiting(loaded):
    """The ratings of the new movie wait in quarantine; the catalogue has it since January was loaded again."""
    with mains_restored(loaded, *RELEASED):
        yield loaded


def quarantined(catalog):
    """The rating, the reasons and the time first seen of every row in quarantine."""
    rows = catalog.load_table("quarantine.ratings").scan().to_arrow().to_pylist()
    return {(row["userId"], row["movieId"]): (row["reasons"], row["_first_seen_at"]) for row in rows}


def counts(catalog):
    return [len(rows_of(catalog, f"{layer}.ratings")) for layer in ("bronze", "silver", "quarantine")]


def test_rows_of_a_movie_that_came_later_come_back_and_what_is_still_bad_stays(spark, waiting, datasets):
    before = quarantined(waiting)
    assert Counter(str(reasons) for reasons, _ in before.values())["['unknown_movie']"] == 1000
    assert counts(waiting) == [1402, 399, 1003]

    release = load_release(replay(spark, reasons=["unknown_movie"]))

    assert release.kind == "replay"
    assert counts(waiting) == [1402, 1399, 3]
    assert [row[2] for row in rows_of(waiting, "silver.tags")] == ["dark"]
    left = quarantined(waiting)
    assert left == {key: before[key] for key in left}
    assert sorted(reasons for reasons, _ in left.values()) == [["bad_rating"], ["bad_rating"], ["bad_timestamp"]]
    replayed = digests(waiting)

    with pytest.raises(AirflowSkipException, match="No row in quarantine is as asked for"):
        replay(spark, reasons=["unknown_movie"])
    replay(spark)  # what is still bad, judged once more
    assert (digests(waiting), quarantined(waiting)) == (replayed, left)

    rewind(waiting, *RELEASED)
    load(spark, datasets[1])
    assert digests(waiting) == replayed


def test_a_crash_between_silver_and_quarantine_loses_nothing(spark, waiting, monkeypatch):
    run = new_replay(reasons=["unknown_movie"])
    write(spark, "silver", run)
    audit(spark, "silver", run, "a_dag")
    publish_branch, published = layers.publish_branch, []

    def dying(spark, table, *arguments, **options):
        published.append(".".join(table.name()))
        if published[-1].startswith("quarantine."):
            raise ConnectionError("the process dies here")
        return publish_branch(spark, table, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(layers, "publish_branch", dying)
        with pytest.raises(ConnectionError):
            publish(spark, "silver", run, "a_dag")
    assert "silver.ratings" in published

    publish(spark, "silver", run, "a_dag")
    run_layers(spark, run, ["gold"])

    assert counts(waiting) == [1402, 1399, 3]


def test_rows_that_a_stricter_rule_adds_count_against_the_limits_and_those_let_pass_do_not(spark, waiting, monkeypatch):
    from spark_jobs.silver import ratings

    with monkeypatch.context() as patch:
        patch.setattr(ratings, "HALF_STARS", [4.0])  # the 1,000 ratings of 3.5 stars break this rule too
        run = new_replay()
        write(spark, "silver", run)
        audit(spark, "silver", run, "a_dag")  # they were there before

    replay(spark, reasons=["unknown_movie"])
    monkeypatch.setattr(ratings, "HALF_STARS", [4.0])  # now they would come from silver
    run = new_replay()

    write(spark, "silver", run)
    with pytest.raises(AirflowFailException, match=r"quarantine\.ratings \(1 critical\)"):
        audit(spark, "silver", run, "a_dag")


@pytest.fixture
def rows_in_quarantine(lake):
    """Rows with their reasons in three months, one of them unknown."""

    def add(table, *rows):
        quarantine = lake.load_table(f"quarantine.{table}")
        append(quarantine, [{"_event_month": month, "reasons": reasons} for month, reasons in rows])

    add("ratings", (MARCH, ["bad_rating"]), (MARCH, ["bad_rating", "unknown_movie"]), (None, ["bad_timestamp"]))
    add("tags", (APRIL, ["unknown_movie"]))
    return lake


@pytest.mark.parametrize(
    ("asked_for", "found"),
    [
        ({}, {("ratings", MARCH): 2, ("ratings", None): 1, ("tags", APRIL): 1}),
        ({"table": "ratings"}, {("ratings", MARCH): 2, ("ratings", None): 1}),
        ({"reasons": ["unknown_movie"]}, {("ratings", MARCH): 1, ("tags", APRIL): 1}),
        ({"reasons": ["malformed", "bad_timestamp"]}, {("ratings", None): 1}),
        ({"from_month": "2001-04"}, {("tags", APRIL): 1}),
        ({"to_month": "2001-03"}, {("ratings", MARCH): 2}),
        ({"table": "tags", "reasons": ["bad_rating"]}, {}),
    ],
    ids=str,
)
def test_the_params_choose_the_months_in_which_such_rows_wait(rows_in_quarantine, asked_for, found):
    nothing = {"table": None, "reasons": [], "from_month": None, "to_month": None}

    assert waiting_rows(rows_in_quarantine, **nothing | asked_for) == found


def test_a_replay_is_for_these_months_and_the_catalogue_that_bronze_has(rows_in_quarantine):
    movies = {"lakehouse.dataset": "small@0123456789ab"}
    append(rows_in_quarantine.load_table("bronze.movies"), [{"movieId": "1"}], **movies)

    run = Run.from_json(new_replay())

    assert (run.dataset, run.version, run.kind) == ("small", "0123456789ab", "replay")
    assert run.months == Months.of_each([MARCH, APRIL], unknown=True)


def test_a_range_that_ends_before_it_begins_is_refused(rows_in_quarantine):
    with pytest.raises(AirflowFailException, match="from_month 2001-04 is later than to_month 2001-03"):
        new_replay(from_month="2001-04", to_month="2001-03")

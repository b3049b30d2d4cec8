"""Streamed ratings pass the layers like filed ones: for the months that are due, each once, bad ones kept."""

import json
from collections import Counter

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from lakehouse.serving import load_release
from lakehouse.stream.due import due_months, start_stream_run
from lakehouse.stream.ingest import BATCHES, Ingest
from lakehouse.stream.progress import GAPS
from lakehouse.stream.run import keys_of
from lakehouse.tables import EVENTS, RELEASED
from spark_jobs.bronze import event_schema
from spark_jobs.bronze.event_schema import schemas
from tests.fixtures.in_order import files_in_order, write_files
from tests.fixtures.lake import month, numbers, rewind, rows_of
from tests.fixtures.loads import load, run_layers
from tests.fixtures.stream import new_topic, rating, send
from tests.integration.conftest import digests

pytestmark = pytest.mark.integration

USERS = range(1001, 1021)
FILES = files_in_order(USERS)
HEADER, *LINES = FILES["ratings"].splitlines(keepends=True)
JULY = 994000000
LATE = 1004000000
"""A time in October 2001."""


def as_event(line):
    user, movie, stars, time = line.split(",")
    return rating(int(user), int(movie), float(stars), int(time))


@pytest.fixture(scope="module")
def lake(lake_tables):
    rewind(lake_tables, *RELEASED, EVENTS, BATCHES, GAPS)
    yield lake_tables
    rewind(lake_tables, *RELEASED, EVENTS, BATCHES, GAPS)


@pytest.fixture(scope="module")
def filed(spark, lake, tmp_path_factory):
    """The digests of silver and gold that a load of the whole file makes; the lake is empty again."""
    load(spark, write_files(tmp_path_factory.mktemp("filed") / "streamed", FILES))
    found = digests(lake)
    rewind(lake, *RELEASED)
    return found


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Every other rating of the file."""
    text = HEADER + "".join(LINES[::2])
    return write_files(tmp_path_factory.mktemp("half") / "streamed", FILES | {"ratings": text})


@pytest.fixture(scope="module")
def half_filed(spark, lake, filed, dataset):
    """A lake with these ratings, loaded from the file."""
    load(spark, dataset)
    return lake


@pytest.fixture(scope="module")
def stream(spark, half_filed, kafka):
    """A function that sends messages and takes them in."""
    topic = new_topic(kafka)

    def stream(*values, **message):
        send(kafka, topic, values, **message)
        return Ingest(spark, half_filed, kafka.kafka_options, topic, f"stream__{next(numbers)}").all_there_is()

    return stream


def months_run(spark, *, replay=False):
    """One run of the months that are due; the months, and the release."""
    run = start_stream_run(spark, f"months__{next(numbers)}", None, replay=replay)
    return run["months"], load_release(run_layers(spark, run, ["bronze", "silver", "gold"]))


def test_before_there_is_a_message_nothing_is_due(spark, half_filed):
    assert due_months(half_filed) == set()
    with pytest.raises(AirflowSkipException, match="2001-03: bronze accounts for every message"):
        start_stream_run(spark, "a_run", "2001-03")


def test_streamed_and_filed_ratings_make_what_the_file_alone_would_have_made(spark, stream, half_filed, filed):
    stream(*[as_event(line) for line in LINES[1::2]], *[as_event(line) for line in LINES[:50]])  # the first were filed
    assert len(due_months(half_filed)) == 14

    _, release = months_run(spark)

    assert digests(half_filed) == filed
    assert release.kind == "stream"
    assert due_months(half_filed) == set()
    bronze = half_filed.load_table("bronze.ratings").scan().to_arrow().to_pylist()
    assert Counter(row["_source"] for row in bronze) == {"file": len(LINES[::2]), "stream": len(LINES[1::2]) + 50}
    row = next(row for row in bronze if row["_source"] == "stream")
    assert row["_source_file"].startswith("ratings-")
    assert row["_line"] >= 0


GOOD = [rating(100_000 + number, 1 + number % 2, 4.0, JULY) for number in range(100_000)]
REJECTED = [
    ("tombstone", None),
    ("not_json", b"no rating"),
    ("not_json", json.dumps(rating(1, 1, float("nan"), JULY)).encode()),
    ("not_utf8", json.dumps(rating(1, 1, 4.0, JULY)).encode("utf-16")),
    ("too_long", b" " * 1_000_000),
    ("missing_field", {"userId": 1, "movieId": 1, "rating": 4.0}),
    ("unexpected_field", rating(1, 1, 4.0, JULY) | {"mood": "good"}),
    ("wrong_type", rating(1, 1, 4.0, JULY) | {"rating": "4.0"}),
    ("wrong_type", rating(1, 1, 4.0, JULY) | {"movieId": 1.0}),
]
BREAKING_RULES = {
    ("7000", "999999"): (rating(7000, 999999, 4.0, JULY), ["unknown_movie"]),
    ("7000", "1"): (rating(7000, 1, 9.0, JULY), ["bad_rating"]),
    ("7000", "2"): (rating(7000, 2, 4.0, -5), ["bad_timestamp"]),
    ("7000", "3"): (rating(7000, 3, 4.0, 4102444800), ["bad_timestamp"]),
    ("0", "3"): (rating(0, 3, 4.0, JULY), ["bad_user_id"]),
}
SEED = {"userId": 8000.0, "movieId": 2.0, "rating": 3.5, "timestamp": float(JULY)}
"""As a program sends it that knows no versions."""
OF_LATER = rating(6501, 3, 4.5, LATE)
LONG = json.dumps(rating(6500, 3, 4.0, LATE)).encode().ljust(20_000)


@pytest.fixture(scope="module")
def taken_up(spark, stream, half_filed):
    """The keys of the months that were due, the plan and the release of the run that took all kinds of messages up."""
    bad = [message for _, message in REJECTED] + [message for message, _ in BREAKING_RULES.values()]
    mixed = GOOD.copy()
    for place, message in enumerate(bad):
        mixed.insert(7000 * place, message)
    stream(*mixed)
    stream(rating(1, 1, 4.0, JULY), key="2")
    stream(rating(1, 1, 4.0, JULY), key=None)
    stream(OF_LATER, headers={"schema-version": "2"})
    stream(LONG, key="6500")
    stream(rating(5001, 1, 1.0, JULY), rating(5001, 1, 1.0, JULY), rating(5001, 1, 4.5, JULY + 1), partition=0)
    stream(json.dumps(SEED).encode(), headers=None, key=None)
    due = keys_of(due_months(half_filed))
    return due, *months_run(spark)


def test_only_the_months_of_new_messages_are_due(taken_up):
    due, months, _ = taken_up

    assert due == ["2001-07", "2001-10", "unknown"]
    assert months == {"spans": [["2001-07-01", "2001-07-01"], ["2001-10-01", "2001-10-01"]], "unknown": True}


def test_a_rating_that_is_sent_again_counts_once_and_the_latest_wins(taken_up, half_filed):
    assert [float(row[2]) for row in rows_of(half_filed, "silver.ratings") if row[0] == 5001] == [4.5]


def test_bad_messages_are_kept_with_their_reasons_and_the_good_ones_arrive(taken_up, half_filed):
    *_, release = taken_up
    rejected = release.read("quarantine.rating_events").to_pylist()

    assert Counter(str(row["reasons"]) for row in rejected) == Counter(
        str([reason]) for reason in [*[each for each, _ in REJECTED], *["bad_key"] * 2, "unknown_version", "too_long"]
    )
    assert b"no rating" in {row["value"] for row in rejected if row["reasons"] == ["not_json"]}
    assert sum(row[0] >= GOOD[0]["userId"] for row in rows_of(half_filed, "silver.ratings")) == len(GOOD)


def test_every_message_is_in_silver_or_quarantine_or_was_sent_twice(taken_up, half_filed):
    *_, release = taken_up
    rows = release.row_counts()

    assert count(half_filed, EVENTS) == rows["quarantine.rating_events"] + streamed(half_filed)
    assert rows["bronze.ratings"] == len(LINES[::2]) + streamed(half_filed)
    sent_twice = rows["bronze.ratings"] - rows["silver.ratings"] - rows["quarantine.ratings"]
    assert sent_twice == 50 + 2


def count(catalog, name):
    return len(rows_of(catalog, name))


def streamed(catalog):
    return sum(row[8] == "stream" for row in rows_of(catalog, "bronze.ratings"))


def test_a_streamed_rating_that_breaks_a_rule_waits_with_its_partition_and_offset(taken_up):
    *_, release = taken_up
    rows = [row for row in release.read("quarantine.ratings").to_pylist() if row["_source"] == "stream"]

    assert {(row["userId"], row["movieId"]): row["reasons"] for row in rows} == {
        key: reasons for key, (_, reasons) in BREAKING_RULES.items()
    }
    assert {row["_source_file"].split("/")[1] for row in rows} <= {"0", "1", "2"}
    assert all(row["_line"] >= 0 for row in rows)


def test_the_messages_of_programs_that_know_no_version_lose_nothing(taken_up, half_filed):
    (row,) = [row for row in rows_of(half_filed, "silver.ratings") if row[0] == 8000]

    assert (row[1], float(row[2]), row[3].timestamp()) == (2, 3.5, JULY)


def test_rejected_messages_are_taken_up_once_they_can_be_read(spark, taken_up, half_filed, monkeypatch):
    waiting = count(half_filed, "quarantine.rating_events")
    monkeypatch.setattr(event_schema, "LONGEST", 30_000)
    with_later = {2: schemas()[1]} | schemas()
    monkeypatch.setattr(event_schema, "schemas", lambda: with_later)

    months_run(spark, replay=True)

    found = {row[0]: float(row[2]) for row in rows_of(half_filed, "silver.ratings") if row[0] in (6500, 6501)}
    assert found == {6500: 4.0, 6501: 4.5}
    assert count(half_filed, "quarantine.rating_events") == waiting - 2
    assert due_months(half_filed) == set()


def test_a_load_of_the_file_keeps_what_was_streamed(spark, taken_up, half_filed, dataset):
    before = digests(half_filed)

    load(spark, dataset, "2001-07", "2001-07")

    assert digests(half_filed) == before
    assert due_months(half_filed) == set()
    assert month("2001-07") in {row[7] for row in rows_of(half_filed, "bronze.ratings") if row[8] == "stream"}

"""A dataset's ratings are sent in order, each once, and sending goes on where it stopped."""

import json
from itertools import islice

import pytest
from jsonschema import Draft4Validator

from lakehouse.datasets import DatasetError
from lakehouse.stream.producer import Pace, Rating, Replay, ratings_in_order
from spark_jobs.bronze.event_schema import schemas
from tests.fixtures.in_order import files_in_order, write_files
from tests.fixtures.stream import in_topic, new_topic, rating, send

FILES = files_in_order(range(1, 21))
RATINGS = FILES["ratings"].count("\n") - 1


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_files(tmp_path_factory.mktemp("streamed") / "dataset", FILES)


def everything(dataset):
    return ratings_in_order(dataset, "1995-01", "2100-01")


def test_ratings_come_in_the_order_of_their_time(dataset):
    found = list(everything(dataset))

    order = [(each.timestamp, each.user_id, each.movie_id) for each in found]
    assert order == sorted(order)
    assert [each.sequence for each in found] == list(range(1, RATINGS + 1))
    lines = {f"{each.user_id},{each.movie_id},{each.rating:.1f},{each.timestamp}" for each in found}
    assert lines == set(FILES["ratings"].splitlines()[1:])


def test_months_are_chosen(dataset):
    assert sum(1 for _ in ratings_in_order(dataset, "2001-02", "2001-03")) == RATINGS * 2 // 14


def test_a_message_is_one_by_the_schema_of_its_version(dataset):
    first = next(everything(dataset))

    Draft4Validator(schemas()[1]).validate(json.loads(first.value))
    assert first.key == str(json.loads(first.value)["userId"]).encode()


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    folder = write_files(tmp_path / "broken", FILES | {"ratings": FILES["ratings"] + "1,2,good,994000000\n"})

    with pytest.raises(DatasetError, match=r"broken/ratings.csv cannot be streamed, load it to see why"):
        list(everything(folder))


@pytest.mark.integration
def test_sending_goes_on_where_it_stopped(kafka, dataset):
    topic = new_topic(kafka)
    for stopped_after in (300, 1, 700, None, None):
        replay = Replay(kafka.kafka_options, topic, "dataset")
        sent = list(islice(replay.send(everything(dataset), Pace()), stopped_after))
        replay.close()
    assert sent == []

    found = in_topic(kafka, topic)

    assert sorted(value for *_, value in found) == sorted(each.value for each in everything(dataset))
    partitions = {key: {each[0] for each in found if each[2] == key} for *_, key, _ in found}
    assert {len(of_user) for of_user in partitions.values()} == {1}


@pytest.mark.integration
def test_after_messages_of_others_it_begins_anew(kafka, dataset):
    topic = new_topic(kafka)
    for _ in range(2):
        replay = Replay(kafka.kafka_options, topic, "dataset")
        list(replay.send(everything(dataset), Pace()))
        replay.close()
        send(kafka, topic, [rating(1, 1, 4.0, 994000000)] * 3)

    assert len(in_topic(kafka, topic)) == 2 * (RATINGS + 3)


@pytest.mark.parametrize(
    ("pace", "due"), [(Pace(), 0), (Pace(rate=4), 1.0), (Pace(speedup=20), 0.5), (Pace(2, 1e6), 2)]
)
def test_a_rating_waits_for_its_turn(monkeypatch, pace, due):
    now = pace._began
    monkeypatch.setattr("lakehouse.stream.producer.time.monotonic", lambda: now)
    waited = []

    def sleep(seconds):
        nonlocal now
        now += seconds
        waited.append(seconds)

    monkeypatch.setattr("lakehouse.stream.producer.time.sleep", sleep)
    for sequence, timestamp in enumerate((100, 105, 107, 110), 1):
        pace.wait_for(Rating(sequence, 1, 1, 4.0, timestamp))

    assert sum(waited) == pytest.approx(due)

"""Each message of a topic is in bronze.rating_events once, whatever happens on the way; what is lost is named."""

from itertools import accumulate

import pytest
from pyiceberg.expressions import EqualTo
from pyspark.sql import functions as F

from lakehouse.branches import MainMovedError
from lakehouse.gate import load_suite
from lakehouse.reports import GateError
from lakehouse.stream import ingest as module
from lakehouse.stream.ingest import BATCHES, Ingest, LostMessagesError
from lakehouse.stream.progress import GAPS, next_ranges, progress
from lakehouse.stream.topic import Topic, TopicError, describe
from lakehouse.tables import EVENTS
from spark_jobs.bronze.rating_events import taken_in
from tests.fixtures.lake import numbers, rewind
from tests.fixtures.stream import add_partitions, forget, in_topic, make_again, new_topic, rating, send

pytestmark = pytest.mark.integration

MARCH = 985000000


@pytest.fixture
def topic(kafka, lake_tables):
    rewind(lake_tables, EVENTS, BATCHES, GAPS)
    yield new_topic(kafka)
    rewind(lake_tables, EVENTS, BATCHES, GAPS)


@pytest.fixture
def new_ingest(spark, lake_tables, kafka, topic):
    def new_ingest(accepted_by=None):
        return Ingest(spark, lake_tables, kafka.kafka_options, topic, f"stream__{next(numbers)}", accepted_by)

    return new_ingest


def ratings(count, first=1):
    return [rating(user, 7, 3.5, MARCH + user) for user in range(first, first + count)]


def in_table(catalog):
    """Partition, offset, key and value of every row of the table, in this order."""
    rows = catalog.load_table(EVENTS).scan(selected_fields=("partition", "offset", "key", "value")).to_arrow()
    return sorted(tuple(row.values()) for row in rows.select(["partition", "offset", "key", "value"]).to_pylist())


def branches(catalog):
    return [name for name in catalog.load_table(EVENTS).refs() if name.startswith("stream_")]


def test_every_message_is_taken_in_once_and_no_branch_is_left(kafka, topic, new_ingest, lake_tables):
    send(kafka, topic, ratings(100))
    first = new_ingest().all_there_is()
    send(kafka, topic, ratings(50, first=101), partition=1)
    second, third = new_ingest().all_there_is(), new_ingest().all_there_is()

    assert [[batch.events for batch in batches] for batches in (first, second, third)] == [[100], [50], []]
    assert in_table(lake_tables) == in_topic(kafka, topic)
    assert branches(lake_tables) == []


def test_what_is_known_of_a_batch_is_kept(kafka, topic, new_ingest, lake_tables):
    send(kafka, topic, [*ratings(5), b"no rating", rating(1, 7, 3.5, 1), rating(1, 7, 3.5, MARCH + 30 * 86400)])

    (batch,) = new_ingest().all_there_is()

    assert (batch.events, batch.rejected, batch.lag) == (8, 1, 0)
    assert {f"{month:%Y-%m}" if month else None for month in batch.months} == {"2001-03", "2001-04", None}
    (row,) = lake_tables.load_table(BATCHES).scan().to_arrow().to_pylist()
    assert (row["topic"], row["events"], row["rejected"]) == (topic, 8, 1)
    assert (dict(row["first_offsets"]), dict(row["next_offsets"])) == ({0: 0, 1: 0, 2: 0}, {0: 3, 1: 3, 2: 2})


def test_much_is_taken_in_as_several_batches(kafka, topic, new_ingest, lake_tables, monkeypatch):
    monkeypatch.setattr(module, "MOST", 40)
    send(kafka, topic, ratings(100))

    batches = new_ingest().all_there_is()

    assert len(batches) >= 3
    assert max(batch.events for batch in batches) <= 40
    moved = accumulate(batch.events for batch in batches)
    assert [batch.lag for batch in batches] == [100 - events for events in moved]
    assert in_table(lake_tables) == in_topic(kafka, topic)


@pytest.mark.parametrize("step", ["judge", "publish_branch"])
def test_a_batch_that_dies_on_the_way_is_taken_in_by_the_next_run(
    kafka, topic, new_ingest, lake_tables, monkeypatch, step
):
    def die(*_, **__):
        raise KeyboardInterrupt

    send(kafka, topic, ratings(10))
    with monkeypatch.context() as patch:
        patch.setattr(module, step, die)
        with pytest.raises(KeyboardInterrupt):
            new_ingest().all_there_is()
    assert in_table(lake_tables) == []

    new_ingest().all_there_is()

    assert in_table(lake_tables) == in_topic(kafka, topic)


SPOILED = {
    "lost": ("Conservation: as many messages", lambda rows: rows.where("offset <> 3")),
    "another-instead": ("Conservation: as many messages", lambda rows: rows.withColumn("offset", F.expr("offset * 2"))),
    "twice": ("A message that is taken in twice", lambda rows: rows.union(rows)),
    "of-another-partition": (
        "A message of a partition that the batch is not for",
        lambda rows: rows.union(rows.limit(1).withColumn("partition", F.lit(9))),
    ),
    "without-time": (
        "When a message was sent",
        lambda rows: rows.withColumn("timestamp", F.expr("CAST(NULL AS timestamp)")),
    ),
    "of-two-topics": (
        "Offsets of two topics",
        lambda rows: rows.withColumn("_topic_id", F.concat("_topic_id", "partition")),
    ),
}


def test_every_expectation_of_a_batch_has_a_defect():
    notes = [each["notes"] for each in load_suite(EVENTS)["expectations"]]

    assert all(any(each.startswith(begins) for begins, _ in SPOILED.values()) for each in notes)


@pytest.mark.parametrize(("begins", "spoil"), SPOILED.values(), ids=SPOILED)
def test_a_batch_that_is_not_what_the_topic_has_stops_at_its_gate(
    kafka, topic, new_ingest, lake_tables, monkeypatch, begins, spoil
):
    def spoiled(*arguments):
        return spoil(taken_in(*arguments))

    send(kafka, topic, ratings(15))
    monkeypatch.setattr(module, "taken_in", spoiled)
    with pytest.raises(GateError, match=r"The gate of the stream stopped the run: bronze\.rating_events") as error:
        new_ingest().all_there_is()

    assert [line for line in error.value.failed if f". {begins}" in line]
    assert in_table(lake_tables) == []


def test_one_that_was_taken_for_dead_comes_too_late(kafka, topic, new_ingest, lake_tables, monkeypatch):
    publish, others = module.publish_branch, []

    def publish_after_another(*arguments, **options):
        if not others:
            others.append(new_ingest())
            others[0].all_there_is()
        return publish(*arguments, **options)

    send(kafka, topic, ratings(10))
    monkeypatch.setattr(module, "publish_branch", publish_after_another)

    assert new_ingest().all_there_is() == []
    assert in_table(lake_tables) == in_topic(kafka, topic)


def test_one_that_always_comes_too_late_says_so(kafka, topic, new_ingest, monkeypatch):
    def moved(*_, **__):
        raise MainMovedError("main moved")

    send(kafka, topic, ratings(10))
    monkeypatch.setattr(module, "publish_branch", moved)

    with pytest.raises(MainMovedError, match=f"is {topic} streamed twice"):
        new_ingest().all_there_is()


def test_a_partition_that_was_added_is_read_from_its_beginning(kafka, topic, new_ingest, lake_tables):
    send(kafka, topic, ratings(10))
    new_ingest().all_there_is()
    add_partitions(kafka, topic, 5)
    send(kafka, topic, ratings(7, first=11), partition=4)

    new_ingest().all_there_is()

    assert in_table(lake_tables) == in_topic(kafka, topic)
    assert len(in_table(lake_tables)) == 17


def test_the_first_time_reading_begins_at_what_the_topic_has(kafka, topic, new_ingest, lake_tables):
    send(kafka, topic, ratings(30))
    forget(kafka, topic, partition=0, before=4)

    new_ingest().all_there_is()

    assert in_table(lake_tables) == in_topic(kafka, topic)
    assert len(in_table(lake_tables)) == 26


def test_messages_that_are_gone_are_named_and_the_run_goes_on_when_that_is_accepted(
    kafka, topic, new_ingest, lake_tables
):
    send(kafka, topic, ratings(30))
    new_ingest().all_there_is()
    send(kafka, topic, ratings(30, first=31))
    forget(kafka, topic, partition=1, before=15)
    with pytest.raises(LostMessagesError, match=f"{topic}/1: offsets 10 to 14 are gone, 5 messages. .*accept_loss"):
        new_ingest().all_there_is()
    assert len(in_table(lake_tables)) == 30

    new_ingest(accepted_by="ada").all_there_is()

    assert len(in_table(lake_tables)) == 55
    (gap,) = lake_tables.load_table(GAPS).scan().to_arrow().to_pylist()
    assert (gap["partition"], gap["first_offset"], gap["next_offset"], gap["accepted_by"]) == (1, 10, 15, "ada")
    assert new_ingest().all_there_is() == []


def test_a_loss_that_nothing_follows_is_accepted_once(kafka, topic, new_ingest, lake_tables):
    send(kafka, topic, ratings(30))
    new_ingest().all_there_is()
    send(kafka, topic, ratings(3, first=31), partition=1)
    forget(kafka, topic, partition=1, before=13)

    new_ingest(accepted_by="ada").all_there_is()

    assert new_ingest().all_there_is() == []
    assert lake_tables.load_table(GAPS).scan().count() == 1


def test_a_topic_that_was_made_again_is_read_from_its_beginning_when_that_is_accepted(
    kafka, topic, new_ingest, lake_tables
):
    send(kafka, topic, ratings(30))
    new_ingest().all_there_is()
    before = in_table(lake_tables)
    make_again(kafka, topic)
    send(kafka, topic, ratings(5, first=31))
    with pytest.raises(LostMessagesError, match=f"The topic {topic} was made again"):
        new_ingest().all_there_is()

    new_ingest(accepted_by="ada").all_there_is()

    assert in_table(lake_tables) == sorted(before + in_topic(kafka, topic))
    assert new_ingest().all_there_is() == []


def test_a_topic_that_ends_before_what_was_read_is_an_error(kafka, topic, new_ingest, lake_tables):
    send(kafka, topic, ratings(30))
    new_ingest().all_there_is()
    now = describe(kafka.kafka_options, topic)
    restored = Topic(topic, now.id, now.earliest, now.latest | {2: 4})

    with pytest.raises(TopicError, match=f"{topic}/2 ends at offset 4 and was read up to 10"):
        progress(lake_tables, lake_tables.load_table(EVENTS), restored)


def test_a_topic_that_is_not_there_is_named(kafka):
    with pytest.raises(TopicError, match="Kafka has no topic nothing: make it"):
        describe(kafka.kafka_options, "nothing")


def test_a_broker_that_does_not_answer_is_named(kafka, monkeypatch):
    monkeypatch.setattr("lakehouse.stream.topic.SECONDS", 1)

    with pytest.raises(TopicError, match=r"Kafka does not answer about ratings .*: see the connection kafka_default"):
        describe(kafka.kafka_options | {"bootstrap.servers": "127.0.0.1:1"}, "ratings")


@pytest.mark.parametrize(
    ("begin", "until", "ranges"),
    [
        ({0: 5, 1: 7}, {0: 5, 1: 7}, {}),
        ({0: 5, 1: 7}, {0: 8, 1: 7}, {0: (5, 8)}),
        ({0: 0, 1: 0}, {0: 30, 1: 10}, {0: (0, 15), 1: (0, 5)}),
        ({0: 0, 1: 0}, {0: 1000, 1: 1}, {0: (0, 19), 1: (0, 1)}),
        ({0: 0}, {0: 3, 1: 9}, {0: (0, 3)}),  # a partition that was added meanwhile
    ],
)
def test_a_batch_takes_of_each_partition_its_share(begin, until, ranges):
    assert next_ranges(begin, until, most=20) == ranges


def test_the_batches_of_a_run_bear_its_name(kafka, topic, new_ingest, lake_tables):
    send(kafka, topic, ratings(3))
    ingest = new_ingest()
    ingest.all_there_is()

    of_run = EqualTo("run_id", ingest._run_id)
    assert lake_tables.load_table(BATCHES).scan(row_filter=of_run).count() == 1

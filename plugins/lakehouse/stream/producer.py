"""Send the ratings of a dataset to the topic, as if people gave them now: ``make stream``.

The topic says where to go on. Each message has its place in the order of all (header ``sequence``), a partition has its
messages in that order, and the broker takes each once, so what is not in a partition comes after its last message.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import duckdb
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from lakehouse.datasets import DatasetError
from lakehouse.stream.topic import TopicError, describe

VERSION = "1"
"""Of the message's schema: ``spark_jobs/contracts/rating_events/v1.json``."""
SECONDS = 30
"""How long the broker may take to answer, or to take what is on its way at the end."""

RATINGS = """
    SELECT userId, movieId, rating, timestamp FROM read_csv($path, columns = {
        'userId': 'BIGINT', 'movieId': 'BIGINT', 'rating': 'DECIMAL(3, 1)', 'timestamp': 'BIGINT'})
    WHERE strftime(make_timestamp(timestamp * 1000000), '%Y-%m') BETWEEN $first AND $last
    ORDER BY timestamp, userId, movieId"""


@dataclass(frozen=True)
class Rating:
    """A rating as its message has it; ``sequence`` counts from 1 in the order of time, user and movie."""

    sequence: int
    user_id: int
    movie_id: int
    rating: float
    timestamp: int

    @property
    def key(self) -> bytes:
        return b"%d" % self.user_id

    @property
    def value(self) -> bytes:
        return b'{"userId":%d,"movieId":%d,"rating":%.1f,"timestamp":%d}' % (
            *(self.user_id, self.movie_id, self.rating, self.timestamp),
        )


def ratings_in_order(folder: Path, first: str, last: str) -> Iterator[Rating]:
    """The ratings of the months ``first`` to ``last`` (YYYY-MM) of a dataset, in the order of their time.

    Raises:
        DatasetError: ratings.csv has a line that is no rating.
    """
    with duckdb.connect() as connection:
        query = {"path": str(folder / "ratings.csv"), "first": first, "last": last}
        try:
            found = connection.execute(RATINGS, query)
        except duckdb.Error as error:
            raise DatasetError(f"{folder / 'ratings.csv'} cannot be streamed, load it to see why: {error}") from error
        sequence = 0
        while rows := found.fetchmany(10_000):
            for row in rows:
                sequence += 1
                yield Rating(sequence, *row)


class Replay:
    """Sends ratings, each to the partition of its user, from where an earlier replay of the same ``source`` stopped.

    ``source`` names what is replayed: the dataset and the months.
    """

    def __init__(self, settings: dict[str, str], topic: str, source: str) -> None:
        self.source, self._settings, self._topic = source, settings, topic
        self._partitions = sorted(describe(settings, topic).latest)
        self._errors: list[str] = []
        self._sent = 0
        self._producer = Producer(
            {
                **settings,
                "enable.idempotence": True,  # which implies acks=all, and keeps the order when it sends again
                "linger.ms": 20,
                "compression.type": "lz4",
                "queue.buffering.max.messages": 200_000,
                "delivery.report.only.error": True,
                "log_level": 3,
            }
        )

    @property
    def delivered(self) -> int:
        """How many messages the broker has."""
        return self._sent - len(self._producer)

    def last_sequences(self) -> dict[int, int]:
        """The place of the last message of each partition, 0 where that is none of this replay."""
        topic = describe(self._settings, self._topic)
        filled = {each: end for each, end in topic.latest.items() if end > topic.earliest[each]}
        asked = [TopicPartition(self._topic, each, end - 1) for each, end in filled.items()]
        found = dict.fromkeys(self._partitions, 0)
        if not asked:
            return found
        consumer = Consumer({**self._settings, "group.id": "replay", "enable.auto.commit": False, "log_level": 3})
        try:
            consumer.assign(asked)
            for message in consumer.consume(len(asked), timeout=SECONDS):
                headers = dict(message.headers() or {})
                if headers.get("source") == self.source.encode():
                    found[int(message.partition() or 0)] = int(headers["sequence"] or 0)
        finally:
            consumer.close()
        return found

    def send(self, ratings: Iterator[Rating], pace: "Pace") -> Iterator[Rating]:
        """Send what the topic has not yet, at a pace; each rating is given back once it is on its way.

        Raises:
            TopicError: the broker refused a message.
        """
        has, source = self.last_sequences(), self.source.encode()
        for rating in ratings:
            partition = self._partitions[crc32(rating.key) % len(self._partitions)]
            if rating.sequence <= has[partition]:
                continue
            pace.wait_for(rating)
            headers: dict[str, str | bytes | None] = {"schema-version": VERSION, "source": source}
            headers["sequence"] = str(rating.sequence)
            while True:
                try:
                    self._producer.produce(
                        self._topic, rating.value, rating.key, partition, self._refused, headers=headers
                    )
                    break
                except BufferError:  # the broker is slower than this program, or away
                    self._producer.poll(0.1)
            self._sent += 1
            if self._sent % 1000 == 0:
                self._producer.poll(0)
            self._raise_errors()
            yield rating

    def close(self) -> None:
        """Wait until the broker has what is on its way.

        Raises:
            TopicError: it has not.
        """
        left = self._producer.flush(SECONDS)
        self._raise_errors()
        if left:
            raise TopicError(f"{left} messages did not reach the broker within {SECONDS} s: send again to go on there")

    def _refused(self, error: KafkaError | None, _: Message) -> None:
        if error:
            self._errors.append(error.str())

    def _raise_errors(self) -> None:
        if self._errors:
            raise TopicError(f"The broker refused a message ({self._errors[0]}): send again to go on there")


class Pace:
    """How fast ratings are sent: so many a second, or so many times faster than they were given; 0 is no limit."""

    def __init__(self, rate: float = 0, speedup: float = 0) -> None:
        self._rate, self._speedup = rate, speedup
        self._began = time.monotonic()
        self._count = 0
        self._first: int | None = None

    def wait_for(self, rating: Rating) -> None:
        """Wait until it is the rating's turn."""
        self._count += 1
        self._first = rating.timestamp if self._first is None else self._first
        due = self._count / self._rate if self._rate else 0.0
        if self._speedup:
            due = max(due, (rating.timestamp - self._first) / self._speedup)
        while (left := self._began + due - time.monotonic()) > 0.001:
            time.sleep(left)  # rate and speed-up say how long

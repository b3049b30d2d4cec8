"""The Kafka topic: what it is and which offsets it has, asked of the broker."""

import json
from dataclasses import dataclass
from typing import Any

from airflow.sdk import Connection
from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # its stubs do not export it
from tenacity import retry, retry_if_exception, stop_after_delay, wait_fixed

from lakehouse.defaults import setting

CONNECTION = "kafka_default"
SECONDS = 20
"""How long the broker may take to answer."""

RECORDS_A_TASK = "200000"
"""Messages for one task of Spark at most: a batch of a topic with few partitions keeps every core busy to its end."""

Ranges = dict[int, tuple[int, int]]
"""The first offset and the one after the last, by partition."""

OF_SPARK = {
    "bootstrap.servers": "kafka.bootstrap.servers",
    "security.protocol": "kafka.security.protocol",
    "sasl.mechanism": "kafka.sasl.mechanism",
    "ssl.ca.location": "kafka.ssl.truststore.location",
}
"""Settings of librdkafka as Spark's Kafka source calls them. Credentials are not among them: Spark has its own."""


class TopicError(Exception):
    """The topic cannot be read as it is; the message says what to do."""


@dataclass(frozen=True)
class Topic:
    """A topic at one moment: the first offset that it still has and the one after its last, by partition."""

    name: str
    id: str
    earliest: dict[int, int]
    latest: dict[int, int]


def kafka_settings() -> dict[str, str]:
    """The settings of the Airflow connection ``kafka_default``, as librdkafka has them."""
    return {name: str(value) for name, value in Connection.get(CONNECTION).extra_dejson.items()}


def spark_options(settings: dict[str, str], name: str, ranges: Ranges) -> dict[str, str]:
    """What Spark's Kafka source needs to read a range of every partition of a topic."""
    options = {OF_SPARK[setting]: value for setting, value in settings.items() if setting in OF_SPARK}
    if "ssl.ca.location" in settings:
        options["kafka.ssl.truststore.type"] = "PEM"
    begin, end = ({name: {str(partition): span[side] for partition, span in ranges.items()}} for side in (0, 1))
    offsets = {"startingOffsets": json.dumps(begin), "endingOffsets": json.dumps(end)}
    return options | offsets | {"assign": json.dumps({name: list(ranges)}), "maxRecordsPerPartition": RECORDS_A_TASK}


def topic_name() -> str:
    return setting("topic", "ratings")


def _moves(error: BaseException) -> bool:
    """Whether a partition has no leader at this moment, as after it was made or when a broker went away."""
    codes = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)
    cause = error.__cause__
    return isinstance(cause, KafkaException) and cause.args[0].code() in codes


@retry(retry=retry_if_exception(_moves), wait=wait_fixed(0.2), stop=stop_after_delay(SECONDS), reraise=True)
def describe(settings: dict[str, str], name: str) -> Topic:
    """The topic as it is now.

    Raises:
        TopicError: there is no such topic, or the broker does not answer.
    """
    admin = AdminClient({**settings, "log_level": 3})
    try:
        found = admin.describe_topics(TopicCollection([name]), request_timeout=SECONDS)[name].result()
        partitions = [TopicPartition(name, partition.id) for partition in found.partitions]
        ends = (OffsetSpec.earliest(), OffsetSpec.latest())  # type: ignore[no-untyped-call]  # as above
        earliest, latest = (_offsets(admin, partitions, end) for end in ends)
    except KafkaException as error:
        reason = error.args[0]
        if reason.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise TopicError(f"Kafka has no topic {name}: make it, or set the variable lakehouse_topic") from error
        message = f"Kafka does not answer about {name} ({reason.str()}): see the connection {CONNECTION}"
        raise TopicError(message) from error
    return Topic(name, str(found.topic_id), earliest, latest)


def _offsets(admin: AdminClient, partitions: list[TopicPartition], spec: Any) -> dict[int, int]:
    asked = admin.list_offsets(
        dict.fromkeys(partitions, spec), isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=SECONDS
    )
    return {partition.partition: answer.result().offset for partition, answer in asked.items()}

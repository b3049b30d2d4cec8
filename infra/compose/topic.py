"""Make the topic of the ratings: ``python -m infra.compose.topic``, with Airflow's connections in the environment."""

from __future__ import annotations

import json
import os
from datetime import timedelta

from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # its stubs export half

from infra.local.stack import PARTITIONS, RETENTION


def make_topic(settings: dict[str, str | int | float | bool], name: str) -> None:
    """Make a topic, unless it is there; what it has then may have been changed on purpose."""
    admin = AdminClient(settings)
    if name not in admin.list_topics(timeout=10).topics:
        kept = {"retention.ms": str(RETENTION // timedelta(milliseconds=1))}
        topic = NewTopic(name, num_partitions=PARTITIONS, replication_factor=1, config=kept)
        admin.create_topics([topic])[name].result(timeout=10)


if __name__ == "__main__":
    connection = json.loads(os.environ["AIRFLOW_CONN_KAFKA_DEFAULT"])
    make_topic(connection["extra"], os.environ["AIRFLOW_VAR_LAKEHOUSE_TOPIC"])

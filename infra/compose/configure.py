"""Make up the secrets of compose, and write the configuration of its services: ``python -m infra.compose.configure``.

Each service mounts its own folder of ``/etc/lakehouse`` and no other. Secrets are made up once. The rest is written
again at each start, for Spark and Airflow by what configures a host on EC2.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from infra.files import as_json, filled, kept_secrets, write_private
from infra.hosts import configure as hosts
from infra.hosts.parameters import Folder

SECRETS = (
    *("postgres", "airflow_database", "lake_database", "s3_root", "s3_airflow", "s3_spark"),
    *("connect_token", "rpc", "kafka"),
)
ROLES = ("spark", "worker", "airflow")
"""In this order: Airflow is told the certificate that the role spark makes."""
OWN_USER = ("postgres", "kafka")
"""Folders whose readers have the user of their image."""


def parameters(secret: dict[str, str], state: Path) -> dict[str, str]:
    """What AWS Systems Manager holds elsewhere."""
    kafka = {
        "bootstrap.servers": "kafka:9092",
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "lakehouse",
        "sasl.password": secret["kafka"],
    }
    connections: dict[str, dict[str, object]] = {
        "spark_default": {
            "conn_type": "spark_connect",
            "host": "spark",
            "port": 15003,
            "password": secret["connect_token"],
            "extra": {"use_ssl": True},
        },
        "aws_default": {
            "conn_type": "aws",
            "login": "airflow",
            "password": secret["s3_airflow"],
            "extra": {"endpoint_url": "http://s3:9000", "region_name": "us-east-1"},
        },
        "kafka_default": {"conn_type": "kafka", "extra": kafka},
    }
    variables = {
        "dataset_folder": str(state / "datasets"),
        "jars": str(state / "jars"),
        "lake_bucket": "lake",
        "site_bucket": "site",
        "site_url": "http://127.0.0.1:9000/site",
        "topic": "ratings",
    }
    return {
        hosts.CODE_VERSION: os.environ.get("CODE_VERSION", "unknown"),
        hosts.RPC_SECRET: secret["rpc"],
        "airflow/database": f"airflow:{secret['airflow_database']}@postgres:5432/airflow",
        "lake/uri": f"postgresql+psycopg2://lake:{secret['lake_database']}@postgres:5432/lake",
        "lake/password": secret["lake_database"],
        "s3/airflow": secret["s3_airflow"],
        "s3/spark": secret["s3_spark"],
        **{f"airflow/connections/{name}": json.dumps(value) for name, value in connections.items()},
        **{f"airflow/variables/lakehouse_{name}": value for name, value in variables.items()},
    }


def files(etc: Path, secret: dict[str, str]) -> dict[Path, str]:
    """The files of the services whose images are others' work, and what Spark needs to speak to one of them."""
    accounts = {name: {"access": name, "secret": secret[f"s3_{name}"], "role": "user"} for name in ("airflow", "spark")}
    broker: dict[str, object] = {"host": "kafka", "kafka_port": 9092, "kafka_controller_port": 9093}
    broker |= {"kafka_secret": secret["kafka"], "state": "/var/lib/kafka/data"}
    login = filled("local/kafka-jaas.conf", {"kafka_secret": secret["kafka"]})
    databases: dict[str, object] = {
        f"{name}_database_secret": secret[f"{name}_database"] for name in ("airflow", "lake")
    }
    return {
        etc / "postgres" / "password": secret["postgres"],
        etc / "postgres" / "databases.sql": filled("compose/databases.sql", databases),
        etc / "s3" / "s3.env": hosts.env_file({"ROOT_ACCESS_KEY": "root", "ROOT_SECRET_KEY": secret["s3_root"]}),
        etc / "s3" / "users.json": as_json({"accessAccounts": accounts}),
        etc / "kafka" / "kafka.properties": filled("local/kafka.properties", broker),
        etc / "spark" / "kafka-jaas.conf": login,
        etc / "worker" / "kafka-jaas.conf": login,
        **{etc / role / "settings.json": filled(f"compose/{role}.json", {"etc": etc}) for role in ROLES},
    }


def configure(etc: Path, state: Path) -> None:
    """Write everything below ``etc``. Raises SettingsError."""
    secret = kept_secrets(etc / "secrets" / "secrets.json", SECRETS)
    folder = Folder(etc / "secrets")
    for name, value in parameters(secret, state).items():
        folder.put(name, value)
    for path, text in files(etc, secret).items():
        write_private(path, text)
        if path.parent.name in OWN_USER:
            path.chmod(0o644)
    for role in ROLES:
        hosts.configure(etc / role, state)


if __name__ == "__main__":
    configure(Path("/etc/lakehouse"), Path("/var/lib/lakehouse"))

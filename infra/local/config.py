"""The settings of one local stack: its folder, ports, secrets and configuration files.

Everything that a stack keeps lies in its ``state`` folder, so deleting that folder deletes the stack. Two stacks need
two folders and two port offsets, nothing else.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from infra.files import FIRST_VARIABLES, POOLS, REPOSITORY, as_json, filled, kept_secrets, spark_conf, write_private

HOST = "127.0.0.1"
SECRETS = (
    "postgres",
    "airflow_database",
    "lake_database",
    "s3_key",
    "s3_secret",
    "spark",
    "kafka",
    "admin",
    "jwt",
    "api",
    "fernet",
)
LONGEST_SOCKET = 95  # the kernel allows 107 characters, and supervisord adds its process id while it binds


class StackError(Exception):
    """A problem that the user can solve; the message says how."""


@dataclass(frozen=True)
class Stack:
    state: Path
    port_offset: int = 0

    @classmethod
    def from_environment(cls) -> Stack:
        """The stack that STATE and PORT_OFFSET name; a relative STATE counts from the current folder."""
        offset = os.environ.get("PORT_OFFSET") or "0"
        if not offset.isdigit():
            raise StackError(f"PORT_OFFSET={offset}: give a number of 0 or more")
        return cls(Path(os.environ.get("STATE") or ".local").resolve(), int(offset))

    @property
    def environment(self) -> dict[str, str]:
        """What names this stack to a child process."""
        return {"STATE": str(self.state), "PORT_OFFSET": str(self.port_offset)}

    @cached_property
    def ports(self) -> dict[str, int]:
        ports = {"airflow-api-server": 8080, "s3": 9000, "spark": 15002, "postgres": 5433}
        ports |= {"kafka": 9092, "kafka-controller": 9093}
        return {name: port + self.port_offset for name, port in ports.items()}

    @property
    def socket(self) -> Path:
        return self.state / "supervisor.sock"

    @property
    def conf(self) -> Path:
        return self.state / "conf"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def airflow_url(self) -> str:
        return f"http://{HOST}:{self.ports['airflow-api-server']}"

    @property
    def s3_url(self) -> str:
        return f"http://{HOST}:{self.ports['s3']}"

    @property
    def spark_url(self) -> str:
        """The Spark Connect URL with its token; the client allows a token without TLS for the name localhost only."""
        return f"sc://localhost:{self.ports['spark']}/;token={self.secrets['spark']}"

    @property
    def s3_options(self) -> dict[str, str]:
        """What a boto3 client of this stack needs."""
        return {
            "endpoint_url": self.s3_url,
            "region_name": "us-east-1",
            "aws_access_key_id": self.secrets["s3_key"],
            "aws_secret_access_key": self.secrets["s3_secret"],
        }

    @property
    def kafka_options(self) -> dict[str, str]:
        """What a Kafka client of this stack needs."""
        return {
            "bootstrap.servers": f"{HOST}:{self.ports['kafka']}",
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN",
            "sasl.username": "lakehouse",
            "sasl.password": self.secrets["kafka"],
        }

    @property
    def airflow_password_file(self) -> Path:
        return self.conf / "airflow-passwords.json"

    @cached_property
    def secrets(self) -> dict[str, str]:
        """Passwords and keys, made up on first use and kept in ``conf/secrets.json``."""
        return kept_secrets(self.conf / "secrets.json", SECRETS)

    def database_url(self, name: str) -> str:
        return f"{name}:{self.secrets[f'{name}_database']}@{HOST}:{self.ports['postgres']}/{name}"

    def check(self) -> None:
        """Raise StackError when the state folder cannot work."""
        if len(str(self.socket)) > LONGEST_SOCKET:
            raise StackError(f"STATE={self.state} is too long a path for a socket: choose a shorter one")
        for folder in (self.state, REPOSITORY):
            if set('%"') & set(str(folder)):
                raise StackError(
                    f"{folder} has a % or a quote, which configuration files cannot hold: choose another folder"
                )
        try:
            self.logs.mkdir(parents=True, exist_ok=True)
            self.conf.mkdir(mode=0o700, exist_ok=True)
            (self.conf / ".writable").touch()
        except OSError as error:
            raise StackError(f"STATE={self.state} cannot be written ({error.strerror}): choose another STATE") from None

    def files(self) -> dict[Path, str]:
        """Every generated configuration file with its text."""
        spark = self.conf / "spark"
        airflow = self.conf / "airflow"
        return {
            self.state / ".pyiceberg.yaml": self._filled("local/pyiceberg.yaml"),
            **spark_conf(spark, self._filled("local/spark-defaults.conf")),
            spark / "kafka-jaas.conf": self._filled("local/kafka-jaas.conf"),
            self.conf / "s3proxy.properties": self._filled("local/s3proxy.properties"),
            self.conf / "kafka.properties": self._filled("local/kafka.properties"),
            self.state / "airflow" / "airflow.cfg": self._filled("airflow/airflow.cfg"),
            self.airflow_password_file: as_json({"admin": self.secrets["admin"]}),
            airflow / "connections.json": as_json(self.connections()),
            airflow / "pools.json": as_json(POOLS),
            airflow / "variables.json": as_json(self.variables()),
            airflow / "first-variables.json": as_json(FIRST_VARIABLES),
        }

    def write_files(self) -> None:
        for path, text in self.files().items():
            write_private(path, text)

    def changed_files(self) -> list[Path]:
        return [path for path, text in self.files().items() if not path.exists() or path.read_text() != text]

    def _filled(self, name: str) -> str:
        """A template of infra/ with this stack's values."""
        values: dict[str, object] = {f"{name.replace('-', '_')}_port": port for name, port in self.ports.items()}
        values |= {f"{name}_secret": secret for name, secret in self.secrets.items()}
        values |= {
            "repository": REPOSITORY,
            "state": self.state,
            "host": HOST,
            "airflow_url": self.airflow_url,
            "s3_url": self.s3_url,
            "airflow_database_url": self.database_url("airflow"),
            "lake_database_url": self.database_url("lake"),
            "airflow_password_file": self.airflow_password_file,
        }
        return filled(name, values)

    def connections(self) -> dict[str, dict[str, object]]:
        """Airflow's connections by id."""
        return {
            "aws_default": {
                "conn_type": "aws",
                "login": self.secrets["s3_key"],
                "password": self.secrets["s3_secret"],
                "extra": {"endpoint_url": self.s3_url, "region_name": "us-east-1"},
            },
            "spark_default": {
                "conn_type": "spark_connect",
                "host": "localhost",
                "port": self.ports["spark"],
                "password": self.secrets["spark"],
            },
            "kafka_default": {"conn_type": "kafka", "extra": self.kafka_options},
        }

    def variables(self) -> dict[str, str]:
        """Airflow's variables that follow from the stack."""
        return {
            "lakehouse_dataset_folder": str(self.state / "datasets"),
            "lakehouse_lake_bucket": "lake",
            "lakehouse_topic": "ratings",
            "lakehouse_site_bucket": "site",
            "lakehouse_site_url": f"{self.s3_url}/site",
            "lakehouse_site_acl": "public-read",
            "lakehouse_jars": str(self.state / "jars"),
        }

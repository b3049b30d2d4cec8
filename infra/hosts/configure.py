"""Write the configuration of this host: ``python -m infra.hosts.configure``, each time the machine starts.

``settings.json`` of the configuration folder says what the host is and where the others are; docs/configuration.md has
its fields. Secrets are not in it: they come from the parameters that it names, so a new secret needs a restart only.
"""

from __future__ import annotations

import argparse
import grp
import json
import os
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from tenacity import RetryError, retry, retry_if_result, stop_after_delay, wait_fixed

from infra.files import (
    FIRST_VARIABLES,
    POOLS,
    PYTHON,
    REPOSITORY,
    airflow_environment,
    as_json,
    filled,
    kept_secrets,
    spark_conf,
    write_private,
)
from infra.hosts import certificate
from infra.hosts.parameters import Folder, Parameters, ParameterStore

GROUP = "lakehouse"
"""Of the services, which may read their configuration and not change it."""
WAIT_SECONDS = 900
"""For what another host writes: it may be at its first start."""
TOKEN, RPC_SECRET, CERTIFICATE = "airflow/connections/spark_default", "spark/rpc-secret", "spark/certificate"
CODE_VERSION = "code-version"
AIRFLOW_SECRETS = ("admin", "jwt", "api", "fernet")


class SettingsError(Exception):
    """Settings or parameters that a host cannot be configured by; the message says which and what to do."""


@dataclass(frozen=True)
class Settings:
    """The fields of settings.json."""

    role: str
    spark_host: str
    region: str
    lake_bucket: str
    parameters: str
    """The prefix of the parameters in AWS Systems Manager, or ``folder:`` and a path."""
    catalog: dict[str, str]
    """Properties of the catalog ``lake`` that Spark and pyiceberg call the same."""
    spark: dict[str, str] = field(default_factory=dict)
    """Further lines of spark-defaults.conf."""
    pyiceberg: dict[str, str] = field(default_factory=dict)
    """Further properties of the catalog in pyiceberg."""
    airflow: dict[str, str] = field(default_factory=dict)
    """Where Airflow listens (``host``), its ``url`` and its ``database``."""
    environment: dict[str, str] = field(default_factory=dict)
    """Further environment variables of the services."""

    @classmethod
    def read(cls, file: Path) -> Settings:
        """Raises SettingsError for a field that is missing, unknown, or of an unknown role."""
        fields: dict[str, Any] = json.loads(file.read_text())
        try:
            settings = cls(**fields)
        except TypeError as error:
            raise SettingsError(f"{file}: {str(error).removeprefix('Settings.__init__() ')}") from None
        if settings.role not in ROLES:
            raise SettingsError(f"{file}: role is {settings.role!r}; it must be one of {', '.join(ROLES)}")
        return settings


@dataclass(frozen=True)
class Host:
    """A host: its settings, its parameters, the folder of its configuration and that of its state."""

    settings: Settings
    parameters: Parameters
    etc: Path
    state: Path

    def need(self, name: str) -> str:
        """A parameter; waits for one that another host has yet to write. Raises SettingsError when it never comes."""
        waiting = retry(
            retry=retry_if_result(lambda value: value is None), wait=wait_fixed(2), stop=stop_after_delay(WAIT_SECONDS)
        )
        try:
            return str(waiting(self.parameters.get)(name))
        except RetryError:
            raise SettingsError(f"there is no parameter {name} under {self.settings.parameters}") from None

    def resolved(self, properties: dict[str, str]) -> dict[str, str]:
        """Properties with the parameter in place of each value ``parameter:<name>``."""
        return {
            key: self.need(value.removeprefix("parameter:")) if value.startswith("parameter:") else value
            for key, value in properties.items()
        }

    def spark_defaults(self, connect: str = "") -> str:
        """The part of spark-defaults.conf that is this cluster's."""
        cluster = filled(
            "spark/cluster.conf",
            {"spark_host": self.settings.spark_host, "state": self.state, "rpc_secret": self.need(RPC_SECRET)},
        )
        catalog = {"warehouse": self.warehouse, "client.region": self.settings.region} | self.settings.catalog
        own = {f"spark.sql.catalog.lake.{name}": value for name, value in catalog.items()}
        own |= self.settings.spark | {"spark.pyspark.python": PYTHON}
        return cluster + connect + "\n" + "".join(f"{name} {value}\n" for name, value in self.resolved(own).items())

    @property
    def warehouse(self) -> str:
        return f"s3://{self.settings.lake_bucket}/warehouse"

    def spark_environment(self) -> dict[str, str]:
        spark = self.state / "spark"
        return self.resolved(self.settings.environment) | {
            "SPARK_CONF_DIR": str(self.etc / "spark"),
            "SPARK_LOCAL_DIRS": str(spark / "tmp"),
            "SPARK_MASTER_HOST": self.settings.spark_host,
            "SPARK_WORKER_DIR": str(spark / "work"),
            "PYSPARK_PYTHON": PYTHON,
            "AWS_REGION": self.settings.region,
        }


def spark(host: Host) -> dict[Path, str]:
    """Master, Connect server and the TLS in front of it."""
    token = json.loads(host.need(TOKEN))["password"]
    pem = host.etc / "tls" / "spark.pem"
    name = host.settings.spark_host
    text = pem.read_text() if pem.exists() else ""
    if not text or not certificate.is_valid(text, name, certificate.now()):
        text = "".join(certificate.make(name, certificate.now()))
    host.parameters.put(CERTIFICATE, text[: text.index("-----BEGIN PRIVATE KEY")])
    return {
        pem: text,
        host.etc / "haproxy.cfg": filled("hosts/haproxy.cfg", {"certificate": pem}),
        host.etc / "spark.env": env_file(host.spark_environment() | {"HAPROXY_CONFIG": str(host.etc / "haproxy.cfg")}),
        **spark_conf(host.etc / "spark", host.spark_defaults(filled("spark/connect.conf", {"token": token}))),
    }


def worker(host: Host) -> dict[Path, str]:
    """A worker, which never learns the token of Spark Connect."""
    environment = host.spark_environment()
    if "SPARK_WORKER_HOST" not in environment:  # empty in settings.json: the worker is configured on another machine
        environment["SPARK_WORKER_HOST"] = own_address(host.settings.spark_host)
    return {
        host.etc / "spark.env": env_file(environment),
        **spark_conf(host.etc / "spark", host.spark_defaults()),
    }


def airflow(host: Host) -> dict[Path, str]:
    """Airflow's components. They trust the certificate of Spark Connect and no other authority for gRPC."""
    own = {"host": "127.0.0.1", "url": "http://127.0.0.1:8080", "database": "lakehouse@/airflow?host=/run/postgresql"}
    own |= host.resolved(host.settings.airflow)
    folder, home = host.etc / "airflow", host.state / "airflow"
    secrets = kept_secrets(home / "secrets.json", AIRFLOW_SECRETS)
    passwords = home / "passwords.json"
    values: dict[str, object] = {f"{name}_secret": secret for name, secret in secrets.items()}
    values |= {
        "repository": REPOSITORY,
        "state": host.state,
        "host": own["host"],
        "airflow_api_server_port": 8080,
        "airflow_url": own["url"],
        "airflow_database_url": own["database"],
        "airflow_password_file": passwords,
    }
    certificates = folder / "spark.crt"
    environment = airflow_environment(home, pyiceberg_home=folder) | {
        "AIRFLOW_CONFIG": str(folder / "airflow.cfg"),
        "AIRFLOW_IMPORTS": str(folder),
        "AWS_REGION": host.settings.region,
        "AWS_DEFAULT_REGION": host.settings.region,
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(certificates),
        # The logs of tasks outlive the host.
        "AIRFLOW__LOGGING__REMOTE_LOGGING": "True",
        "AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER": f"s3://{host.settings.lake_bucket}/logs/airflow",
        "AIRFLOW__LOGGING__REMOTE_LOG_CONN_ID": "aws_default",
        "AIRFLOW_VAR_LAKEHOUSE_CODE_VERSION": host.parameters.get(CODE_VERSION) or "unknown",
    }
    environment |= host.parameters.airflow_environment() | host.resolved(host.settings.environment)
    catalog = {"warehouse": host.warehouse, "s3.region": host.settings.region, "glue.region": host.settings.region}
    catalog |= host.settings.catalog | host.settings.pyiceberg
    return {
        certificates: host.need(CERTIFICATE),
        folder / "airflow.cfg": filled("airflow/airflow.cfg", values),
        folder / ".pyiceberg.yaml": yaml.safe_dump({"catalog": {"lake": host.resolved(catalog)}}),
        folder / "pools.json": as_json(POOLS),
        folder / "first-variables.json": as_json(FIRST_VARIABLES),
        host.etc / "airflow.env": env_file(environment),
        passwords: as_json({"admin": secrets["admin"]}),
    }


ROLES: dict[str, Callable[[Host], dict[Path, str]]] = {"spark": spark, "worker": worker, "airflow": airflow}


def own_address(peer: str) -> str:
    """The address of this machine from which it reaches a peer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((peer, 7077))  # of UDP: nothing is sent, only a route is chosen
        return str(probe.getsockname()[0])


def env_file(variables: dict[str, str]) -> str:
    """An EnvironmentFile of systemd: quoted, with quotes and backslashes escaped."""
    return "".join(f"{name}={json.dumps(value, ensure_ascii=False)}\n" for name, value in variables.items())


def configure(etc: Path, state: Path) -> None:
    """Write all files of the host. Raises SettingsError."""
    settings = Settings.read(etc / "settings.json")
    place = settings.parameters
    parameters = (
        Folder(Path(place.removeprefix("folder:")))
        if place.startswith("folder:")
        else ParameterStore(place, settings.region)
    )
    host = Host(settings, parameters, etc, state)
    for path, text in ROLES[settings.role](host).items():
        write_private(path, text)
        if os.geteuid() == 0:
            hand_over(path, state)


def hand_over(path: Path, state: Path) -> None:
    """Let the services read a file, and own what lies in their state."""
    if path.is_relative_to(state):
        shutil.chown(path, GROUP, GROUP)
    else:
        os.chown(path, 0, grp.getgrnam(GROUP).gr_gid)
        path.chmod(0o640)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--etc", type=Path, default=Path("/etc/lakehouse"))
    parser.add_argument("--state", type=Path, default=Path("/var/lib/lakehouse"))
    arguments = parser.parse_args()
    try:
        configure(arguments.etc, arguments.state)
    except SettingsError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

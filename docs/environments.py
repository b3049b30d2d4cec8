"""The page environments.md: what a laptop, docker-compose and AWS are told that is not the same for all.

The configuration of each is made as it is made there, and compared.
"""

from __future__ import annotations

import configparser
import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from infra.compose.configure import SECRETS
from infra.compose.configure import files as compose_files
from infra.compose.configure import parameters as compose_parameters
from infra.files import REPOSITORY, kept_secrets
from infra.hosts.configure import ROLES, RPC_SECRET, TOKEN, Host, Settings
from infra.hosts.parameters import Folder
from infra.local.config import Stack

ON_AWS = {
    "spark_host": "spark.lakehouse.internal",
    "region": "eu-central-1",
    "lake_bucket": "example-lake",
    "parameters": "/lakehouse/prod",
    "catalog": {"type": "glue"},
}
"""What ``infra/terraform/main.tf`` puts into the settings of every host."""
FILES = ("spark-defaults.conf", ".pyiceberg.yaml", "airflow.cfg", "connections")
SECRET = re.compile(r"\b[0-9a-f]{48,}\b|[\w-]{43}=")

Properties = dict[str, str]


def differences() -> dict[str, list[tuple[str, ...]]]:
    """By file the properties that differ: name, and value on a laptop, on compose and on AWS. Secrets are left out."""
    with tempfile.TemporaryDirectory() as folder:
        made = [laptop(Path(folder, "laptop")), compose(Path(folder, "compose")), aws(Path(folder, "aws"))]
    found = {}
    for file in FILES:
        names = sorted({name for environment in made for name in environment[file]})
        rows = [(name, *(environment[file].get(name, "") for environment in made)) for name in names]
        found[file] = [row for row in rows if len(set(row[1:])) > 1]
    return found


def laptop(folder: Path) -> dict[str, Properties]:
    stack = Stack(folder)
    texts = {path.name: text for path, text in stack.files().items()}
    return properties(texts, stack.connections(), {str(folder): "STATE", str(REPOSITORY): "REPOSITORY"})


def compose(folder: Path) -> dict[str, Properties]:
    secrets = kept_secrets(folder / "secrets.json", SECRETS)
    parameters = compose_parameters(secrets, folder)
    files = compose_files(folder, secrets)
    settings = {role: json.loads(files[folder / role / "settings.json"]) for role in ("spark", "airflow")}
    return of_hosts(folder, parameters, settings)


def aws(folder: Path) -> dict[str, Properties]:
    spark = {"conn_type": "spark_connect", "host": ON_AWS["spark_host"], "port": 15003, "password": "0" * 64}
    connections = {
        TOKEN: spark | {"extra": {"use_ssl": True}},
        "airflow/connections/aws_default": {"conn_type": "aws", "extra": {"region_name": ON_AWS["region"]}},
    }
    parameters = {name: json.dumps(connection) for name, connection in connections.items()} | {RPC_SECRET: "0" * 64}
    return of_hosts(folder, parameters, {role: ON_AWS | {"role": role} for role in ("spark", "airflow")})


def of_hosts(folder: Path, parameters: Mapping[str, str], settings: Mapping[str, Any]) -> dict[str, Properties]:
    """What the hosts of Spark and Airflow are told by their settings and these parameters."""
    store = Folder(folder / "parameters")
    for name, value in parameters.items():
        store.put(name, value)
    texts = {}
    for role, fields in settings.items():  # Spark first: it makes the certificate that Airflow trusts
        host = Host(Settings(**fields), store, folder / "etc", folder / "state")
        texts |= {path.name: text for path, text in ROLES[role](host).items()}
    prefix = "airflow/connections/"
    connections = {name.removeprefix(prefix): json.loads(parameters[name]) for name in parameters if prefix in name}
    places = {str(folder / "state"): "/var/lib/lakehouse", str(folder): "/etc/lakehouse"}
    places |= {str(REPOSITORY): "/opt/lakehouse"}
    return properties(texts, connections, places)


def properties(
    texts: Mapping[str, str], connections: Mapping[str, Any], places: Mapping[str, str]
) -> dict[str, Properties]:
    """The properties of each file by name, without secrets and with the names of folders that people know."""
    lines = [line for line in texts["spark-defaults.conf"].splitlines() if line[:1] not in ("", "#")]
    airflow = configparser.RawConfigParser()
    airflow.read_string(texts["airflow.cfg"])
    sections = {section: dict(airflow[section]) for section in airflow.sections()}
    found: dict[str, Properties] = {
        "spark-defaults.conf": {line.split()[0]: line.split(maxsplit=1)[1] for line in lines},
        ".pyiceberg.yaml": yaml.safe_load(texts[".pyiceberg.yaml"])["catalog"]["lake"],
        "airflow.cfg": {f"[{name}] {key}": text for name, pairs in sections.items() for key, text in pairs.items()},
        "connections": {name: json.dumps(connection) for name, connection in connections.items()},
    }
    return {file: {name: shown(str(value), places) for name, value in pairs.items()} for file, pairs in found.items()}


def shown(value: str, places: Mapping[str, str]) -> str:
    for folder, name in places.items():
        value = value.replace(folder, name)
    return SECRET.sub("…", value)

"""Configuration files: templates of ``infra/`` filled with values, and secrets that are made up once."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterable
from pathlib import Path
from string import Template

REPOSITORY = Path(__file__).resolve().parents[1]
VENV = REPOSITORY / ".venv"
PYTHON = str(VENV / "bin" / "python")
SERVICE = str(REPOSITORY / "infra" / "service")
POOLS = {
    "spark": {"slots": 2, "description": "Tasks that compute in Spark at the same time", "include_deferred": False}
}
FIRST_VARIABLES = {"lakehouse_dataset": "ml-latest-small"}
"""Airflow variables that people change: they are set once, and never again."""
HADOOP_DEFAULTS = ("core", "mapred", "yarn")
"""Defaults of Hadoop that an empty file of the same name takes the place of.

Iceberg makes a Hadoop configuration for every Parquet file it writes, each of which parses 450 KB of XML about things
that this Spark does not use: a tenth of all it computed in a run on ml-latest-small.
"""


def infra(name: str) -> str:
    return (REPOSITORY / "infra" / name).read_text()


def filled(name: str, values: dict[str, object]) -> str:
    """A template of infra/ with values; raises KeyError for a name without one."""
    return Template(infra(f"{name}.template")).substitute(values)


def spark_conf(folder: Path, own: str) -> dict[Path, str]:
    """What a SPARK_CONF_DIR holds: what is the same everywhere, and the part of ``own`` after it."""
    return {
        folder / "spark-defaults.conf": infra("spark/spark-defaults.conf") + own,
        folder / "log4j2.properties": infra("spark/log4j2.properties"),
        **{folder / f"{name}-default.xml": "<configuration/>\n" for name in HADOOP_DEFAULTS},
    }


def airflow_environment(home: Path, pyiceberg_home: Path) -> dict[str, str]:
    """The environment variables of Airflow's components that are no settings of Airflow."""
    return {
        "AIRFLOW_HOME": str(home),
        "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'plugins'}",
        "PYICEBERG_HOME": str(pyiceberg_home),
        "PYSPARK_PYTHON": PYTHON,
        "GX_ANALYTICS_ENABLED": "false",
    }


def kept_secrets(file: Path, names: Iterable[str]) -> dict[str, str]:
    """Passwords and keys by name, made up on first use and kept in a file; "fernet" is a key of Fernet's form."""
    kept: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    made = {name: secrets.token_hex(32) for name in names}
    if "fernet" in made:
        made["fernet"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    if made.keys() - kept.keys():  # the first start, or one after there came a service
        kept = made | kept
        write_private(file, as_json(kept))
    return kept


def as_json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(path.name + ".new")
    half.unlink(missing_ok=True)
    half.touch(mode=0o600)
    half.write_text(text)
    half.replace(path)

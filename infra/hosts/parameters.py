"""Where a host finds secrets and what other hosts tell it: AWS Systems Manager, or a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Protocol

import boto3

from infra.files import write_private


class Parameters(Protocol):
    """Texts by name, such as ``spark/rpc-secret``."""

    def get(self, name: str) -> str | None:
        """The text, or None when there is none (yet)."""

    def put(self, name: str, value: str) -> None: ...

    def airflow_environment(self) -> dict[str, str]:
        """What lets Airflow find the connections and variables under ``airflow/`` by itself."""


class ParameterStore:
    """Parameters of AWS Systems Manager under a prefix; the role of the instance decides which it may read."""

    def __init__(self, prefix: str, region: str) -> None:
        self._prefix = prefix
        self._ssm = boto3.client("ssm", region_name=region)

    def get(self, name: str) -> str | None:
        try:
            found = self._ssm.get_parameter(Name=f"{self._prefix}/{name}", WithDecryption=True)
        except self._ssm.exceptions.ParameterNotFound:
            return None
        return str(found["Parameter"]["Value"])

    def put(self, name: str, value: str) -> None:
        self._ssm.put_parameter(Name=f"{self._prefix}/{name}", Value=value, Type="String", Overwrite=True)

    def airflow_environment(self) -> dict[str, str]:
        folder = f"{self._prefix}/airflow"
        prefixes = {"connections_prefix": f"{folder}/connections", "variables_prefix": f"{folder}/variables"}
        return {
            "AIRFLOW__SECRETS__BACKEND": (
                "airflow.providers.amazon.aws.secrets.systems_manager.SystemsManagerParameterStoreBackend"
            ),
            "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(prefixes | {"config_prefix": None}),
        }


class Folder:
    """One file a parameter."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, name: str) -> str | None:
        file = self._folder / name
        return file.read_text().strip() if file.exists() else None

    def put(self, name: str, value: str) -> None:
        write_private(self._folder / name, value)

    def airflow_environment(self) -> dict[str, str]:
        kinds = {"connections": "CONN", "variables": "VAR"}
        return {
            f"AIRFLOW_{kind}_{file.name.upper()}": file.read_text().strip()
            for folder, kind in kinds.items()
            for file in sorted((self._folder / "airflow" / folder).glob("*"))
        }

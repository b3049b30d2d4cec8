"""What the compose file promises, as checks of the parsed file that name what breaks it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from infra.files import REPOSITORY, SERVICE

Services = Mapping[str, Mapping[str, Any]]

STARTER = "/opt/lakehouse/infra/service"
SECRET_NAME = re.compile(r"password|secret|token|access.?key|fernet", re.IGNORECASE)
OF_A_FILE = re.compile(r"_FILE$")


def volumes(service: Mapping[str, Any]) -> dict[str, str]:
    """Where a service sees which named volume."""
    parts = (volume.split(":") for volume in service.get("volumes", []) if ":" in volume)
    return {name: place for name, place, *_ in parts}


def is_one_shot(service: Mapping[str, Any]) -> bool:
    return service["restart"] == "no"


def unpinned_images(services: Services) -> Iterator[str]:
    for name, service in services.items():
        tag = service["image"].partition(":")[2]
        if not tag or tag == "latest" or "$" in tag:
            yield f"{name}: {service['image']}"


def open_ports(services: Services) -> Iterator[str]:
    for name, service in services.items():
        yield from (f"{name}: {port}" for port in service.get("ports", []) if not str(port).startswith("127.0.0.1:"))


def inline_secrets(services: Services) -> Iterator[str]:
    """Variables that are named as secrets are and hold one, and words of commands that hold one."""
    for name, service in services.items():
        environment = service.get("environment", {})
        yield from (
            f"{name}: {variable}"
            for variable in environment
            if SECRET_NAME.search(variable) and not OF_A_FILE.search(variable)
        )
        words = [*service.get("entrypoint", []), *service.get("command", []), *service.get("build", {}).get("args", {})]
        yield from (f"{name}: {word}" for word in words if SECRET_NAME.search(word))


def without_health(services: Services) -> Iterator[str]:
    yield from (name for name, service in services.items() if not is_one_shot(service) and "healthcheck" not in service)


def as_root(services: Services) -> Iterator[str]:
    for name, service in services.items():
        if str(service.get("user", "root")).partition(":")[0] in ("root", "0"):
            yield name


def loosely_confined(services: Services) -> Iterator[str]:
    for name, service in services.items():
        if not (
            service.get("read_only") is True
            and service.get("cap_drop") == ["ALL"]
            and "no-new-privileges:true" in service.get("security_opt", [])
            and not service.get("cap_add")
            and not service.get("privileged")
            and "mem_limit" in service
        ):
            yield name


def unknown_dependencies(services: Services) -> Iterator[str]:
    """Dependencies that are not there, that a profile leaves out, or that wait for what never comes."""
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            if needed not in services:
                yield f"{name}: {needed} is not there"
            elif not set(services[needed].get("profiles", [])) <= set(service.get("profiles", [])):
                yield f"{name}: {needed} is left out without its profile"
            elif is_one_shot(services[needed]) != (how["condition"] == "service_completed_successfully"):
                yield f"{name}: {needed} is waited for by {how['condition']}"


def commands_of_their_own(services: Services) -> Iterator[str]:
    """Services of Spark and Airflow that are not started by infra/service with a name that it knows."""
    for name, service in services.items():
        command = service.get("command", [])
        if name.startswith(("spark", "airflow")) and (command[:1] != [STARTER] or command[1:] not in known_services()):
            yield f"{name}: {command}"


def known_services() -> list[list[str]]:
    """The names that infra/service has a case for."""
    cases = re.findall(r"^  ([a-z][a-z| -]+)\)$", Path(SERVICE).read_text(), re.MULTILINE)
    return [[name.strip()] for case in cases for name in case.split("|")]


AIRFLOW = {f"airflow-{name}" for name in ("database", "api-server", "scheduler", "dag-processor", "triggerer")}
ALLOWED = {
    "secrets": {"configure"},
    "postgres-etc": {"configure", "postgres"},
    "s3-etc": {"configure", "s3", "s3-buckets"},
    "kafka-etc": {"configure", "kafka"},
    "spark-etc": {"configure", "spark-tls", "spark-master", "spark-connect"},
    "worker-etc": {"configure", "spark-worker", "spark-further-worker"},
    "airflow-etc": {"configure", "kafka-topic", *AIRFLOW},
    "airflow-state": {"configure", "kafka-topic", *AIRFLOW},
}
"""Who may mount a volume with secrets."""


def strangers(services: Services) -> Iterator[str]:
    """Services that mount secrets that are not theirs, or that could change their own."""
    for name, service in services.items():
        yield from (f"{name}: {volume}" for volume in volumes(service) if name not in ALLOWED.get(volume, {name}))
        if name != "configure":
            written = (v for v in service.get("volumes", []) if "/etc/" in v or "initdb" in v)
            yield from (f"{name} may write {volume}" for volume in written if not volume.endswith(":ro"))


def undeclared_volumes(services: Services) -> Iterator[str]:
    """Volumes that nobody declared, and folders of the machine."""
    declared = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["volumes"]
    for name, service in services.items():
        yield from (f"{name}: {volume}" for volume in volumes(service) if volume not in declared)

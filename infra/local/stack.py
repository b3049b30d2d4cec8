"""Start, stop and show the local stack: ``python -m infra.local.stack up|down|status [service ...]``.

Without services all are meant, Kafka only where the environment has KAFKA=1.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined]  # its stubs do not export it
from psycopg2 import sql

from infra.files import PYTHON, REPOSITORY
from infra.local import processes, supervision
from infra.local.config import HOST, Stack, StackError
from infra.local.services import (
    AIRFLOW,
    INFRASTRUCTURE,
    SERVICES,
    STREAM,
    airflow_environment,
    connect_as_superuser,
    is_listening,
    kafka_admin,
)

PARTITIONS = 3
RETENTION = timedelta(days=7)


def up(stack: Stack, names: Iterable[str]) -> None:
    """Start services and wait until they are healthy; what already runs is left alone.

    Raises StackError, which says what to do, when one does not come up.
    """
    stack.check()
    prepare(stack, names)
    infrastructure = [name for name in (*INFRASTRUCTURE, *STREAM) if name in names]
    airflow = [name for name in AIRFLOW if name in names]
    with ThreadPoolExecutor() as pool:
        begin(stack, infrastructure)
        healthy = {name: pool.submit(wait, stack, name) for name in infrastructure}
        if "postgres" in healthy:
            healthy["postgres"].result()
            create_databases(stack)
        if airflow:
            migrate_airflow(stack)
            begin(stack, airflow)
            healthy |= {name: pool.submit(wait, stack, name) for name in airflow}
        for name in healthy:
            healthy[name].result()
    if "s3" in healthy:
        create_buckets(stack)
    if "kafka" in healthy:
        create_topic(stack)


def prepare(stack: Stack, names: Iterable[str]) -> None:
    """Start the supervisor on fresh configuration files, unless it runs on the same ones."""
    if supervision.is_running(stack):
        if changed := stack.changed_files():
            raise StackError(f"the running stack has other settings ({changed[0].name}): run `make down` first")
        return
    processes.end(stack.state)
    for name in names:
        port = stack.ports.get(name)
        if port and is_listening(port):
            raise StackError(
                f"port {port}, which {name} needs, is in use: "
                f"choose another PORT_OFFSET or stop the program that listens on {HOST}:{port}"
            )
    stack.write_files()
    supervision.start(stack)


def begin(stack: Stack, names: Iterable[str]) -> None:
    for name in names:
        if supervision.state(stack, name) not in ("running", "starting"):
            supervision.ask(stack, "startProcess", name, False)


def wait(stack: Stack, name: str) -> None:
    """Wait until a service is healthy and say so. Raises StackError with the end of its log when it takes too long."""
    service = SERVICES[name](stack)
    began = time.monotonic()
    while not service.healthy():
        state = supervision.state(stack, name)
        if state == "fatal" or time.monotonic() - began > service.seconds:
            raise StackError(f"{name} does not come up ({state}); {end_of(stack.logs / f'{name}.log')}")
        time.sleep(0.1)  # services do not tell when they are healthy
    say_up(name, began)


def say_up(name: str, began: float) -> None:
    print(f"{name:<22} up after {time.monotonic() - began:4.1f} s", flush=True)


def end_of(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join([f"the end of {log}:", *(f"  {line}" for line in lines[-20:])])


def create_databases(stack: Stack) -> None:
    """Make two databases, each with an owner of its own."""
    connection = connect_as_superuser(stack)
    connection.autocommit = True  # CREATE DATABASE refuses a transaction
    with connection.cursor() as cursor:
        cursor.execute("SET log_min_error_statement = 'panic'")  # or a failing statement is logged with its password
        for name in ("airflow", "lake"):
            cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", [name])
            if not cursor.rowcount:
                role = sql.SQL("CREATE ROLE {} LOGIN PASSWORD %s").format(sql.Identifier(name))
                cursor.execute(role, [stack.secrets[f"{name}_database"]])
            cursor.execute("SELECT FROM pg_database WHERE datname = %s", [name])
            if not cursor.rowcount:
                cursor.execute(sql.SQL("CREATE DATABASE {0} OWNER {0}").format(sql.Identifier(name)))
    connection.close()


def create_buckets(stack: Stack) -> None:
    client = boto3.client("s3", **stack.s3_options)
    for bucket in {"lake", "site"} - {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}:
        client.create_bucket(Bucket=bucket)


def create_topic(stack: Stack) -> None:
    """Make the topic of the ratings, unless it is there; what it has then may have been changed on purpose."""
    admin, name = kafka_admin(stack), stack.variables()["lakehouse_topic"]
    if name not in admin.list_topics(timeout=10).topics:
        kept = {"retention.ms": str(RETENTION // timedelta(milliseconds=1))}
        topic = NewTopic(name, num_partitions=PARTITIONS, replication_factor=1, config=kept)
        admin.create_topics([topic])[name].result(timeout=10)


def migrate_airflow(stack: Stack) -> None:
    """Bring Airflow's database to this version and these settings; it takes seconds, so only when one changed."""
    folder = stack.conf / "airflow"
    inputs = [*sorted(folder.glob("*.json")), REPOSITORY / "requirements.txt"]
    wanted = hashlib.sha256(b"".join(file.read_bytes() for file in inputs)).hexdigest()
    stamp = folder / "imported"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    began = time.monotonic()
    log = stack.logs / "airflow-database.log"
    with log.open("w") as output:
        command = [PYTHON, "-m", "infra.local.metadata", str(folder)]
        environment = supervision.environment(stack) | airflow_environment(stack)
        failed = subprocess.run(
            command, env=environment, cwd=REPOSITORY, stdout=output, stderr=subprocess.STDOUT, check=False
        ).returncode
    if failed:
        raise StackError(f"Airflow's database cannot be prepared; {end_of(log)}")
    stamp.write_text(wanted)
    say_up("airflow's database", began)


def down(stack: Stack) -> None:
    supervision.stop(stack)


def status(stack: Stack, names: Iterable[str]) -> bool:
    """Print a table of the services; true when all are healthy."""
    running = supervision.is_running(stack)
    verdicts = []
    stopped: dict[str, Any] = {"pid": 0, "statename": "STOPPED"}
    print(f"{'service':<22} {'pid':>8} {'state':<8} {'port':>5} {'health':<9} {'memory':>8}")
    for name in names:
        info = supervision.ask(stack, "getProcessInfo", name) if running else stopped
        verdicts.append(bool(info["pid"]) and SERVICES[name](stack).healthy())
        health = "healthy" if verdicts[-1] else "unhealthy"
        state = info["statename"].lower()
        megabytes = processes.memory(info["pid"]) / 2**20
        pid, port = info["pid"] or "-", stack.ports.get(name, "-")
        print(f"{name:<22} {pid:>8} {state:<8} {port:>5} {health:<9} {megabytes:>5.0f} MB")
    return all(verdicts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["up", "down", "status"])
    parser.add_argument("services", nargs="*", help=f"one of {', '.join(SERVICES)}")
    arguments = parser.parse_args()
    if unknown := set(arguments.services) - set(SERVICES):
        parser.error(f"no such service: {', '.join(unknown)}")
    stream = STREAM if os.environ.get("KAFKA") == "1" else {}
    names = arguments.services or [*INFRASTRUCTURE, *stream, *AIRFLOW]
    stack = Stack.from_environment()
    if arguments.command == "status":
        return 0 if status(stack, names) else 1
    if arguments.command == "up":
        up(stack, names)
    else:
        down(stack)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except StackError as error:
        sys.exit(str(error))

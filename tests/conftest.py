"""A stack of its own for the whole test session; each part starts when the first test asks for it."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

# Airflow reads this once, when it is imported; without it, it would write to the home folder.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="lakehouse-airflow-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"

from infra.files import REPOSITORY
from infra.local.config import HOST, Stack
from infra.local.services import AIRFLOW, INFRASTRUCTURE, STREAM
from infra.local.stack import down, up
from tests.fixtures.programs import need, without

# The browser talks to the page and to nobody else.
QUIET = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_configure() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what the session has started is ended then too


def pytest_unconfigure() -> None:
    shutil.rmtree(os.environ["AIRFLOW_HOME"], ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Quick tests first; the one that kills services last, for the sessions of other tests die with them."""
    items.sort(key=lambda item: ("test_faults" in item.nodeid, item.get_closest_marker("integration") is not None))


@pytest.fixture(scope="session")
def new_stack() -> Iterator[Any]:
    """A function that makes the settings of another empty stack, stopped and deleted at the end of the session."""
    jars = Stack.from_environment().state / "jars"
    made: list[Stack] = []

    def make() -> Stack:
        state = Path(tempfile.mkdtemp(prefix="lake house-"))  # a blank in the path must not matter
        (state / "jars").symlink_to(jars)
        made.append(Stack(state, free_port_offset(taken={stack.port_offset for stack in made})))
        return made[-1]

    yield make
    for stack in made:
        down(stack)
        shutil.rmtree(stack.state)


def free_port_offset(taken: set[int]) -> int:
    """An offset at which every port of a stack is free; drawn, so that sessions that start together do not collide."""
    for offset in random.sample(range(5000, 17000), 1000):
        if offset not in taken and all(is_free(port) for port in Stack(Path(), offset).ports.values()):
            return offset
    raise RuntimeError("no free port offset")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


@pytest.fixture(scope="session")
def stack(new_stack: Any) -> Iterator[Stack]:
    """A running Postgres, S3 and Spark, with Airflow's connections and variables in the environment."""
    stack = new_stack()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_DRIVER_MEMORY", "2g")
        patch.setenv("PYICEBERG_HOME", str(stack.state))
        for name, value in stack.connections().items():
            patch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(value))
        for name, value in stack.variables().items():
            patch.setenv(f"AIRFLOW_VAR_{name.upper()}", value)
        up(stack, INFRASTRUCTURE)
        yield stack


@pytest.fixture(scope="session")
def spark(stack: Stack) -> Iterator[Any]:
    from pyspark.sql import SparkSession

    session = SparkSession.builder.remote(stack.spark_url).getOrCreate()
    yield session
    session.stop()


@pytest.fixture(scope="session")
def catalog(stack: Stack) -> Iterator[Any]:
    """The catalog ``lake`` in pyiceberg; code under test that loads it gets the same one."""
    import pyiceberg.catalog
    from pyiceberg.utils.config import Config

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pyiceberg.catalog, "_ENV_CONFIG", Config())  # it was read when something imported pyiceberg
        yield pyiceberg.catalog.load_catalog("lake")


@pytest.fixture(scope="session")
def lake_tables(spark: Any, catalog: Any) -> Any:
    """The catalog ``lake`` with every table that has a contract, each with an empty first snapshot."""
    from lakehouse.contracts import follow_contracts, tables_with_contract

    for table in follow_contracts(spark, catalog, tables_with_contract()):
        if table.current_snapshot() is None:
            table.append(table.schema().as_arrow().empty_table())
    return catalog


@pytest.fixture(scope="session")
def s3(stack: Stack) -> Any:
    import boto3

    return boto3.client("s3", **stack.s3_options)


@pytest.fixture(scope="session")
def airflow(stack: Stack) -> Iterator[Any]:
    """Airflow on the same stack: a client of its REST API, logged in."""
    from infra.local.airflow_api import AirflowApi

    up(stack, [*INFRASTRUCTURE, *AIRFLOW])
    with AirflowApi(stack.airflow_url, stack.secrets["admin"]) as api:
        yield api


@pytest.fixture(scope="session")
def kafka(stack: Stack) -> Stack:
    """The same stack, with a running Kafka broker."""
    up(stack, [*INFRASTRUCTURE, *STREAM])
    return stack


@pytest.fixture(scope="session")
def movielens() -> Path:
    """The folder of the real ml-latest-small, named by MOVIELENS."""
    folder = Path(os.environ.get("MOVIELENS") or REPOSITORY.parent / "shared" / "data" / "ml-latest-small").resolve()
    if not (folder / "ratings.csv").exists():
        without(f"no MovieLens data in {folder}: set MOVIELENS to the folder of ml-latest-small")
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's chromium, installed when this user may; without one the test is skipped, in CI it fails."""
    need({"chromium": "chromium"})
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=[*QUIET, *sandbox])
        yield launched
        launched.close()

"""An AWS account of its own: moto's server, what Terraform makes in it, and processes of its hosts.

Our code finds the account as it finds AWS, by what the SDKs read from the environment and the instance's metadata. One
address must be configured, that of S3 for pyiceberg: pyarrow reads none from the environment. docs/unproven.md has what
this cannot show.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from infra.checks import environment
from infra.files import REPOSITORY, SERVICE, write_private
from infra.hosts.configure import ROLES as FILES_OF
from infra.hosts.configure import Host, Settings
from infra.hosts.parameters import ParameterStore
from infra.local.config import HOST, Stack
from infra.local.services import answer_of, is_listening, java
from tests.infra.aws.account import LAKE, PARAMETERS, REGION, ROLES, SPARK_TOKEN, Account
from tests.infra.aws.instances import metadata_service, process_with

KEPT = ("AIRFLOW_HOME", "AIRFLOW__CORE__LOAD_EXAMPLES", "HOME", "LANG", "PATH", "TMPDIR")
"""What a process of a host takes over from that of the tests."""
ONE_MACHINE = {"spark.master": "local[2,4]", "spark.driver.bindAddress": HOST, "spark.ui.enabled": "false"} | {
    f"spark.{name}": "0" for name in ("driver.port", "driver.blockManager.port", "blockManager.port")
}
"""Settings that put the cluster into one process, on ports that are free. A task has four tries, as it has there."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("aws")


@pytest.fixture(scope="session")
def processes(folder: Path) -> Iterator[Callable[..., None]]:
    """A function that starts a program and waits until it answers; ended at the end of the session."""
    with ExitStack() as running:

        def start(name: str, command: list[str], env: dict[str, str], answers: Callable[[], object]) -> None:
            log = folder / f"{name}.log"
            with log.open("wb") as output:
                process = subprocess.Popen(command, env=env, stdout=output, stderr=output, start_new_session=True)
            running.callback(process.wait, 20)
            running.callback(os.killpg, process.pid, signal.SIGKILL)
            deadline = time.monotonic() + 120
            while not answers():
                assert process.poll() is None, log.read_text()[-2000:]
                assert time.monotonic() < deadline, f"{name} does not answer"
                time.sleep(0.1)  # a process does not tell when it is ready

        yield start


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def bare_account(processes: Callable[..., None]) -> Account:
    """An empty account, that obeys everybody."""
    port = free_port()
    account = Account(f"http://{HOST}:{port}")
    command = [str(environment.python()), str(REPOSITORY / "tests" / "infra" / "aws" / "server.py")]
    processes("aws", [*command, "-p", str(port)], dict(os.environ), lambda: answer_of(account.url) is not None)
    return account


@pytest.fixture(scope="session")
def roles(bare_account: Account) -> dict[str, dict[str, Any]]:
    """The credentials of the hosts' roles."""
    return {role: bare_account.make_role(role) for role in ROLES}


@pytest.fixture(scope="session")
def account(bare_account: Account, roles: dict[str, dict[str, Any]]) -> Account:
    """What Terraform makes in an account, as its owner sees it; who sends a request must be allowed to."""
    bare_account.make_buckets()
    bare_account.make_parameters()
    owner = bare_account.make_owner()
    bare_account.judge_requests()
    return owner


@pytest.fixture(scope="session")
def environments(account: Account, roles: dict[str, dict[str, Any]]) -> Iterator[dict[str, dict[str, str]]]:
    """The environment of a process on the host of each role: where AWS is, and no key."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    with ExitStack() as services:
        yield {
            role: kept
            | {
                "AWS_ENDPOINT_URL": account.url,
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": services.enter_context(
                    metadata_service(role, credentials, REGION)
                ),
            }
            for role, credentials in roles.items()
        }


@pytest.fixture(scope="session")
def configured(account: Account, folder: Path, environments: dict[str, dict[str, str]]) -> Callable[..., Path]:
    """A function that configures a host as it does itself, as its role, and returns the folder of its configuration."""

    def configured(role: str, **own: Any) -> Path:
        etc, state = folder / role / "etc", folder / role / "state"
        state.mkdir(parents=True)
        (state / "jars").symlink_to(Stack.from_environment().state / "jars")
        catalog = {"type": "glue"}
        settings = Settings(role, "localhost", REGION, LAKE, PARAMETERS, catalog, **own)
        with process_with(environments[role]) as on_host:
            on_host(write_configuration, settings, etc, state)
        return etc

    return configured


def write_configuration(settings: Settings, etc: Path, state: Path) -> None:
    host = Host(settings, ParameterStore(settings.parameters, settings.region), etc, state)
    for path, text in FILES_OF[settings.role](host).items():
        write_private(path, text)


def variables(file: Path) -> dict[str, str]:
    """The variables of a file that configure has written."""
    lines = (line.split("=", 1) for line in file.read_text().splitlines())
    return {name: json.loads(value) for name, value in lines}


@pytest.fixture(scope="session")
def spark_url(
    configured: Callable[..., Path], environments: dict[str, dict[str, str]], processes: Callable[..., None]
) -> str:
    """A Spark Connect server on the host of the role spark."""
    port = free_port()
    etc = configured("spark", spark=ONE_MACHINE | {"spark.connect.grpc.binding.port": str(port)})
    own = {"SPARK_LOCAL_IP": HOST, "SPARK_DRIVER_MEMORY": "1g", "JAVA_HOME": java().removesuffix("/bin/java")}
    env = environments["spark"] | variables(etc / "spark.env") | own
    processes("spark", [SERVICE, "spark-connect"], env, lambda: is_listening(port))
    return f"sc://localhost:{port}/;token={SPARK_TOKEN}"


@pytest.fixture(scope="session")
def on_airflow_host(
    spark_url: str, account: Account, configured: Callable[..., Path], environments: dict[str, dict[str, str]]
) -> Iterator[Callable[..., Any]]:
    """A function that calls functions in a process on the host of the role airflow."""
    etc = configured("airflow", pyiceberg={"s3.endpoint": account.url})
    env = environments["airflow"] | variables(etc / "airflow.env") | {"SPARK_REMOTE": spark_url}
    with process_with(env) as on_host:
        yield on_host

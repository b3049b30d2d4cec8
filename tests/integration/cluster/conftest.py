"""A cluster as on AWS: hosts in network namespaces behind the security groups, made by the bootstrap, run by the units.

What stands for AWS is one more machine with moto's server, which judges each request by the policies of the Terraform
files. No host has a key of its own: each gets the credentials of its role from its metadata service.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from infra.checks import environment
from infra.files import REPOSITORY
from infra.local.airflow_api import AirflowApi
from infra.local.config import Stack
from infra.local.setup import is_stamped
from tests.fixtures.programs import need
from tests.infra.aws.account import LAKE, PARAMETERS, REGION, ROLES, SITE, Account
from tests.infra.aws.instances import metadata_service
from tests.integration.cluster.machines import Machine, Root, connect, in_network, switched_on
from tests.integration.cluster.rules import nftables, security_group_rules
from tests.integration.cluster.units import Services

ADDRESSES = {"airflow": "10.77.0.20", "spark": "10.77.0.30", "worker-1": "10.77.0.41", "worker-2": "10.77.0.42"}
GROUPS = {"airflow": "airflow", "spark": "spark", "worker-1": "worker", "worker-2": "worker"}
AWS, METADATA = "10.77.0.2", "169.254.169.254"
URL = f"http://{AWS}:443"
TOOLS = {"debootstrap": "debootstrap", "ip": "iproute2", "nft": "nftables", "nsenter": "util-linux"}
UNITS = {
    "spark": ["spark@master", "spark@connect", "spark@tls"],
    "worker": ["spark@worker"],
    "airflow": [
        "airflow-database",
        *(f"airflow@{component}" for component in ("api-server", "scheduler", "dag-processor", "triggerer")),
    ],
}
VARIABLES = {
    "dataset_folder": "/var/lib/lakehouse/datasets",
    "jars": "/var/lib/lakehouse/jars",
    "site_url": f"http://{SITE}.s3-website.{REGION}.amazonaws.com",
}
SIZES = {"spark.driver.memory": "2g", "spark.executor.memory": "1500m", "spark.executor.cores": "1"}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Everything that the cluster keeps; its logs stay until the next time."""
    path = Stack.from_environment().state / "cluster"
    shutil.rmtree(path, ignore_errors=True)
    (path / "logs").mkdir(parents=True)
    yield path
    for part in path.iterdir():
        if part.name != "logs":
            shutil.rmtree(part) if part.is_dir() else part.unlink()


@pytest.fixture(scope="session")
def debian() -> Path:
    """A minimal Debian 12, kept with the state of this checkout."""
    need(TOOLS, root=True)
    root = Stack.from_environment().state / "debian"
    if not is_stamped(root, "bookworm"):
        shutil.rmtree(root, ignore_errors=True)
        packages = "--include=systemd,systemd-sysv"
        command = ["debootstrap", "--variant=minbase", packages, "bookworm", str(root)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        (root / ".stamp").write_text("bookworm")
    return root


@pytest.fixture(scope="module")
def bootstrapped(debian: Path, folder: Path) -> dict[str, Root]:
    """The root of each role: the bootstrap has run in it, with the files of this checkout as its code."""
    code = Root(folder / "code", (debian,))
    copy = code.files / "opt" / "lakehouse"
    copy.mkdir(parents=True)
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, cwd=REPOSITORY, capture_output=True, check=True).stdout
    packed = subprocess.run(["tar", "--null", "-T", "-", "-c"], cwd=REPOSITORY, input=names, stdout=-1, check=True)
    subprocess.run(["tar", "-x", "--no-same-owner"], cwd=copy, input=packed.stdout, check=True)
    trust_what_this_machine_trusts(code)
    caches = {Path.home() / ".ivy2": "/root/.ivy2", uv_cache(): "/root/.cache/uv"}
    roots: dict[str, Root] = {}
    for role, below in {"worker": "code", "spark": "worker", "airflow": "worker"}.items():
        roots[role] = Root(folder / role, roots[below].layers if below in roots else code.layers)
        roots[role].write("/etc/lakehouse/settings.json", json.dumps({"role": role}))
        log = folder / "logs" / f"bootstrap.{role}.log"
        roots[role].run(["/opt/lakehouse/infra/hosts/bootstrap"], log, caches, seconds=900)
    return roots


def trust_what_this_machine_trusts(root: Root) -> None:
    """Registries may be reached through a proxy with an authority of its own."""
    bundle = Path("/etc/ssl/certs/ca-certificates.crt").read_text()
    for number, text in enumerate(re.findall(r"-----BEGIN CERT.*?END CERTIFICATE-----\n", bundle, re.DOTALL)):
        root.write(f"/usr/local/share/ca-certificates/outside-{number}.crt", text)


def uv_cache() -> Path:
    found = subprocess.run([REPOSITORY / ".venv/bin/uv", "cache", "dir"], capture_output=True, text=True, check=True)
    (Path.home() / ".ivy2").mkdir(exist_ok=True)
    folder = Path(found.stdout.strip())
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@dataclass
class Cluster:
    """The services of each host; those of AWS are those of "aws", an account that one may ask as its owner."""

    services: dict[str, Services]
    account: Account

    def machine(self, name: str) -> Machine:
        return self.services[name].machine


@pytest.fixture(scope="module")
def recent(movielens: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ratings and tags of ml-latest-small since 2018, and all of its movies: all that the services do, less often.

    What AWS is here answers one request after the other, and every month costs some.
    """
    folder = tmp_path_factory.mktemp("datasets") / "recent"
    shutil.copytree(movielens, folder)
    since = datetime(2018, 1, 1, tzinfo=UTC).timestamp()
    for name in ("ratings", "tags"):
        file = folder / f"{name}.csv"
        header, *lines = file.read_text().splitlines(keepends=True)
        file.write_text(header + "".join(line for line in lines if int(line.rpartition(",")[2]) >= since))
    return folder


@pytest.fixture(scope="module")
def cluster(bootstrapped: dict[str, Root], folder: Path, recent: Path) -> Iterator[Cluster]:
    """Airflow, Spark and two workers, running."""
    switch, aws = Machine("switch", ""), Machine("aws", AWS)
    hosts = {
        name: Machine(name, address, Root(folder / "hosts" / name, bootstrapped[GROUPS[name]].layers))
        for name, address in ADDRESSES.items()
    }
    services = {name: Services(machine, folder / "logs") for name, machine in {"aws": aws, **hosts}.items()}
    with ExitStack() as stack:
        for each in services.values():
            stack.callback(each.stopped)
        for machine in (switch, aws, *hosts.values()):
            stack.enter_context(switched_on(machine))
        connect([aws, *hosts.values()], switch)
        owner, roles = open_account(services["aws"])
        close(hosts)
        for name, machine in hosts.items():
            equip(machine, GROUPS[name])
            with inside(machine):
                role = GROUPS[name]
                stack.enter_context(metadata_service(role, roles[role], REGION, (METADATA, 80)))
            shutil.copytree(recent, Path(f"/proc/{machine.pid}/root/srv/recent"))
        start(services)
        yield Cluster(services, owner)


def open_account(aws: Services) -> tuple[Account, dict[str, dict[str, Any]]]:
    """Start what stands for AWS, with what Terraform makes there; return it as its owner sees it, and the roles."""
    server = str(REPOSITORY / "tests" / "infra" / "aws" / "server.py")
    aws.run("server", aws.machine.enter(str(environment.python()), server, "-H", AWS, "-p", "443"))
    aws.wait_for_port(443, AWS)
    account = Account(URL)
    with inside(aws.machine):
        account.make_buckets()
        account.make_parameters()
        for name, value in VARIABLES.items():
            account.client("ssm").put_parameter(
                Name=f"{PARAMETERS}/airflow/variables/lakehouse_{name}", Value=value, Type="String"
            )
        roles = {role: account.make_role(role) for role in ROLES}
        owner = account.make_owner()
        account.judge_requests()
    return owner, roles


def close(hosts: dict[str, Machine]) -> None:
    """Give each host the firewall of its security group, and the way to the services of AWS."""
    rules = security_group_rules()
    addresses: dict[str, list[str]] = {}
    for name, machine in hosts.items():
        addresses.setdefault(GROUPS[name], []).append(machine.address)
    for name, machine in hosts.items():
        table = nftables(GROUPS[name], addresses, rules)
        subprocess.run(in_network(machine, "nft", "-f", "-"), input=table, text=True, check=True, timeout=30)
        address = in_network(machine, "ip", "address", "add", METADATA, "dev", "lo")
        subprocess.run(address, check=True, timeout=30)


def equip(machine: Machine, role: str) -> None:
    """Write what cloud-init writes, and where the services of AWS are here."""
    settings = {
        "role": role,
        "spark_host": "spark.lakehouse.internal",
        "region": REGION,
        "lake_bucket": LAKE,
        "parameters": PARAMETERS,
        "catalog": {"type": "glue"},
        "spark": SIZES,
        "pyiceberg": {"s3.endpoint": URL},  # pyarrow takes no address from the environment
    }
    if role == "worker":
        settings["environment"] = {"SPARK_WORKER_CORES": "1", "SPARK_WORKER_MEMORY": "2g"}
    write(machine, "/etc/lakehouse/settings.json", json.dumps(settings))
    write(machine, "/etc/lakehouse/host.env", f'AWS_ENDPOINT_URL="{URL}"\n')
    names = {f"{name}.lakehouse.internal": address for name, address in ADDRESSES.items()}
    hosts = {"localhost": "127.0.0.1", machine.name: machine.address} | names
    write(machine, "/etc/hosts", "".join(f"{address} {name}\n" for name, address in hosts.items()))


def write(machine: Machine, path: str, text: str) -> None:
    subprocess.run(machine.enter("tee", path), input=text, text=True, check=True, stdout=subprocess.DEVNULL, timeout=30)


def start(hosts: dict[str, Services]) -> None:
    """Start the units in the order in which systemd would."""
    for name in ("spark", "worker-1", "worker-2", "airflow"):
        hosts[name].start("configure")
        if name == "airflow":
            hosts[name].machine.run("pg_ctlcluster", "15", "lakehouse", "start")
        for unit in UNITS[GROUPS[name]]:
            hosts[name].start(unit)
    hosts["spark"].wait_for_port(15002)
    hosts["airflow"].wait_for_port(8080, seconds=180)


@contextmanager
def inside(machine: Machine) -> Iterator[None]:
    """Connections that this thread opens begin in the machine's network, as Session Manager's port forwarding does."""
    libc = ctypes.CDLL("libc.so.6", use_errno=True)
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    other = os.open(f"/proc/{machine.pid}/ns/net", os.O_RDONLY)

    def enter(namespace: int) -> None:
        if libc.setns(namespace, 0):
            raise OSError(ctypes.get_errno(), "setns")

    enter(other)
    try:
        yield
    finally:
        enter(own)
        os.close(own)
        os.close(other)


@contextmanager
def airflow_of(cluster: Cluster) -> Iterator[AirflowApi]:
    """A client of the cluster's Airflow; this thread's other connections begin on its host too until the end."""
    secrets = cluster.machine("airflow").run("cat", "/var/lib/lakehouse/airflow/secrets.json").stdout
    with inside(cluster.machine("airflow")):
        patient = retry(retry=retry_if_exception_type(httpx.HTTPError), wait=wait_fixed(1), stop=stop_after_delay(120))
        with patient(AirflowApi)("http://127.0.0.1:8080", json.loads(secrets)["admin"]) as api:
            yield api

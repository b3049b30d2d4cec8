"""The whole DAG on a cluster, through the firewalls of the security groups and by the policies of the roles."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lakehouse.serving import Release, load_release
from lakehouse.tables import EVENTS, RELEASED
from tests.fixtures.digests import digest
from tests.fixtures.lake import mains_restored, rewind
from tests.fixtures.loads import load
from tests.infra.aws.account import LAKE, RPC_SECRET, SITE, SPARK_TOKEN
from tests.integration.cluster import clients
from tests.integration.cluster.conftest import GROUPS, UNITS, Cluster, airflow_of, inside
from tests.integration.cluster.reach import as_table, reaches
from tests.integration.conftest import DAG, RUN_SECONDS, end_scheduled_run, finish

pytestmark = pytest.mark.integration

PYTHON = "/opt/lakehouse/.venv/bin/python"
CONF = {"dataset": "/srv/recent", "from_month": "2018-01", "to_month": "2018-12"}
CRASHES = {
    "bronze.audit": ("spark", "spark@master"),
    "silver.write": ("worker-1", "spark@worker"),
    "gold.audit": ("spark", "spark@connect"),
}
"""Which service of which host is killed in which task."""
AT_WORK = 3
"""Seconds after its start at which a task is in the middle of its work."""
NEEDED = {
    ("airflow", "spark"): {15003},
    ("worker", "spark"): {7077, 7078, 7079},
    ("spark", "worker"): {7081, 7082, 7083, 7084, 7085},
    ("worker", "worker"): {7082, 7083, 7084, 7085},
}
"""The ports that one kind of host needs on another."""
TEMPTING = [22, 4040, 5432, 6066, 8080, 8081, 8793, 15002]
"""Ports of logins, of user interfaces, of a database, of what listens on the host itself only."""


VERIFY = "systemd-analyze verify --man=no {} 2>&1"
PROCESSES = r"for p in /proc/[0-9]*; do echo $(stat --format=%U $p) $(tr '\0' ' ' < $p/cmdline); done 2> /dev/null"
EACH_ROLE = pytest.mark.parametrize("host", ["airflow", "spark", "worker-1"])


@dataclass(frozen=True)
class Disturbed:
    """A run during which services crashed and were started again."""

    state: str
    tries: dict[str, int]
    release_id: str


@pytest.fixture(scope="module")
def disturbed(cluster: Cluster) -> Disturbed:
    with airflow_of(cluster) as airflow:
        run_id = airflow.trigger(DAG, CONF)
        for task_id, (host, unit) in CRASHES.items():
            wait_for(airflow, run_id, task_id)
            time.sleep(AT_WORK)  # a kill at the very start would meet no work
            cluster.services[host].kill(unit)
        state = finish(airflow, run_id)["run"]
        end_scheduled_run(airflow)
        tries = {task["task_id"]: task["try_number"] for task in airflow.tasks(DAG, run_id)}
        return Disturbed(state, tries, airflow.result(DAG, run_id, "release"))


@pytest.fixture(scope="module")
def local(spark: Any, lake_tables: Any, recent: Path) -> Release:
    """The release of the same months on the local stack, whose tables are then as they were."""
    with mains_restored(lake_tables, *RELEASED, EVENTS):
        rewind(lake_tables, *RELEASED, EVENTS)
        return load_release(load(spark, recent, CONF["from_month"], CONF["to_month"]))


def wait_for(airflow: Any, run_id: str, task_id: str) -> None:
    deadline = time.monotonic() + RUN_SECONDS
    while not any(task["task_id"] == task_id and task["state"] == "running" for task in airflow.tasks(DAG, run_id)):
        assert time.monotonic() < deadline, f"{task_id} never ran"
        time.sleep(0.1)  # the API has no call that waits for a task


def python_on(cluster: Cluster, host: str, program: str, *arguments: str, **variables: str) -> str:
    """What a program prints that runs in the environment of Airflow, but for some variables."""
    return cluster.services[host].say("airflow@scheduler", [PYTHON, "-c", program, *arguments], **variables)


def test_gold_is_that_of_a_local_run_although_master_worker_and_connect_server_crashed(
    disturbed: Disturbed, cluster: Cluster, local: Release
) -> None:
    gold = {name: list(digest(local.read(name))) for name in local.tables if name.startswith("gold.")}

    assert disturbed.state == "success"
    assert json.loads(python_on(cluster, "airflow", clients.DIGESTS, disturbed.release_id)) == gold
    assert len(gold) == 7


def test_the_loss_of_master_or_a_worker_costs_time_and_that_of_the_connect_server_a_try(disturbed: Disturbed) -> None:
    assert disturbed.tries["bronze.audit"] == disturbed.tries["silver.write"] == 1
    assert disturbed.tries["gold.audit"] > 1


def test_the_page_is_on_the_site(disturbed: Disturbed, cluster: Cluster, local: Release) -> None:
    with inside(cluster.machine("aws")):
        page = cluster.account.s3.get_object(Bucket=SITE, Key="index.html")

    assert page["ContentType"] == "text/html; charset=utf-8"
    assert f"{local.row_counts()['silver.ratings']:,}".encode() in page["Body"].read()


def test_executors_read_and_write_s3_by_themselves(disturbed: Disturbed, cluster: Cluster) -> None:
    requests = cluster.services["aws"].log("server").read_text().splitlines()
    for host in ("worker-1", "worker-2"):
        own = [line for line in requests if line.startswith(f"{cluster.machine(host).address} ")]
        for method, folder in {"PUT": "warehouse/bronze.db/ratings/data", "GET": "landing"}.items():
            assert any(f"{method} /{LAKE}/{folder}" in line for line in own), (host, method)


def test_only_the_ports_that_are_needed_are_open_between_the_hosts(disturbed: Disturbed, cluster: Cluster) -> None:
    hosts = {name: cluster.machine(name) for name in GROUPS}
    found = reaches(hosts, TEMPTING)
    print(f"\n{as_table(found)}")

    unneeded = [
        each for each in found if each.port not in NEEDED.get((GROUPS[each.source], GROUPS[each.target]), set())
    ]
    assert [each for each in unneeded if each.outcome != "refused"] == []
    assert [each for each in found if each not in unneeded and each.outcome == "refused"] == []
    for peers, ports in {("airflow", "spark"): {15003}, ("worker-1", "spark"): {7077, 7078, 7079}}.items():
        assert {each.port for each in found if (each.source, each.target) == peers and each.outcome == "open"} == ports


@pytest.mark.parametrize(
    ("url", "authority", "answer"),
    [
        ("sc://spark.lakehouse.internal:15003/;use_ssl=True;token={token}", "ours", "answered"),
        ("sc://spark.lakehouse.internal:15003/;use_ssl=True;token=wrong", "ours", "UNAUTHENTICATED"),
        ("sc://spark.lakehouse.internal:15003/;use_ssl=True", "ours", "UNAUTHENTICATED"),
        ("sc://spark.lakehouse.internal:15003/;use_ssl=True;token={token}", "others", "CERTIFICATE_VERIFY_FAILED"),
        ("sc://10.77.0.30:15003/;use_ssl=True;token={token}", "ours", "Hostname Verification Check failed"),
        ("sc://spark.lakehouse.internal:15003/", "ours", "UNAVAILABLE"),
    ],
    ids=["right", "wrong-token", "no-token", "unknown-certificate", "other-name", "no-tls"],
)
def test_spark_connect_takes_its_token_behind_its_certificate(
    cluster: Cluster, url: str, authority: str, answer: str
) -> None:
    roots = {"others": {"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": "/etc/ssl/certs/ca-certificates.crt"}}.get(authority, {})
    said = python_on(cluster, "airflow", clients.SPARK_CONNECT, url.format(token=SPARK_TOKEN), **roots)

    assert answer in said


@pytest.mark.parametrize(
    ("secret", "outcome"),
    [(RPC_SECRET, "Successfully registered"), ("guessed", "Failed to connect")],
    ids=["right", "guessed"],
)
def test_the_master_takes_workers_that_know_the_secret(cluster: Cluster, secret: str, outcome: str) -> None:
    said = cluster.services["worker-2"].say("spark@worker", ["sh", "-c", clients.FURTHER_WORKER], SECRET=secret)

    assert [text for text in ("Successfully registered", "Failed to connect") if text in said] == [outcome]


@EACH_ROLE
def test_systemd_accepts_the_units(cluster: Cluster, host: str) -> None:
    units = [f"lakehouse-{name}.service" for name in ("configure", *UNITS[GROUPS[host]])]
    verified = cluster.machine(host).run("sh", "-c", VERIFY.format(" ".join(units)), check=False)

    assert [line for line in verified.stdout.splitlines() if "lakehouse" in line] == []
    assert verified.returncode == 0


@EACH_ROLE
def test_the_units_of_the_role_start_with_the_machine_and_no_others(cluster: Cluster, host: str) -> None:
    listed = cluster.machine(host).run("ls", "/etc/systemd/system/multi-user.target.wants").stdout.split()
    ours = {name.removeprefix("lakehouse-").removesuffix(".service") for name in listed if "lakehouse" in name}

    assert ours == {"configure", *UNITS[GROUPS[host]]}


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("s/^Restart=/Restrat=/", "Unknown key 'Restrat'"),
        ("s#infra/service#infra/servise#", "infra/servise"),
        ("s/^After=.*/After=/;s/^RestartSec=2/RestartSec=soon/", "Failed to parse sec value"),
    ],
)
def test_systemd_names_what_is_wrong_with_a_unit(cluster: Cluster, fault: str, complaint: str) -> None:
    copied = f"sed '{fault}' /etc/systemd/system/lakehouse-spark@.service > /root/faulty@.service"
    verified = cluster.machine("spark").run(
        "sh", "-c", f"{copied}; {VERIFY.format('/root/faulty@master.service')}", check=False
    )

    assert complaint in verified.stdout


def test_services_read_their_configuration_and_cannot_change_it(cluster: Cluster) -> None:
    for host in GROUPS:
        listed = cluster.machine(host).run(
            "find", "/etc/lakehouse", "-type", "f", "-not", "-name", "settings.json", "-not", "-name", "host.env",
            "-printf", "%m %u %g %f\\n",
        ).stdout.splitlines()  # fmt: skip  # options beside their values
        assert len(listed) > 3, host
        assert {" ".join(line.split()[:3]) for line in listed} == {"640 root lakehouse"}, host


def test_services_run_as_their_own_user_and_no_secret_is_on_a_command_line(cluster: Cluster) -> None:
    for host in GROUPS:
        processes = cluster.machine(host).run("sh", "-c", PROCESSES).stdout.splitlines()
        services = [line for line in processes if any(name in line for name in ("/opt/lakehouse", "haproxy "))]
        imitated = [line for line in services if "sh -c" in line]  # the loops that stand for systemd

        assert {line.split()[0] for line in services if line not in imitated} == {"lakehouse"}, host
        assert [line for line in processes if SPARK_TOKEN in line or RPC_SECRET in line] == [], host

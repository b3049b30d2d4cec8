"""The compose file keeps its promises, and each check of one notices when it is broken."""

from __future__ import annotations

import copy
import subprocess

import pytest
import yaml

from infra.checks import environment
from infra.files import REPOSITORY
from tests.infra.compose import rules

FILE = REPOSITORY / "docker-compose.yml"
DOCKERFILE = REPOSITORY / "infra" / "compose" / "Dockerfile"


def services():
    return yaml.safe_load(FILE.read_text())["services"]


def of_the_specification(file):
    """What the schema of the compose specification has against a file."""
    command = [environment.python(), "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", file]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def linted(text):
    hadolint = environment.python().with_name("hadolint")
    return subprocess.run([hadolint, "-"], input=text, capture_output=True, text=True, check=False)


def test_the_file_follows_the_compose_specification():
    done = of_the_specification(FILE)

    assert done.returncode == 0, done.stdout


def test_a_misspelled_key_is_against_the_specification(tmp_path):
    misspelled = tmp_path / "docker-compose.yml"
    misspelled.write_text(FILE.read_text().replace("read_only: true", "readonly: true"))

    done = of_the_specification(misspelled)

    assert done.returncode == 1
    assert "'readonly' was unexpected" in done.stdout


def test_hadolint_finds_nothing_in_the_dockerfile():
    done = linted(DOCKERFILE.read_text())

    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("good", "bad", "rule"),
    [
        ("slim-bookworm AS debian", "slim-bookworm AS debian\nRUN cd /tmp", "DL3003"),
        ("python:3.11.15-slim-bookworm", "python", "DL3006"),
        ("USER 10001:10001", "USER root", "DL3002"),
    ],
)
def test_hadolint_finds_a_planted_fault(good, bad, rule):
    done = linted(DOCKERFILE.read_text().replace(good, bad))

    assert rule in done.stdout


def test_the_base_image_is_pinned():
    stages = [line.split()[1] for line in DOCKERFILE.read_text().splitlines() if line.startswith("FROM ")]

    assert [image for image in stages if ":" not in image] == ["debian", "debian"]  # the first stage
    assert stages[0] == "python:3.11.15-slim-bookworm"


@pytest.mark.parametrize(
    "rule",
    [
        rules.unpinned_images,
        rules.open_ports,
        rules.inline_secrets,
        rules.without_health,
        rules.as_root,
        rules.loosely_confined,
        rules.unknown_dependencies,
        rules.commands_of_their_own,
        rules.strangers,
        rules.undeclared_volumes,
    ],
)
def test_no_service_breaks_a_rule(rule):
    assert list(rule(services())) == []


@pytest.mark.parametrize(
    ("rule", "service", "change", "found"),
    [
        (rules.unpinned_images, "s3", {"image": "versity/versitygw"}, "s3: versity/versitygw"),
        (rules.unpinned_images, "s3", {"image": "versity/versitygw:latest"}, "s3: versity/versitygw:latest"),
        (rules.open_ports, "postgres", {"ports": ["5432:5432"]}, "postgres: 5432:5432"),
        (rules.open_ports, "postgres", {"ports": ["0.0.0.0:5432:5432"]}, "postgres: 0.0.0.0:5432:5432"),
        (rules.inline_secrets, "postgres", {"environment": {"POSTGRES_PASSWORD": "x"}}, "postgres: POSTGRES_PASSWORD"),
        (rules.inline_secrets, "s3", {"command": ["versitygw --secret x"]}, "s3: versitygw --secret x"),
        (rules.without_health, "kafka", {"healthcheck": None}, "kafka"),
        (rules.as_root, "s3", {"user": None}, "s3"),
        (rules.as_root, "s3", {"user": "0:0"}, "s3"),
        (rules.loosely_confined, "s3", {"cap_add": ["SYS_ADMIN"]}, "s3"),
        (rules.loosely_confined, "s3", {"mem_limit": None}, "s3"),
        (
            rules.unknown_dependencies,
            "s3",
            {"depends_on": {"minio": {"condition": "service_healthy"}}},
            "s3: minio is not there",
        ),
        (
            rules.unknown_dependencies,
            "s3",
            {"depends_on": {"kafka": {"condition": "service_healthy"}}},
            "s3: kafka is left out without its profile",
        ),
        (
            rules.unknown_dependencies,
            "s3",
            {"depends_on": {"configure": {"condition": "service_started"}}},
            "s3: configure is waited for by service_started",
        ),
        (
            rules.commands_of_their_own,
            "airflow-scheduler",
            {"command": ["airflow", "scheduler"]},
            "airflow-scheduler: ['airflow', 'scheduler']",
        ),
        (
            rules.commands_of_their_own,
            "spark-master",
            {"command": [rules.STARTER, "spark-history"]},
            f"spark-master: ['{rules.STARTER}', 'spark-history']",
        ),
        (rules.strangers, "spark-worker", {"volumes": ["airflow-etc:/etc/a:ro"]}, "spark-worker: airflow-etc"),
        (rules.strangers, "spark-worker", {"volumes": ["secrets:/etc/s:ro"]}, "spark-worker: secrets"),
        (rules.strangers, "spark-master", {"volumes": ["airflow-state:/var/a"]}, "spark-master: airflow-state"),
        (
            rules.strangers,
            "s3",
            {"volumes": ["s3-etc:/etc/lakehouse/s3"]},
            "s3 may write s3-etc:/etc/lakehouse/s3",
        ),
        (rules.undeclared_volumes, "s3", {"volumes": ["s3-dta:/var/lib/lakehouse/s3"]}, "s3: s3-dta"),
        (rules.undeclared_volumes, "s3", {"volumes": ["./s3:/var/lib/lakehouse/s3"]}, "s3: ./s3"),
    ],
)
def test_a_planted_fault_is_found(rule, service, change, found):
    faulty = copy.deepcopy(services())
    faulty[service] |= {name: value for name, value in change.items() if value is not None}
    for name in (name for name, value in change.items() if value is None):
        del faulty[service][name]

    assert list(rule(faulty)) == [found]


def test_the_small_set_is_without_kafka_and_further_workers():
    left_out = {name: service["profiles"] for name, service in services().items() if "profiles" in service}

    assert left_out == {"kafka": ["kafka"], "kafka-topic": ["kafka"], "spark-further-worker": ["workers"]}


def test_master_and_connect_server_share_the_network_of_the_name_spark():
    shared = {name for name, service in services().items() if service.get("network_mode") == "service:spark-tls"}

    assert shared == {"spark-master", "spark-connect"}
    assert services()["spark-tls"]["networks"] == {"default": {"aliases": ["spark"]}}


def test_every_component_that_a_host_has_is_a_service():
    started = [
        service["command"][1] for service in services().values() if service.get("command", [""])[0] == rules.STARTER
    ]

    assert {(name,) for name in started} == {tuple(names) for names in rules.known_services()}


def test_the_image_leaves_out_what_only_a_checkout_needs():
    ignored = (REPOSITORY / ".dockerignore").read_text().splitlines()

    assert "*" in ignored  # and what is listed with ! is let in
    assert not {"!.git", "!.venv", "!.local", "!tests"} & set(ignored)

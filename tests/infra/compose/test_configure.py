"""What the service `configure` writes: every service is told the same, and no more than it needs."""

from __future__ import annotations

import configparser
import json
import re
import stat

import pytest
import yaml

from infra.compose import buckets, environment
from infra.compose.configure import OWN_USER, ROLES, SECRETS, configure
from infra.hosts import configure as hosts
from tests.infra.compose.rules import volumes
from tests.infra.compose.test_compose import services


@pytest.fixture(scope="module")
def configured(tmp_path_factory):
    """The folders etc and state of a first start, by a user that is not root, as in the image."""
    folder = tmp_path_factory.mktemp("compose")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hosts.os, "geteuid", lambda: 10001)
        patch.setattr(hosts, "WAIT_SECONDS", 0)
        configure(folder / "etc", folder / "state")
    return folder


@pytest.fixture
def etc(configured):
    return configured / "etc"


def secrets_of(etc):
    return json.loads((etc / "secrets" / "secrets.json").read_text())


def texts_of(folder):
    return "".join(file.read_text() for file in folder.rglob("*") if file.is_file())


def spark_defaults(etc, role):
    lines = (etc / role / "spark" / "spark-defaults.conf").read_text().splitlines()
    return dict(line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))


def pyiceberg(etc):
    return yaml.safe_load((etc / "airflow" / "airflow" / ".pyiceberg.yaml").read_text())["catalog"]["lake"]


KNOWN = {
    "postgres": {"postgres", "airflow_database", "lake_database"},
    "s3": {"s3_root", "s3_airflow", "s3_spark"},
    "kafka": {"kafka"},
    "spark": {"connect_token", "rpc", "lake_database", "s3_spark", "kafka"},
    "worker": {"rpc", "kafka"},
    "airflow": {"connect_token", "airflow_database", "lake_database", "s3_airflow", "kafka"},
}


@pytest.mark.parametrize("service", KNOWN)
def test_a_service_knows_only_the_secrets_that_it_needs(etc, service):
    texts = texts_of(etc / service)

    assert {name for name, secret in secrets_of(etc).items() if secret in texts} == KNOWN[service]


def test_secrets_differ_and_survive_the_next_start(configured, monkeypatch):
    monkeypatch.setattr(hosts.os, "geteuid", lambda: 10001)
    before = secrets_of(configured / "etc")
    certificate = (configured / "etc" / "spark" / "tls" / "spark.pem").read_text()

    configure(configured / "etc", configured / "state")

    assert before.keys() == set(SECRETS)
    assert len(set(before.values())) == len(SECRETS)
    assert secrets_of(configured / "etc") == before
    assert (configured / "etc" / "spark" / "tls" / "spark.pem").read_text() == certificate


def test_files_are_private_but_for_the_users_of_other_images(configured):
    for file in (file for file in configured.rglob("*") if file.is_file()):
        mode = stat.S_IMODE(file.stat().st_mode)

        assert (file.name, mode) == (file.name, 0o644 if file.parent.name in OWN_USER else 0o600)


def test_spark_and_pyiceberg_are_told_the_same_catalog(etc):
    prefix, spark, lake = "spark.sql.catalog.lake.", spark_defaults(etc, "spark"), pyiceberg(etc)
    password = spark[f"{prefix}jdbc.password"]

    assert (spark[f"{prefix}type"], lake["type"]) == ("jdbc", "sql")
    assert lake["warehouse"] == spark[f"{prefix}warehouse"] == "s3://lake/warehouse"
    assert lake["s3.endpoint"] == spark[f"{prefix}s3.endpoint"] == "http://s3:9000"
    assert lake["s3.region"] == spark[f"{prefix}client.region"]
    assert lake["uri"] == f"postgresql+psycopg2://lake:{password}@postgres:5432/lake"
    assert spark[f"{prefix}uri"].startswith("jdbc:postgresql://postgres:5432/lake?")


def test_the_catalog_is_that_of_the_local_stack_but_for_places_and_credentials(etc, tmp_path):
    from infra.local.config import Stack

    stack = Stack(tmp_path)
    local = stack.files()[stack.conf / "spark" / "spark-defaults.conf"]
    prefix = "spark.sql.catalog.lake"
    names = {line.split()[0] for line in local.splitlines() if line.startswith(prefix)}

    assert {name for name in spark_defaults(etc, "spark") if name.startswith(prefix)} == names


def test_the_accounts_of_the_databases_are_those_that_postgres_makes(etc):
    made = dict(re.findall(r"ROLE (\w+) LOGIN PASSWORD '(\w+)'", (etc / "postgres" / "databases.sql").read_text()))
    airflow = configparser.RawConfigParser()
    airflow.read(etc / "airflow" / "airflow" / "airflow.cfg")
    address = "postgresql+psycopg2://{}:{}@postgres:5432/{}"

    assert made.keys() == {"airflow", "lake"}
    assert airflow["database"]["sql_alchemy_conn"] == address.format("airflow", made["airflow"], "airflow")
    assert pyiceberg(etc)["uri"] == address.format("lake", made["lake"], "lake")
    assert (etc / "postgres" / "password").read_text() not in made.values()


def test_the_accounts_of_s3_are_those_that_the_server_has(etc):
    accounts = json.loads((etc / "s3" / "users.json").read_text())["accessAccounts"]
    spark, lake = spark_defaults(etc, "spark"), pyiceberg(etc)
    connection = json.loads(environment.variables(etc / "airflow" / "airflow.env")["AIRFLOW_CONN_AWS_DEFAULT"])

    assert {name: account["role"] for name, account in accounts.items()} == {"airflow": "user", "spark": "user"}
    for key, secret in (
        (lake["s3.access-key-id"], lake["s3.secret-access-key"]),
        (connection["login"], connection["password"]),
        (
            spark["spark.sql.catalog.lake.s3.access-key-id"],
            spark["spark.sql.catalog.lake.s3.secret-access-key"],
        ),
    ):
        assert accounts[key]["secret"] == secret


def test_airflow_reaches_spark_by_tls_with_its_token_and_its_certificate(etc):
    variables = environment.variables(etc / "airflow" / "airflow.env")
    connection = json.loads(variables["AIRFLOW_CONN_SPARK_DEFAULT"])
    trusted = (etc / "airflow" / "airflow" / "spark.crt").read_text()

    assert (connection["host"], connection["port"]) == ("spark", 15003)
    assert connection["extra"] == {"use_ssl": True}
    assert connection["password"] == spark_defaults(etc, "spark")["spark.connect.authenticate.token"]
    assert (etc / "spark" / "tls" / "spark.pem").read_text().startswith(trusted)
    assert variables["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] == str(etc / "airflow" / "airflow" / "spark.crt")


def test_spark_logs_in_to_the_broker_as_airflow_does(etc):
    broker = (etc / "kafka" / "kafka.properties").read_text()
    variables = environment.variables(etc / "airflow" / "airflow.env")
    connection = json.loads(variables["AIRFLOW_CONN_KAFKA_DEFAULT"])["extra"]
    options = spark_defaults(etc, "spark")

    assert f'user_lakehouse="{connection["sasl.password"]}"' in broker
    assert f"advertised.listeners=CLIENT://{connection['bootstrap.servers']}\n" in broker
    for java, role in (("driver", "spark"), ("executor", "worker")):
        login = etc / role / "kafka-jaas.conf"
        assert options[f"spark.{java}.defaultJavaOptions"] == f"-Djava.security.auth.login.config={login}"
        assert f'password="{connection["sasl.password"]}"' in login.read_text()


def test_every_host_that_is_named_is_a_service(etc):
    texts = "".join(texts_of(etc / role) for role in ROLES)
    named = set(re.findall(r'(?:://|@)([a-z][a-z0-9-]*)(?::\d+)?(?=[/\s"?])', texts)) - {"lake"}  # s3://lake is no host

    assert named <= {*services(), "spark"}
    assert {"postgres", "s3", "spark", "airflow-api-server"} <= named


def test_a_worker_finds_out_its_address_itself(etc):
    assert environment.variables(etc / "worker" / "spark.env")["SPARK_WORKER_HOST"] == ""


def test_an_executor_has_room_in_its_worker(etc):
    def megabytes(text):
        return int(text[:-1]) * {"m": 1, "g": 1024}[text[-1]]

    worker = environment.variables(etc / "worker" / "spark.env")
    executor = megabytes(spark_defaults(etc, "spark")["spark.executor.memory"])
    daemon = megabytes(worker["SPARK_DAEMON_MEMORY"])

    assert executor + 384 <= megabytes(worker["SPARK_WORKER_MEMORY"])  # Spark's own share of a JVM
    assert executor + 384 + daemon <= megabytes(services()["spark-worker"]["mem_limit"])


def test_files_are_mounted_where_they_were_written():
    written = volumes(services()["configure"])
    elsewhere = {
        (name, volume)
        for name, service in services().items()
        for volume, place in volumes(service).items()
        if volume in written and place != written[volume]
    }

    assert elsewhere == {("postgres", "postgres-etc")}  # its image looks for SQL in a folder of its own


def test_an_unknown_setting_is_refused(configured, monkeypatch, tmp_path):
    from infra.compose import configure as module

    monkeypatch.setattr(hosts.os, "geteuid", lambda: 10001)
    real = module.files
    planted = {"role": "spark", "spark_hots": "spark"}
    monkeypatch.setattr(
        module,
        "files",
        lambda etc, secret: real(etc, secret) | {etc / "spark" / "settings.json": json.dumps(planted)},
    )

    with pytest.raises(hosts.SettingsError, match="spark_hots"):
        configure(tmp_path / "etc", tmp_path / "state")


def test_the_variables_of_a_file_become_those_of_the_command(tmp_path):
    values = {"PLAIN": "a b", "QUOTED": '{"a": "b"}', "SHELL": "$HOME `id`", "BACKSLASH": "a\\nb", "EMPTY": ""}
    file = tmp_path / "service.env"
    file.write_text(hosts.env_file(values))

    assert environment.variables(file) == values


def test_nobody_may_delete_what_was_published_or_logged():
    deletable = {
        statement["Resource"]
        for bucket in buckets.ALLOWED
        for statement in json.loads(buckets.policy(bucket))["Statement"]
        if "s3:DeleteObject" in statement["Action"]
    }

    assert deletable == {f"arn:aws:s3:::lake/{folder}/*" for folder in ("landing", "quality", "warehouse")}


def test_everybody_reads_the_site_and_nothing_else():
    public = [
        (statement["Resource"], statement["Action"])
        for bucket in buckets.ALLOWED
        for statement in json.loads(buckets.policy(bucket))["Statement"]
        if statement["Principal"] == "*"
    ]

    assert public == [("arn:aws:s3:::site/*", ["s3:GetObject"])]

"""What each role of a host finds in its configuration, and above all what it does not."""

from __future__ import annotations

import configparser
import json
import subprocess
from pathlib import Path

import pytest

from infra.files import infra
from infra.hosts import configure
from infra.hosts.configure import ROLES, Host, Settings, SettingsError
from infra.hosts.parameters import Folder

SETTINGS = {
    "spark_host": "spark.lakehouse.internal",
    "region": "eu-central-1",
    "lake_bucket": "acme-lake",
    "catalog": {"type": "glue"},
    "spark": {"spark.executor.memory": "5g"},
    "environment": {"SPARK_WORKER_HOST": "10.0.0.9"},
}
TOKEN, RPC_SECRET = "connect-token", "rpc-secret"
CONNECTION = {"conn_type": "spark_connect", "host": "spark.lakehouse.internal", "port": 15003, "password": TOKEN}


@pytest.fixture
def parameters(tmp_path):
    folder = Folder(tmp_path / "parameters")
    folder.put("spark/rpc-secret", RPC_SECRET)
    folder.put("airflow/connections/spark_default", json.dumps(CONNECTION))
    folder.put("airflow/variables/lakehouse_lake_bucket", "acme-lake")
    folder.put("code-version", "1.2.3")
    return folder


@pytest.fixture
def files_of(parameters, tmp_path):
    """A function that gives the files of a role: name below the configuration's folder -> text."""

    def files_of(role, **own):
        settings = Settings(role=role, parameters=f"folder:{tmp_path / 'parameters'}", **SETTINGS | own)
        etc = tmp_path / role / "etc"
        files = ROLES[role](Host(settings, parameters, etc, tmp_path / role / "state"))
        return {str(path.relative_to(etc)): text for path, text in files.items() if path.is_relative_to(etc)}

    return files_of


@pytest.fixture
def all_files(files_of):
    return {role: files_of(role) for role in ("spark", "worker", "airflow")}


def properties(text):
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    return dict(lines)


def test_a_worker_never_learns_the_token_and_airflow_never_the_secret_of_spark(all_files):
    knows = {
        role: [secret for secret in (TOKEN, RPC_SECRET) if any(secret in text for text in files.values())]
        for role, files in all_files.items()
    }

    assert knows == {"spark": [TOKEN, RPC_SECRET], "worker": [RPC_SECRET], "airflow": [TOKEN]}


def test_the_key_of_the_certificate_stays_on_the_host_that_made_it(all_files, parameters):
    certificate = parameters.get("spark/certificate")

    assert "PRIVATE KEY" in all_files["spark"]["tls/spark.pem"]
    assert "PRIVATE KEY" not in certificate
    assert all_files["spark"]["tls/spark.pem"].startswith(certificate)
    assert all_files["airflow"]["airflow/spark.crt"] == certificate


def test_a_certificate_is_kept_from_start_to_start(tmp_path, files_of):
    made = files_of("spark")["tls/spark.pem"]
    file = tmp_path / "spark" / "etc" / "tls" / "spark.pem"
    file.parent.mkdir(parents=True)
    file.write_text(made)

    assert files_of("spark")["tls/spark.pem"] == made
    assert files_of("spark", spark_host="other.lakehouse.internal")["tls/spark.pem"] != made


def test_driver_and_executors_use_the_ports_that_are_open_and_speak_in_cipher(all_files):
    spark, worker = (properties(all_files[role]["spark/spark-defaults.conf"]) for role in ("spark", "worker"))

    for each in (spark, worker):
        assert each["spark.master"] == "spark://spark.lakehouse.internal:7077"
        assert (each["spark.driver.port"], each["spark.blockManager.port"]) == ("7078", "7082")
        assert each["spark.authenticate"] == each["spark.network.crypto.enabled"] == "true"
        assert each["spark.executor.memory"] == "5g"
    assert spark["spark.connect.grpc.binding.address"] == "127.0.0.1"
    assert "spark.connect.authenticate.token" not in worker


def test_settings_of_a_host_come_after_those_that_all_share(files_of):
    files = files_of("spark", spark={"spark.sql.shuffle.partitions": "64"})

    assert properties(files["spark/spark-defaults.conf"])["spark.sql.shuffle.partitions"] == "64"
    assert files["spark/spark-defaults.conf"].startswith(infra("spark/spark-defaults.conf"))


def test_spark_and_pyiceberg_are_told_the_same_catalog(all_files):
    import yaml

    spark = properties(all_files["spark"]["spark/spark-defaults.conf"])
    lake = yaml.safe_load(all_files["airflow"]["airflow/.pyiceberg.yaml"])["catalog"]["lake"]

    assert (lake["type"], lake["warehouse"]) == ("glue", "s3://acme-lake/warehouse")
    assert spark["spark.sql.catalog.lake.type"] == lake["type"]
    assert spark["spark.sql.catalog.lake.warehouse"] == lake["warehouse"]
    assert not [name for name in (*spark, *lake) if "endpoint" in name or "access-key" in name]


def test_a_value_may_be_a_parameter(files_of, parameters):
    parameters.put("lake-database", "of-the-lake")

    files = files_of("spark", spark={"spark.sql.catalog.lake.jdbc.password": "parameter:lake-database"})

    assert properties(files["spark/spark-defaults.conf"])["spark.sql.catalog.lake.jdbc.password"] == "of-the-lake"


def test_airflow_listens_on_its_own_machine_and_its_database_needs_no_password(all_files):
    config = configparser.RawConfigParser()
    config.read_string(all_files["airflow"]["airflow/airflow.cfg"])

    assert config["api"]["host"] == "127.0.0.1"
    assert config["database"]["sql_alchemy_conn"] == "postgresql+psycopg2://lakehouse@/airflow?host=/run/postgresql"


def test_airflow_finds_its_connections_and_the_version_of_the_code(all_files):
    names = ("CONN_SPARK_DEFAULT", "VAR_LAKEHOUSE_LAKE_BUCKET", "VAR_LAKEHOUSE_CODE_VERSION")
    script = all_files["airflow"]["airflow.env"] + "".join(f'echo "$AIRFLOW_{name}"\n' for name in names)
    said = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout.splitlines()

    assert json.loads(said[0]) == CONNECTION
    assert said[1:] == ["acme-lake", "1.2.3"]


def write_settings(etc: Path, **changes: object) -> None:
    etc.mkdir(parents=True, exist_ok=True)
    (etc / "settings.json").write_text(
        json.dumps({"role": "worker", "parameters": "folder:/none"} | SETTINGS | changes)
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"role": "kafka"}, "role is 'kafka'; it must be one of spark, worker, airflow"),
        ({"lake": "x"}, "got an unexpected keyword argument 'lake'"),
    ],
)
def test_settings_that_cannot_be_used_are_named(tmp_path, changes, message):
    write_settings(tmp_path, **changes)

    with pytest.raises(SettingsError, match=message):
        configure.configure(tmp_path, tmp_path / "state")


def test_a_parameter_that_never_comes_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(configure, "WAIT_SECONDS", 0)
    write_settings(tmp_path, parameters=f"folder:{tmp_path}")

    with pytest.raises(SettingsError, match="there is no parameter spark/rpc-secret under folder:"):
        configure.configure(tmp_path, tmp_path / "state")

import configparser
import json
import stat
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pyspark
import pytest
import yaml

from infra.local.config import Stack, StackError
from infra.local.supervision import configuration

JARS = Path(pyspark.__file__).parent / "jars"


@pytest.fixture
def settings(tmp_path):
    stack = Stack(tmp_path, port_offset=300)
    stack.write_files()
    return stack


def test_every_port_moves_with_the_offset(settings):
    assert settings.ports == {
        "airflow-api-server": 8380,
        "s3": 9300,
        "spark": 15302,
        "postgres": 5733,
        "kafka": 9392,
        "kafka-controller": 9393,
    }
    for path, text in settings.files().items():
        for port in ("8080", "9000", "15002", "5433"):
            assert port not in text, path


def test_every_generated_file_is_private(settings):
    files = [settings.conf / "secrets.json", *settings.files()]

    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_secrets_are_made_once_and_differ(settings):
    assert Stack(settings.state).secrets == settings.secrets
    assert len(set(settings.secrets.values())) == len(settings.secrets)


def test_spark_and_pyiceberg_are_told_the_same_catalog(settings):
    spark = settings.files()[settings.conf / "spark" / "spark-defaults.conf"]
    properties = dict(line.split(maxsplit=1) for line in spark.splitlines() if line and not line.startswith("#"))
    catalog = yaml.safe_load((settings.state / ".pyiceberg.yaml").read_text())["catalog"]["lake"]

    prefix = "spark.sql.catalog.lake."
    assert catalog["warehouse"] == properties[f"{prefix}warehouse"]
    assert catalog["s3.endpoint"] == properties[f"{prefix}s3.endpoint"]
    assert catalog["s3.access-key-id"] == properties[f"{prefix}s3.access-key-id"]
    password = properties[f"{prefix}jdbc.password"]
    assert catalog["uri"] == f"postgresql+psycopg2://lake:{password}@127.0.0.1:5733/lake"


def test_the_large_defaults_of_hadoop_are_taken_the_place_of(settings):
    with zipfile.ZipFile(next(JARS.glob("hadoop-client-api-*.jar"))) as jar:
        defaults = [name for name in jar.namelist() if name.endswith("-default.xml")]

    assert len(defaults) == 3
    for name in defaults:
        assert (settings.conf / "spark" / name).read_text() == "<configuration/>\n"


def test_a_changed_setting_is_noticed(settings):
    assert settings.changed_files() == []

    assert settings.airflow_password_file not in Stack(settings.state, port_offset=400).changed_files()
    assert settings.state / "airflow" / "airflow.cfg" in Stack(settings.state, port_offset=400).changed_files()


def test_what_the_workers_are_forked_with_is_found(settings):
    config = configparser.RawConfigParser()
    config.read(settings.state / "airflow" / "airflow.cfg")
    named = [name.strip() for name in config["scheduler"]["mp_forkserver_preload"].split(",")]

    assert "lakehouse.preloaded" in named
    assert [name for name in named if find_spec(name) is None] == []  # Python itself would say nothing


def test_the_password_file_holds_the_password_of_admin(settings):
    assert json.loads(settings.airflow_password_file.read_text()) == {"admin": settings.secrets["admin"]}


def test_no_secret_is_in_the_supervisor_configuration(settings):
    text = configuration(settings)

    assert configparser.RawConfigParser().read_string(text) is None
    assert [name for name, secret in settings.secrets.items() if secret in text] == []


def test_a_path_too_long_for_a_socket_is_refused(tmp_path):
    with pytest.raises(StackError, match="too long a path for a socket"):
        Stack(tmp_path / ("x" * 100)).check()


def test_a_path_that_configuration_files_cannot_hold_is_refused(tmp_path):
    with pytest.raises(StackError, match="has a % or a quote"):
        Stack(tmp_path / "100%").check()


def test_a_folder_that_cannot_be_written_is_refused():
    with (
        tempfile.NamedTemporaryFile() as file,
        pytest.raises(StackError, match=r"cannot be written \(Not a directory\): choose another STATE"),
    ):
        Stack(Path(file.name) / "state").check()


@pytest.mark.parametrize("offset", ["-1", "many", "1.5"])
def test_a_port_offset_that_is_no_number_is_refused(offset, monkeypatch):
    monkeypatch.setenv("PORT_OFFSET", offset)

    with pytest.raises(StackError, match=f"PORT_OFFSET={offset}"):
        Stack.from_environment()


def test_a_relative_state_counts_from_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STATE", "mine")

    assert Stack.from_environment().state == tmp_path / "mine"

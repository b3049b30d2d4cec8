"""Who may reach the services, and who learns their passwords: nobody but the owner of the stack."""

from contextlib import closing

import httpx
import psutil
import pytest
from pyspark.errors.exceptions.connect import SparkConnectGrpcException
from pyspark.sql.connect.client import SparkConnectClient

from infra.local import processes

pytestmark = pytest.mark.integration


def status_of(url):
    return httpx.get(url, trust_env=False).status_code


@pytest.mark.parametrize("token", ["", ";token=wrong"])
def test_spark_refuses_a_client_without_the_token(stack, token):
    client = SparkConnectClient(f"sc://localhost:{stack.ports['spark']}/{token}")  # a session would become the default

    with closing(client), pytest.raises(SparkConnectGrpcException, match="UNAUTHENTICATED"):
        client.get_configs("spark.app.name")


def test_spark_takes_the_token(spark):
    assert spark.sql("select current_timezone()").collect() == [("UTC",)]


def test_s3_shows_a_stranger_what_is_public_and_nothing_else(stack, s3):
    s3.put_object(Bucket="site", Key="page.html", Body=b"page", ACL="public-read", ContentType="text/html")
    s3.put_object(Bucket="site", Key="draft.html", Body=b"draft")

    assert status_of(f"{stack.s3_url}/site/page.html") == 200
    assert status_of(f"{stack.s3_url}/site/draft.html") == 403
    assert status_of(f"{stack.s3_url}/lake") == 403


@pytest.mark.integration
def test_airflow_refuses_a_client_that_is_not_logged_in(stack, airflow):
    assert airflow.read("dags")["dags"] is not None
    assert httpx.get(f"{stack.airflow_url}/api/v2/dags", trust_env=False).status_code == 401


@pytest.mark.integration
def test_airflow_knows_the_stack(stack, airflow):
    assert {pool["name"]: pool["slots"] for pool in airflow.read("pools")["pools"]}["spark"] == 2
    assert airflow.read("connections/spark_default")["port"] == stack.ports["spark"]
    assert airflow.read("variables/lakehouse_lake_bucket")["value"] == "lake"


@pytest.mark.integration
def test_a_choice_of_dataset_survives_another_import(stack, airflow):
    from infra.local.stack import migrate_airflow

    airflow.set_variable("lakehouse_dataset", "ml-25m")
    (stack.conf / "airflow" / "imported").unlink()

    migrate_airflow(stack)

    assert airflow.read("variables/lakehouse_dataset")["value"] == "ml-25m"


@pytest.mark.integration
def test_nothing_listens_beyond_this_machine(stack, airflow, kafka):
    supervisor = psutil.Process(int((stack.state / "supervisord.pid").read_text()))
    members = {*processes.of_stack(stack.state), *supervisor.children(recursive=True)}
    listening = {
        socket.laddr
        for process in members
        for socket in process.net_connections(kind="inet")
        if socket.status == psutil.CONN_LISTEN
    }

    assert {address.port for address in listening} >= set(stack.ports.values())
    assert {address.ip.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


@pytest.mark.integration
def test_no_secret_is_in_a_log_or_on_a_command_line(stack, airflow, spark):
    spark.sql("create namespace if not exists secretive")  # the catalog has been opened with its password
    texts = {str(file): file.read_text(errors="replace") for file in stack.logs.rglob("*") if file.is_file()}
    texts |= {f"pid {process.pid}": " ".join(process.info["cmdline"] or []) for process in command_lines()}
    found = [(place, name) for place, text in texts.items() for name, secret in stack.secrets.items() if secret in text]

    assert any("spark.log" in place for place in texts)
    assert found == []


def command_lines():
    return psutil.process_iter(["cmdline"])

"""Services of the compose file work together: started as it says, configured by its one-shots, checked by its checks.

There is no engine here, so the images of others are replaced by the same program from elsewhere. docs/compose.md tells
what this cannot show.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from infra.checks import environment
from infra.files import REPOSITORY
from infra.local.config import Stack
from infra.local.services import POSTGRES
from tests.fixtures.programs import need
from tests.infra.compose.containers import Containers
from tests.infra.compose.test_compose import services

pytestmark = pytest.mark.integration

VERSITYGW = services()["s3"]["image"].partition(":")[2]
DATA = "/var/lib/postgresql/18/docker"


@pytest.fixture(scope="module")
def versitygw():
    """The S3 server of the compose file's version, built by Go unless it was before."""
    program = Stack.from_environment().state / "versitygw" / VERSITYGW / "versitygw"
    need({"haproxy": "haproxy", "ip": "iproute2", "nsenter": "util-linux", "wget": "wget"}, root=True)
    if not program.exists():
        package = f"github.com/versity/versitygw/cmd/versitygw@{VERSITYGW}"
        build = os.environ | {"GOBIN": str(program.parent), "CGO_ENABLED": "0"}
        go = environment.python("go").with_name("go")
        subprocess.run([str(go), "install", package], env=build, check=True, capture_output=True, timeout=900)
    return program


@pytest.fixture(scope="module")
def folder():
    path = Path(tempfile.mkdtemp(prefix="lakehouse-compose-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def containers(folder, versitygw):
    """Everything but Airflow."""
    places = {
        "/opt/lakehouse": REPOSITORY,
        "/var/lib/lakehouse/jars": Stack.from_environment().state / "jars",
        "/usr/local/bin/versitygw": versitygw,
    }
    containers = Containers(services(), folder, places, str("/opt/lakehouse" / POSTGRES.relative_to(REPOSITORY)))
    try:
        containers.run("configure")
        containers.start("s3")
        containers.run("s3-buckets")
        containers.start("postgres", ["sh", "-c", INITIALISED])
        containers.start("kafka", ["sh", "-c", FORMATTED])
        for name in ("spark-tls", "spark-master", "spark-worker", "spark-connect"):
            containers.start(name)
        yield containers
    finally:
        containers.close()


INITIALISED = f"""set -e; cd /tmp; mkdir -p {DATA}
initdb -D {DATA} --username=postgres --pwfile="$POSTGRES_PASSWORD_FILE" --auth-host=scram-sha-256 --encoding=UTF8
pg_ctl -D {DATA} -o '-c listen_addresses=' -l log -w start
psql -h /tmp -U postgres -v ON_ERROR_STOP=1 -f /docker-entrypoint-initdb.d/databases.sql
pg_ctl -D {DATA} -w stop
exec postgres -D {DATA} -c 'listen_addresses=*'"""
"""What the image of PostgreSQL does at its first start."""

KAFKA = "java -Xmx256m -cp '/var/lib/lakehouse/jars/kafka/*'"
PROPERTIES = "/etc/lakehouse/kafka/kafka.properties"
FORMATTED = f"""set -e
{KAFKA} kafka.tools.StorageTool format --ignore-formatted --cluster-id lakehouse --config {PROPERTIES}
exec {KAFKA} kafka.Kafka {PROPERTIES}"""
"""The programs that the scripts of Kafka's image start."""


def in_airflow(containers, script):
    """What a Python script prints as JSON that runs where tasks run, with their environment."""
    start = services()["airflow-scheduler"]["entrypoint"]
    output = containers.run("airflow-scheduler", [*start, "/opt/lakehouse/.venv/bin/python", "-c", script])
    return json.loads(output.splitlines()[-1])


S3 = """
import json, os, boto3, urllib.error, urllib.request
from botocore.exceptions import ClientError
from lakehouse.objects import put_once
aws = json.loads(os.environ["AIRFLOW_CONN_AWS_DEFAULT"])

def client(key, secret):
    return boto3.client("s3", endpoint_url=aws["extra"]["endpoint_url"], region_name="us-east-1",
                        aws_access_key_id=key, aws_secret_access_key=secret)

def code(call, **arguments):
    try:
        return call(**arguments)["ResponseMetadata"]["HTTPStatusCode"]
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"]

def status(url, host):
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers={"Host": host}), timeout=5).status
    except urllib.error.HTTPError as error:
        return error.code

s3 = client(aws["login"], aws["password"])
"""


def test_an_object_of_the_landing_area_is_stored_once(containers):
    stored = in_airflow(
        containers,
        S3
        + """
first, second = (put_once(s3, "lake", "landing/once", body) for body in (b"1", b"2"))
print(json.dumps([first, second, s3.get_object(Bucket="lake", Key="landing/once")["Body"].read().decode()]))
""",
    )

    assert stored == [True, False, "1"]


def test_of_many_writers_of_one_object_one_succeeds(containers):
    stored = in_airflow(
        containers,
        S3
        + """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as pool:
    bodies = [str(number).encode() for number in range(8)]
    print(json.dumps(list(pool.map(lambda body: put_once(s3, "lake", "landing/race", body), bodies))))
""",
    )

    assert stored.count(True) == 1


def test_a_stranger_reads_the_site_and_nothing_else(containers):
    read = in_airflow(
        containers,
        S3
        + """
s3.put_object(Bucket="site", Key="index.html", Body=b"page", ContentType="text/html")
s3.put_object(Bucket="lake", Key="landing/private", Body=b"rating")
print(json.dumps([
    status("http://s3:9000/site/index.html", "127.0.0.1:9000"), status("http://s3:9001/", "site.localhost:9001"),
    status("http://s3:9000/site", "127.0.0.1:9000"), status("http://s3:9000/lake/landing/private", "127.0.0.1:9000"),
    status("http://s3:9001/landing/private", "lake.localhost:9001"),
]))
""",
    )

    assert read == [200, 200, 403, 403, 404]


def test_airflow_cannot_delete_logs_or_what_was_published(containers):
    refused = in_airflow(
        containers,
        S3
        + """
print(json.dumps([
    code(s3.delete_object, Bucket="lake", Key="logs/a_task"), code(s3.delete_object, Bucket="site", Key="index.html"),
    code(s3.delete_bucket, Bucket="lake"), code(s3.list_objects_v2, Bucket="lake"),
    code(client("airflow", "wrong").list_objects_v2, Bucket="lake"),
]))
""",
    )

    assert refused == [403, 403, 403, 200, 403]


TABLE = """
import json, os
from pyiceberg.catalog import load_catalog
from pyspark.sql import SparkSession
connection = json.loads(os.environ["AIRFLOW_CONN_SPARK_DEFAULT"])
spark = SparkSession.builder.remote(
    f"sc://{connection['host']}:{connection['port']}/;use_ssl=true;token={connection['password']}").getOrCreate()
spark.sql("create namespace if not exists lake.wiring")
spark.range(1000).repartition(4).writeTo("lake.wiring.numbers").createOrReplace()
table = load_catalog("lake").load_table("wiring.numbers")
print(json.dumps([table.location(), sum(table.scan().to_arrow()["id"].to_pylist())]))
"""


def test_a_table_that_the_worker_writes_is_read_without_spark(containers):
    location, total = in_airflow(containers, TABLE)

    assert location.startswith("s3://lake/warehouse/wiring")
    assert total == sum(range(1000))


def test_the_topic_is_made_by_the_login_that_airflow_has(containers):
    containers.run("kafka-topic")
    topics = in_airflow(
        containers,
        """
import json, os
from confluent_kafka.admin import AdminClient
settings = json.loads(os.environ["AIRFLOW_CONN_KAFKA_DEFAULT"])["extra"]
topics = AdminClient(settings).list_topics(timeout=10).topics
print(json.dumps({name: len(topic.partitions) for name, topic in topics.items()}))
""",
    )

    assert topics == {"ratings": 3}


@pytest.mark.parametrize(
    ("service", "seen"),
    [
        ("spark-worker", ["worker"]),
        ("spark-connect", ["spark"]),
        ("airflow-scheduler", ["airflow"]),
        ("s3", ["s3"]),
    ],
)
def test_a_container_sees_its_own_configuration_only(containers, service, seen):
    assert containers.run(service, ["ls", "/etc/lakehouse"]).split() == seen


def test_a_container_cannot_write_its_configuration_or_its_code(containers):
    for path in ("/etc/lakehouse/worker/spark.env", "/opt/file", "/usr/file"):
        with pytest.raises(RuntimeError, match="Read-only file system"):
            containers.run("spark-worker", ["touch", path])

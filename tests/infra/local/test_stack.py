"""Starting and stopping a small stack: Postgres and S3."""

import os
import signal
import socket
import subprocess
import time
from dataclasses import replace

import psutil
import pytest

from infra.local import processes, services, supervision
from infra.local.config import HOST, Stack, StackError
from infra.local.stack import down, status, up

pytestmark = pytest.mark.integration
SMALL = ("postgres", "s3")


@pytest.fixture(scope="module")
def small(new_stack):
    stack = new_stack()
    up(stack, SMALL)
    return stack


@pytest.fixture(autouse=True)
def _is_up(small):
    up(small, SMALL)


def pid_of(stack, name):
    return supervision.ask(stack, "getProcessInfo", name)["pid"]


def leftovers(stack):
    ports = [port for port in stack.ports.values() if services.is_listening(port)]
    return ports, [process.cmdline() for process in processes.of_stack(stack.state)]


def test_status_is_true_only_when_all_is_healthy(small, capsys):
    assert status(small, SMALL)
    assert not status(small, [*SMALL, "spark"])
    assert capsys.readouterr().out.count(" healthy") == 4


@pytest.mark.parametrize("name", SMALL)
def test_a_killed_service_comes_back(small, name):
    killed = pid_of(small, name)

    os.kill(killed, signal.SIGKILL)

    wait_until(lambda: pid_of(small, name) not in (0, killed) and services.SERVICES[name](small).healthy())
    assert status(small, SMALL)


def test_what_a_killed_service_left_behind_is_ended(small):
    mark = {processes.MARKER: processes.marker(small.state, "s3")}
    with subprocess.Popen(["sleep", "600"], env=os.environ | mark) as child:
        os.kill(pid_of(small, "s3"), signal.SIGKILL)

        assert child.wait(timeout=20) == -signal.SIGKILL


def test_down_leaves_nothing(small):
    down(small)

    assert leftovers(small) == ([], [])


def test_down_leaves_nothing_when_the_supervisor_was_killed(small):
    supervisor = psutil.Process(int((small.state / "supervisord.pid").read_text()))
    supervisor.kill()
    wait_until(lambda: not supervisor.is_running())
    assert leftovers(small) != ([], [])

    down(small)

    assert leftovers(small) == ([], [])


def test_up_after_the_supervisor_was_killed_starts_over(small):
    psutil.Process(int((small.state / "supervisord.pid").read_text())).kill()

    up(small, SMALL)

    assert status(small, SMALL)


def test_the_data_survives_a_restart(small):
    with services.connect_as_superuser(small) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT 7 AS seven")
    connection.close()

    down(small)
    up(small, SMALL)

    with services.connect_as_superuser(small) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT seven FROM kept")
        assert cursor.fetchall() == [(7,)]
        cursor.execute("DROP TABLE kept")
    connection.close()


def test_a_port_in_use_is_named_before_anything_starts(new_stack):
    stack = new_stack()
    port = stack.ports["s3"]
    with socket.create_server((HOST, port)), pytest.raises(StackError, match=f"port {port}, which s3 needs, is in use"):
        up(stack, SMALL)

    assert leftovers(stack) == ([], [])


def test_other_settings_than_the_running_ones_are_refused(small):
    with pytest.raises(StackError, match="run `make down` first"):
        up(Stack(small.state, small.port_offset + 1), SMALL)


def test_a_service_that_does_not_come_up_shows_the_end_of_its_log(new_stack, monkeypatch):
    stack = new_stack()
    (stack.state / "postgres").mkdir(parents=True)
    start = services.SERVICES["postgres"]
    monkeypatch.setitem(services.SERVICES, "postgres", lambda stack: replace(start(stack), seconds=3))

    with pytest.raises(StackError, match=r"(?s)postgres does not come up.*postgres.log:\n.*configuration file"):
        up(stack, ["postgres"])


def test_two_stacks_run_side_by_side(small, new_stack):
    other = new_stack()
    up(other, SMALL)

    assert status(other, SMALL)
    assert status(small, SMALL)
    assert other.secrets["s3_secret"] != small.secrets["s3_secret"]


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)  # conditions are about processes, which tell nobody

"""Start, stop and ask the supervisor of a stack, which brings back every service that dies."""

from __future__ import annotations

import configparser
import io
import os
import subprocess
import time
import xmlrpc.client
from contextlib import closing
from http.client import HTTPException
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from infra.files import PYTHON, REPOSITORY, VENV, write_private
from infra.local import processes
from infra.local.config import Stack, StackError
from infra.local.services import SERVICES, java

FOREIGN = ("AIRFLOW", "AWS_", "PG", "PYICEBERG", "PYSPARK", "PYTHON", "SPARK_")  # settings of somebody else's stack


def ask(stack: Stack, method: str, *arguments: object) -> Any:
    """Call a method of the supervisor's XML-RPC interface."""
    transport = SupervisorTransport(None, None, f"unix://{stack.socket}")
    with closing(transport):
        return getattr(xmlrpc.client.ServerProxy("http://localhost", transport).supervisor, method)(*arguments)


def is_running(stack: Stack) -> bool:
    try:
        return bool(ask(stack, "getState")["statename"] == "RUNNING")
    except (OSError, HTTPException, xmlrpc.client.Fault):  # it answers with a fault while it is shutting down
        return False


def state(stack: Stack, service: str) -> str:
    """What the supervisor calls the state of a service: running, starting, backoff, stopped, fatal ..."""
    return str(ask(stack, "getProcessInfo", service)["statename"]).lower()


def start(stack: Stack) -> None:
    """Start the supervisor itself, with no service yet, after ending what an earlier one left behind."""
    processes.end(stack.state)
    stack.socket.unlink(missing_ok=True)
    write_private(stack.conf / "supervisord.conf", configuration(stack))
    command = [str(VENV / "bin" / "supervisord"), "-c", str(stack.conf / "supervisord.conf")]
    subprocess.run(command, check=True, env=environment(stack), cwd=REPOSITORY, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while not is_running(stack):
        if time.monotonic() > deadline:
            raise StackError(f"the supervisor does not start: see {stack.logs / 'supervisord.log'}")
        time.sleep(0.05)  # it has gone to the background before it answers


def stop(stack: Stack) -> None:
    """Stop every service and the supervisor, also when the supervisor was killed before."""
    if is_running(stack):
        ask(stack, "shutdown")
        deadline = time.monotonic() + 60
        while any(processes.of_stack(stack.state, "supervisord")) and time.monotonic() < deadline:
            time.sleep(0.1)  # it answers at once and ends after its services
    processes.end(stack.state, grace=5)
    stack.socket.unlink(missing_ok=True)


def environment(stack: Stack) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    direct = ",".join(filter(None, (os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), "127.0.0.1,localhost")))
    return (
        inherited
        | stack.environment
        | {
            "JAVA_HOME": java().removesuffix("/bin/java"),
            "NO_PROXY": direct,
            "no_proxy": direct,
            "TZ": "UTC",
            processes.MARKER: processes.marker(stack.state, "supervisord"),
        }
    )


def configuration(stack: Stack) -> str:
    config = configparser.RawConfigParser()
    config["unix_http_server"] = {"file": str(stack.socket), "chmod": "0700"}
    config["rpcinterface:supervisor"] = {
        "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
    }
    config["supervisord"] = {
        "pidfile": str(stack.state / "supervisord.pid"),
        "logfile": str(stack.logs / "supervisord.log"),
        "childlogdir": str(stack.logs),
        "silent": "true",
    } | ({"user": "root"} if os.geteuid() == 0 else {})
    for priority, name in enumerate(SERVICES, start=1):
        config[f"program:{name}"] = {
            "command": f'"{PYTHON}" -m infra.local.launch {name}',
            "directory": str(REPOSITORY),
            "environment": f'{processes.MARKER}="{processes.marker(stack.state, name)}"',
            "priority": str(priority),  # the highest stops first
            "autostart": "false",
            "autorestart": "true",
            "startretries": "10",
            "stopsignal": "INT" if name == "postgres" else "TERM",
            "stopwaitsecs": "15",
            "stopasgroup": "true" if name.startswith("airflow") else "false",
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": str(stack.logs / f"{name}.log"),
            "stdout_logfile_maxbytes": "10MB",
            "stdout_logfile_backups": "3",
        }
    text = io.StringIO()
    config.write(text)
    return text.getvalue()

"""Run the units of systemd on a machine that has none: the same commands, users and environments.

What is taken from a unit is what decides whether a service works: ExecStartPre, ExecStart, User, WorkingDirectory,
EnvironmentFile, Restart, RestartSec. Sandboxing beyond the user is systemd's own and is not imitated.
"""

from __future__ import annotations

import configparser
import json
import shlex
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from infra.files import REPOSITORY
from tests.integration.cluster.machines import Machine

UNITS = REPOSITORY / "infra" / "hosts" / "units"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Repeated(dict[str, str]):
    """Options of a unit may stand several times; their values are kept, one a line."""

    def __setitem__(self, key: str, value: object) -> None:
        if isinstance(value, list) and key in self:
            value = [self[key], *value] if isinstance(self[key], str) else [*self[key], *value]
        super().__setitem__(key, value)  # type: ignore[assignment]  # configparser joins the lists later


def read_unit(name: str) -> configparser.SectionProxy:
    """The section [Service] of ``lakehouse-<name>.service``; ``spark@master`` is an instance of ``spark@``."""
    template, at, instance = name.partition("@")
    parser = configparser.RawConfigParser(strict=False, dict_type=Repeated)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names have capitals
    parser.read_string((UNITS / f"lakehouse-{template}{at}.service").read_text().replace("%i", instance))
    return parser["Service"]


def command_of(unit: configparser.SectionProxy, machine: Machine, line: str) -> str:
    """A line of shell that becomes the command as systemd would start it."""
    variables = {"PATH": PATH, "LANG": "C.UTF-8"}
    for file in unit.get("EnvironmentFile", "").split("\n"):
        variables |= read_env_file(machine, file)
    user = unit.get("User", "root")
    if line.startswith("+"):
        line, user = line.removeprefix("+"), "root"
    words = ["env", "-i", f"--chdir={unit['WorkingDirectory']}", *(f"{k}={v}" for k, v in variables.items())]
    if user != "root":
        words += ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--no-new-privs"]
        words += ["--bounding-set=-all", "--inh-caps=-all"]
    return shlex.join(words) + " " + line


def read_env_file(machine: Machine, name: str) -> dict[str, str]:
    """The variables of an EnvironmentFile; one whose name begins with ``-`` may be missing."""
    found = machine.run("cat", name.removeprefix("-"), check=not name.startswith("-"))
    pairs = (line.split("=", 1) for line in found.stdout.splitlines() if line)
    return {key: json.loads(value) for key, value in pairs}


class Services:
    """The services of one machine."""

    def __init__(self, machine: Machine, logs: Path) -> None:
        self.machine = machine
        self._logs = logs
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, name: str) -> None:
        """Start a unit: wait for the end of a oneshot, raising RuntimeError if it fails; keep others alive."""
        unit = read_unit(name)
        lines = [*filter(None, unit.get("ExecStartPre", "").split("\n")), unit["ExecStart"]]
        commands = [command_of(unit, self.machine, line) for line in lines]
        if unit.get("Type") == "oneshot":
            for command in commands:
                self._finish(name, command)
            return
        (command,) = commands
        script = f"{command} & echo $! > /run/{name}.pid; wait"
        if unit["Restart"] == "always":
            script = f"while :; do {script}; sleep {unit['RestartSec']}; done"
        self.run(name, self.machine.enter("sh", "-c", script))

    def _finish(self, name: str, command: str) -> None:
        with self.log(name).open("a") as output:
            done = subprocess.run(
                self.machine.enter("sh", "-c", command),
                stdin=subprocess.DEVNULL,
                cwd="/",
                stdout=output,
                stderr=output,
                timeout=300,
                check=False,
            )
        if done.returncode:
            raise RuntimeError(f"{name} failed on {self.machine.name}: {self.log(name).read_text()[-3000:]}")

    def run(self, name: str, command: list[str]) -> None:
        """Run a command in the background as long as the machine runs."""
        with self.log(name).open("a") as output:
            self._running.append(
                subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd="/", stdout=output, stderr=subprocess.STDOUT)
            )

    def say(self, name: str, command: Sequence[str], **variables: str) -> str:
        """What a command prints that runs in the environment of a unit and as its user, but for some variables."""
        changed = [f"{key}={value}" for key, value in variables.items()]
        line = command_of(read_unit(name), self.machine, shlex.join(["env", *changed, *command]))
        return self.machine.run("sh", "-c", line).stdout

    def log(self, name: str) -> Path:
        return self._logs / f"{self.machine.name}.{name}.log"

    def stopped(self) -> None:
        """Take note that the machine was switched off, and all of its processes with it."""
        for process in self._running:
            process.wait(timeout=30)

    def kill(self, name: str) -> None:
        """Kill the process of a unit, as a crash would."""
        self.machine.run("sh", "-c", f"kill -9 $(cat /run/{name}.pid)")

    def wait_for_port(self, port: int, address: str = "127.0.0.1", seconds: float = 90) -> None:
        """Wait until something listens on the machine. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        probe = f"exec 3<>/dev/tcp/{address}/{port}"
        while self.machine.run("bash", "-c", probe, check=False).returncode:
            if time.monotonic() > deadline:
                raise TimeoutError(f"nothing listens on {self.machine.name}:{port} after {seconds} s")
            time.sleep(0.3)  # each look is a process on the machine

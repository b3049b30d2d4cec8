"""Machines of a test: Debian roots in overlays, each with processes, mounts, host name and network of its own.

A machine lives as long as its first process, which dies with the test's: nothing is left to unmount or to end.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

MOUNTS = """
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$LOWER,upperdir=$UPPER,workdir=$WORK" "$ROOT"
mount -t proc proc "$ROOT/proc"
mount --rbind /dev "$ROOT/dev"
mount -t tmpfs tmpfs "$ROOT/run"
mkdir -p "$ROOT/run/postgresql" && chmod 1777 "$ROOT/run/postgresql"
"""
OUTSIDE = ("PIP_", "UV_", "SSL_CERT_", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
"""What this machine says of its way to the package registries holds for the others too."""


@dataclass(frozen=True)
class Root:
    """A folder that files are added to, on top of other roots."""

    folder: Path
    below: tuple[Path, ...]

    def environment(self) -> dict[str, str]:
        for part in ("root", "work", "files"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        return {
            "LOWER": ":".join(map(str, self.below)),
            "UPPER": str(self.files),
            "WORK": str(self.folder / "work"),
            "ROOT": str(self.folder / "root"),
        }

    @property
    def files(self) -> Path:
        return self.folder / "files"

    @property
    def layers(self) -> tuple[Path, ...]:
        return (self.files, *self.below)

    def write(self, path: str, text: str) -> None:
        file = self.files / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def run(self, command: list[str], log: Path, caches: Mapping[Path, str], seconds: int) -> None:
        """Run a command in the root, on the network of this machine; caches are folders of this machine to use there.

        Raises:
            RuntimeError: it failed; the message has the end of its log.
        """
        binds = "".join(
            f'mkdir -p "$ROOT{there}" && mount --bind "{here}" "$ROOT{there}"\n' for here, there in caches.items()
        )
        script = f'set -e\n{MOUNTS}{binds}cp -L /etc/resolv.conf "$ROOT/etc/resolv.conf"\nexec chroot "$ROOT" "$@"'
        environment = {name: value for name, value in os.environ.items() if name.startswith(OUTSIDE)}
        environment |= self.environment() | {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        with log.open("a") as output:
            done = subprocess.run(
                ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, "sh", *command],
                env=environment | {"HOME": "/root"},
                stdin=subprocess.DEVNULL,
                cwd="/",
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=seconds,
                check=False,
            )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed; the end of its log:\n{log.read_text()[-3000:]}")


@dataclass
class Machine:
    """A running machine. ``root`` is None for one that has this machine's files."""

    name: str
    address: str
    root: Root | None = None
    pid: int = field(default=0, init=False)
    """Of its first process, as seen from here."""

    def enter(self, *command: str) -> list[str]:
        """The command that runs ``command`` in the machine."""
        namespaces = ["--mount", "--pid", "--net", "--uts", *(["--root", "--wdns=/"] if self.root else [])]
        return ["nsenter", f"--target={self.pid}", *namespaces, *command]

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.enter(*command),
            check=check,
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
            cwd="/",
        )


@contextmanager
def switched_on(machine: Machine) -> Iterator[Machine]:
    """A machine that runs until the block ends, or this process."""
    mounts, environment = "", {}
    stay = "exec sleep infinity"
    if machine.root:
        mounts, environment = MOUNTS, machine.root.environment()
        stay = 'exec chroot "$ROOT" sleep infinity'
    script = f"set -e\n{mounts}mount -t sysfs sysfs /sys\nhostname {machine.name}\nip link set lo up\n{stay}"
    if not machine.root:
        script = script.replace("mount -t sysfs sysfs /sys\n", "mount -t proc proc /proc\n")
    unshared = ["--mount", "--pid", "--net", "--uts", "--fork", "--kill-child"]
    process = subprocess.Popen(
        ["unshare", *unshared, "sh", "-c", script],
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        machine.pid = first_process(process)
        yield machine
    finally:
        process.kill()
        process.communicate()


def first_process(unshare: subprocess.Popen[bytes]) -> int:
    """The process id of a machine's first process, once all is mounted and it sleeps."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if unshare.poll() is not None:
            _, errors = unshare.communicate()
            raise RuntimeError(f"a machine did not start: {errors.decode()}")
        children = psutil.Process(unshare.pid).children()
        if children and children[0].name() == "sleep":
            return children[0].pid
        time.sleep(0.05)  # unshare and its child tell nobody how far they are
    raise RuntimeError("a machine did not start within 30 s")


def connect(machines: list[Machine], switch: Machine) -> None:
    """Give each machine an ``eth0`` with its address, at one switch."""
    switch.run("ip", "link", "add", "name", "switch", "type", "bridge")
    switch.run("ip", "link", "set", "switch", "up")
    for number, machine in enumerate(machines):
        here, there = f"lh{os.getpid()}a{number}", f"lh{os.getpid()}b{number}"
        for command in (
            ["ip", "link", "add", here, "type", "veth", "peer", "name", there],
            ["ip", "link", "set", here, "netns", str(machine.pid), "name", "eth0"],
            ["ip", "link", "set", there, "netns", str(switch.pid)],
            switch.enter("ip", "link", "set", there, "master", "switch", "up"),
            in_network(machine, "ip", "address", "add", f"{machine.address}/24", "dev", "eth0"),
            in_network(machine, "ip", "link", "set", "eth0", "up"),
        ):
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)


def in_network(machine: Machine, *command: str) -> list[str]:
    """The command that runs ``command`` in the network of a machine, with the programs of this one."""
    return ["nsenter", f"--target={machine.pid}", "--net", *command]

"""Containers without an engine: services of the compose file as processes, each with what its container would have.

That is its volumes and no others, a root that cannot be written, its user without capabilities, its host name, entry
point, command, environment and health check. All share one network, in which only loopback is up, and the names of the
services are addresses of it. An image is imitated by this machine's root, with the user of infra/compose/Dockerfile.
"""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

USER, NOBODY = "10001", "65534"
ROOT = """set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/root /mnt/upper /mnt/work
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
cd /mnt/root
mount -t proc proc proc
mount --rbind /dev dev
cp "$HOSTS" etc/hosts
echo lakehouse:x:10001:10001::/var/lib/lakehouse:/usr/sbin/nologin >> etc/passwd
"""


class Containers:
    """Services of a parsed compose file."""

    def __init__(self, services: Mapping[str, Any], folder: Path, image: Mapping[str, Path], programs: str) -> None:
        """``image``: files and folders of this machine by their place in every image; ``programs``: one in its PATH."""
        self._services = services
        self._path = f"{programs}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        self._folder = folder
        self._image = image
        self._processes: list[subprocess.Popen[bytes]] = []
        names = {name: f"127.1.0.{number}" for number, name in enumerate(services, 1)}
        names |= {"localhost": "127.0.0.1", "spark": names["spark-tls"]}
        (folder / "hosts").write_text("".join(f"{address} {name}\n" for name, address in names.items()))
        network = ["unshare", "--net", "--kill-child", "sh", "-c", "ip link set lo up && exec sleep infinity"]
        self._network = self._begin(network, "network")

    def close(self) -> None:
        for process in reversed(self._processes):
            # The first process of a container takes the others with it; it changed its user, and outlives its parent.
            for first in psutil.Process(process.pid).children():
                first.kill()
            process.wait(timeout=30)

    def run(self, name: str, command: Sequence[str] = (), seconds: float = 60) -> str:
        """Run a service, or another command in a container like its own, and return what it prints.

        Raises:
            RuntimeError: it failed; with its output.
        """
        done = subprocess.run(
            self._enter(name, command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{name}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def start(self, name: str, command: Sequence[str] = (), seconds: float = 90) -> None:
        """Start a service and wait until its health check passes. Raises TimeoutError."""
        process = self._begin(self._enter(name, command), name)
        check = self._services[name]["healthcheck"]["test"][1:]
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.run(name, check)
                return
            except RuntimeError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise TimeoutError(f"{name}: {(self._folder / f'{name}.log').read_text()[-3000:]}") from None
            time.sleep(0.3)  # each check is a process of its own

    def _begin(self, command: Sequence[str], name: str) -> subprocess.Popen[bytes]:
        with (self._folder / f"{name}.log").open("w") as log:
            self._processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        return self._processes[-1]

    def _enter(self, name: str, command: Sequence[str]) -> list[str]:
        service = self._services[name]
        lines = [mounted(source, place) for place, source in self._image.items()]
        for volume in service.get("volumes", []):
            source, _, place = volume.removesuffix(":ro").rpartition(":")
            folder = self._volume(source or f"of-{name}", USER if service["user"].startswith(USER) else NOBODY)
            lines.append(mounted(folder, place, read_only=volume.endswith(":ro")))
        for place in (place.partition(":")[0] for place in service.get("tmpfs", [])):
            lines.append(f"mkdir -p .{place} && mount -t tmpfs -o mode=1777 tmpfs .{place}")
        host = "spark" if "network_mode" in service else service.get("hostname", name)
        lines += [f"mount -o remount,{'ro' if service.get('read_only') else 'rw'} /mnt/root", f"hostname {host}"]
        user = USER if service["user"].startswith(USER) else NOBODY
        environment = {"PATH": self._path, "PYTHONPATH": "/opt/lakehouse"} | service.get("environment", {})
        words = [
            *("chroot", ".", "setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--no-new-privs"),
            *("--bounding-set=-all", "--inh-caps=-all"),
            *("env", "-i", f"--chdir={service.get('working_dir', '/opt/lakehouse')}"),
            *(f"{variable}={value}" for variable, value in environment.items()),
            *(command or [*service.get("entrypoint", []), *service["command"]]),
        ]
        lines.append(f"exec {shlex.join(words)}")
        own = ["--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "env", f"HOSTS={self._folder / 'hosts'}"]
        script = ROOT + "\n".join(lines)
        return ["nsenter", f"--target={self._network.pid}", "--net", "unshare", *own, "sh", "-c", script]

    def _volume(self, name: str, user: str) -> Path:
        """A volume, which belongs to the user of the image that it is first mounted in."""
        folder = self._folder / "volumes" / name
        if not folder.exists():
            folder.mkdir(parents=True)
            subprocess.run(["chown", user, folder], check=True)
        return folder


def mounted(source: Path, place: str, read_only: bool = False) -> str:
    """A line of shell that shows a file or folder at a place below the current folder."""
    make = f"mkdir -p .{place}" if source.is_dir() else f"touch .{place}"
    return f"{make} && mount --bind {'-o ro ' if read_only else ''}{shlex.quote(str(source))} .{place}"

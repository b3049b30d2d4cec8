"""Make the environment that everything else needs: ``python3 -m infra.local.setup``, with the system's Python only.

Checks the machine, installs the locked packages into ``.venv`` and fetches the jars into ``STATE/jars``. A step that is
up to date is skipped by its stamp, which is written last, so an interrupted set-up goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

if sys.version_info < (3, 11):
    newer = shutil.which("python3.12") or shutil.which("python3.11")
    if not newer:
        sys.exit("Python 3.11 or newer is missing: install python3.11 or python3.12")
    os.execv(newer, [newer, "-m", "infra.local.setup"])

from infra.files import REPOSITORY, VENV
from infra.local.config import Stack, StackError
from infra.local.java import find_java

PYTHON = VENV / "bin" / "python"
LOCK = REPOSITORY / "requirements.txt"
IVY = REPOSITORY / "infra" / "jars" / "ivy.xml"
JARS = (
    *(f"spark/{jar}" for jar in ("iceberg-spark-runtime", "iceberg-aws-bundle", "postgresql", "spark-sql-kafka")),
    *("s3/s3proxy", "kafka/kafka_2.13", "page/chart.js"),
)
DISK_GB = 4  # the environment 2.5, the jars and the data of a first run the rest


def main() -> None:
    stack = Stack.from_environment()
    stack.check()
    environment_stamp = fingerprint(LOCK, sys.version)
    jars_stamp = fingerprint(IVY)
    if is_stamped(VENV, environment_stamp) and is_stamped(stack.state / "jars", jars_stamp):
        return
    java = require_java()
    require_disk(stack)
    if not is_stamped(VENV, environment_stamp):
        make_environment()
        (VENV / ".stamp").write_text(environment_stamp)
    if not is_stamped(stack.state / "jars", jars_stamp):
        fetch_jars(java, stack.state / "jars")
        (stack.state / "jars" / ".stamp").write_text(jars_stamp)


def fingerprint(file: Path, *more: str) -> str:
    return hashlib.sha256(file.read_bytes() + "".join(more).encode()).hexdigest()


def is_stamped(folder: Path, stamp: str) -> bool:
    file = folder / ".stamp"
    return file.exists() and file.read_text() == stamp


def require_java() -> Path:
    java = find_java()
    if not java and can_install():
        say("Installing Java 17")
        apt_get("update")
        apt_get("install", "--yes", "--no-install-recommends", "openjdk-17-jre-headless")
        java = find_java()
    if not java:
        raise StackError("Java 17 or 21 is missing: install openjdk-17-jre-headless or set JAVA_HOME")
    return java


def can_install() -> bool:
    if not shutil.which("apt-get"):
        return False
    return os.geteuid() == 0 or succeeds(["sudo", "--non-interactive", "true"])


def apt_get(*arguments: str) -> None:
    command = ["apt-get", "-qq", *arguments]
    run(command if os.geteuid() == 0 else ["sudo", "--non-interactive", *command])


def require_disk(stack: Stack) -> None:
    for folder in (REPOSITORY, stack.state):
        free = shutil.disk_usage(folder).free / 1e9
        if free < DISK_GB:
            raise StackError(
                f"{folder} has {free:.1f} GB free and about {DISK_GB} GB are needed: free some or choose another STATE"
            )


def make_environment() -> None:
    if not succeeds([str(PYTHON), "-c", f"import sys; sys.exit(sys.version != {sys.version!r})"]):
        say(f"Creating .venv with Python {sys.version.split()[0]}")
        try:
            venv.create(VENV, clear=True, with_pip=True)
        except subprocess.CalledProcessError:  # Debian ships venv without ensurepip
            raise StackError("this Python cannot make a virtual environment: install python3-venv") from None
    say("Installing the locked packages")
    if not succeeds([str(VENV / "bin" / "uv"), "--version"]):
        install_uv()
    uv = [str(VENV / "bin" / "uv"), "pip", "sync", "--quiet", "--require-hashes", "--python", str(PYTHON)]
    run([*uv, "--link-mode", "copy", str(LOCK)])
    # Without bytecode every import of Great Expectations costs 12 s; a file for another Python may fail to compile.
    subprocess.run([PYTHON, "-m", "compileall", "-q", "-q", "-j", "0", VENV / "lib"], check=False)


def install_uv() -> None:
    """Install the uv of the lock, so that its version is pinned in one place."""
    wanted = VENV / "uv.txt"
    wanted.write_text(locked("uv"))
    pip = [str(PYTHON), "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--require-hashes"]
    run([*pip, "--requirement", str(wanted)])


def locked(package: str) -> str:
    """The lines of the lock that pin a package with its hashes."""
    block = re.search(rf"^{package}==(.+\\\n)+.+\n", LOCK.read_text(), re.MULTILINE)
    if not block:
        raise StackError(f"requirements.txt does not lock {package}: add it to requirements.in and run `make lock`")
    return block.group(0)


def fetch_jars(java: Path, folder: Path) -> None:
    say("Fetching the jars")
    ivy = next((VENV / "lib").glob("python*/site-packages/pyspark/jars/ivy-*.jar"))
    pattern = f"{folder}/[conf]/[artifact]-[revision](-[classifier]).[ext]"
    command = [str(java), "-jar", str(ivy), "-ivy", str(IVY), "-retrieve", pattern, "-types", "jar", "bundle"]
    log = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False).stdout
    # Ivy's exit code does not tell whether everything was fetched.
    missing = [jar for jar in JARS if not any(folder.glob(f"{jar}-*.jar"))]
    if missing:
        raise StackError(f"{log}\nthese jars could not be fetched: {', '.join(missing)}; see above, then try again")


def say(text: str) -> None:
    print(f"{text} ...", flush=True)


def succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def run(command: list[str]) -> None:
    if subprocess.run(command, check=False).returncode:
        raise StackError(f"set-up stops at: {' '.join(command)}")


if __name__ == "__main__":
    try:
        main()
    except StackError as error:
        sys.exit(str(error))

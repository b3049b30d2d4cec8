import subprocess
import sys

import pytest

from infra.files import REPOSITORY
from infra.local import java, setup
from infra.local.config import Stack, StackError


def fake_java(folder, version):
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def only_java_home(tmp_path, monkeypatch):
    """A machine whose only Java, if any, is in JAVA_HOME."""
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    monkeypatch.setattr(java, "INSTALLED", tmp_path / "none")
    monkeypatch.setattr(java.shutil, "which", lambda _: None)
    return tmp_path / "jdk"


@pytest.mark.parametrize("version", ["17.0.15", "21.0.2"])
def test_java_17_and_21_are_found(only_java_home, version):
    program = fake_java(only_java_home, version)

    assert java.find_java() == program


@pytest.mark.parametrize("version", ["1.8.0_402", "11.0.22", "25"])
def test_another_java_is_passed_over(only_java_home, version):
    fake_java(only_java_home, version)

    assert java.find_java() is None


def test_a_missing_java_is_one_clear_line(only_java_home, monkeypatch):
    monkeypatch.setattr(setup, "can_install", lambda: False)

    with pytest.raises(StackError, match="Java 17 or 21 is missing: install openjdk-17-jre-headless or set JAVA_HOME"):
        setup.require_java()


def test_a_full_disk_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setattr(setup, "DISK_GB", 10**9)

    with pytest.raises(StackError, match="GB free and about"):
        setup.require_disk(Stack(tmp_path))


def test_jars_that_cannot_be_fetched_are_named(tmp_path):
    with pytest.raises(StackError, match="these jars could not be fetched: spark/iceberg"):
        setup.fetch_jars("/bin/true", tmp_path)


def test_a_second_set_up_does_nothing():
    done = subprocess.run(
        [sys.executable, "-m", "infra.local.setup"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )

    assert done.stdout == ""


def test_the_uv_of_the_lock_is_found():
    block = setup.locked("uv")

    assert block.startswith("uv==")
    assert "--hash=sha256:" in block
    assert block.count("==") == 1

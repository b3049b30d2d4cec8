import subprocess

import pytest

from infra.checks import environment
from infra.local.config import StackError
from infra.local.setup import locked


@pytest.fixture
def lock(tmp_path, monkeypatch):
    """A lock of one small package, and an empty place for environments."""
    monkeypatch.setattr(environment, "LOCKS", tmp_path)
    monkeypatch.setattr(environment, "ENVIRONMENTS", tmp_path / "environments")
    path = tmp_path / "requirements.txt"
    path.write_text(locked("six"))
    return path


def test_an_environment_is_made_once_for_each_lock(lock):
    python = environment.python()
    stamp = python.parents[1] / ".stamp"
    made = stamp.stat().st_mtime_ns

    assert subprocess.run([python, "-c", "import six"], check=False).returncode == 0
    assert environment.python() == python
    assert stamp.stat().st_mtime_ns == made

    lock.write_text(f"{lock.read_text()}# changed\n")
    environment.python()

    assert stamp.stat().st_mtime_ns > made


def test_a_package_without_a_hash_is_refused(lock):
    lock.write_text("six==1.17.0\n")

    with pytest.raises(StackError, match="set-up stops at"):
        environment.python()

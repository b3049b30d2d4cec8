"""Environments of the tools that check ``infra/``, apart from the one that the pipeline runs in.

checkov has one of its own: it brings another package ``hcl2`` than python-hcl2, and an old boto3.
``python -m infra.checks.environment`` resolves the locks again.
"""

from __future__ import annotations

import sys
import venv
from pathlib import Path

from infra.files import REPOSITORY, VENV
from infra.local.setup import fingerprint, is_stamped, run, say

LOCKS = Path(__file__).parent
ENVIRONMENTS = REPOSITORY / ".venv-checks"
UV = str(VENV / "bin" / "uv")


def python(name: str = "requirements") -> Path:
    """The Python that has the packages of ``<name>.txt``, which are installed when that has changed.

    Raises:
        StackError: the packages could not be installed; uv has said why.
    """
    folder, lock = ENVIRONMENTS / name, LOCKS / f"{name}.txt"
    program = folder / "bin" / "python"
    stamp = fingerprint(lock, sys.version)
    if not is_stamped(folder, stamp):
        say(f"Installing infra/checks/{lock.name}")
        venv.create(folder, clear=True)
        run([UV, "pip", "sync", "--quiet", "--require-hashes", "--python", str(program), str(lock)])
        (folder / ".stamp").write_text(stamp)
    return program


def resolve() -> None:
    """Write the locks again. Raises StackError."""
    for wanted in sorted(LOCKS.glob("*.in")):
        command = [UV, "pip", "compile", str(wanted), "--universal", "--python-version", "3.11", "--generate-hashes"]
        command += ["--custom-compile-command", "python -m infra.checks.environment", "--upgrade", "--quiet"]
        run([*command, "-o", str(wanted.with_suffix(".txt"))])


if __name__ == "__main__":
    resolve()

"""Ask a checker that is a program of the system."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.checks.tools import MissingProgramError


def asked(check: Callable[[Path], list[str]], subject: Path) -> list[str]:
    """Its findings; where the program is missing the test is skipped, in CI it fails."""
    try:
        return check(subject)
    except MissingProgramError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))

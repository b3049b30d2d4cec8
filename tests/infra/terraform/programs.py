"""Ask a checker that is a program of the system."""

from collections.abc import Callable
from pathlib import Path

from infra.checks.tools import MissingProgramError
from tests.fixtures.programs import without


def asked(check: Callable[[Path], list[str]], subject: Path) -> list[str]:
    """Its findings; where the program is missing the test is skipped, in CI it fails."""
    try:
        return check(subject)
    except MissingProgramError as error:
        without(str(error))

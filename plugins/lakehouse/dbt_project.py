"""The dbt project, parsed once as long as its files stay as they are: that takes longer than to build the marts."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

DBT = Path(__file__).parent.parent.parent / "dbt"


class DbtError(Exception):
    """dbt could not build or test the marts."""


def parsed() -> "Manifest":
    """What dbt knows of the project; the copy is the caller's, for what dbt runs it also compiles into it.

    Raises:
        DbtError: the project has an error; the message is dbt's.
    """
    files = sorted(path for path in DBT.rglob("*") if path.is_file())
    return _parsed(tuple((path, path.stat().st_mtime_ns) for path in files)).deepcopy()


def invoke(command: str, snapshots: dict[str, int], *options: str, manifest: "Manifest | None" = None) -> Any:
    """Run a command of dbt in this process, for the target ``lake`` with the snapshots that it may read, by table."""
    from dbt.cli.main import dbtRunner

    with TemporaryDirectory() as folder:
        places = {"project-dir": DBT, "profiles-dir": DBT, "target-path": folder, "log-path": folder}
        arguments = [text for name, place in places.items() for text in (f"--{name}", str(place))]
        arguments += ["--target", "lake", "--vars", repr({"snapshots": snapshots})]
        arguments += ["--quiet", "--log-level-file", "none", *options]
        return dbtRunner(manifest=manifest).invoke([command, *arguments])


@cache
def _parsed(_: tuple[tuple[Path, int], ...]) -> "Manifest":
    outcome = invoke("parse", {})
    if outcome.exception:
        raise DbtError(f"dbt parse: {outcome.exception}")
    manifest: Manifest = outcome.result
    return manifest

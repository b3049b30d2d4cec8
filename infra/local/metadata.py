"""Bring Airflow's metadata database up to date; runs in Airflow's environment, with the folder of the JSON files."""

from __future__ import annotations

import sys
from pathlib import Path

from airflow.cli.cli_parser import get_parser

IMPORTS = {
    "connections.json": ["connections", "import", "--overwrite"],
    "pools.json": ["pools", "import"],
    "variables.json": ["variables", "import"],
    "first-variables.json": ["variables", "import", "--action-on-existing-key", "skip"],
}
"""What each file is for; connections and variables may live in a secrets backend instead."""


def main(folder: Path) -> None:
    # All commands in one process: each start of Airflow's own costs seconds.
    imports = [[*command, str(folder / name)] for name, command in IMPORTS.items() if (folder / name).exists()]
    for command in (["db", "migrate"], *imports):
        arguments = get_parser().parse_args(command)
        arguments.func(arguments)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

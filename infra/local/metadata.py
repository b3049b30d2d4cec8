"""Bring Airflow's metadata database up to date; runs in Airflow's environment, with the folder of the JSON files."""

from __future__ import annotations

import sys

from airflow.cli.cli_parser import get_parser


def main(folder: str) -> None:
    # Four commands in one process: each start of Airflow's own costs seconds.
    for command in (
        ["db", "migrate"],
        ["connections", "import", "--overwrite", f"{folder}/connections.json"],
        ["pools", "import", f"{folder}/pools.json"],
        ["variables", "import", f"{folder}/variables.json"],
        ["variables", "import", "--action-on-existing-key", "skip", f"{folder}/first-variables.json"],
    ):
        arguments = get_parser().parse_args(command)
        arguments.func(arguments)


if __name__ == "__main__":
    main(sys.argv[1])

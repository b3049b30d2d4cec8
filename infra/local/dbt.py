"""Run dbt by hand on the local stack: its models go to a schema of their own, and main stays as it is.

``make dbt`` builds and tests everything in the schema ``sandbox``; ``make dbt DBT="source freshness"`` runs another
command. Exit codes are dbt's: 0 all went well, 1 a model or test failed, 2 dbt could not run.
"""

from __future__ import annotations

import os
import shlex
import sys
import warnings

from infra.files import REPOSITORY
from infra.local.config import Stack


def main(command: list[str]) -> int:
    from dbt.cli.main import dbtRunner

    stack = Stack.from_environment()
    os.environ["SPARK_REMOTE"] = stack.spark_url
    # dbt asks for Hive, which Spark Connect refuses once for every statement.
    warnings.filterwarnings("ignore", "Failed to set spark.sql.catalogImplementation")
    places = {"project": REPOSITORY / "dbt", "profiles": REPOSITORY / "dbt"}
    options = [text for name, folder in places.items() for text in (f"--{name}-dir", str(folder))]
    options += ["--target-path", str(stack.state / "dbt" / "target"), "--log-path", str(stack.state / "dbt" / "logs")]
    outcome = dbtRunner().invoke([*command, *options])
    if outcome.exception:
        print(outcome.exception, file=sys.stderr)
        return 2
    return 0 if outcome.success else 1


if __name__ == "__main__":
    sys.exit(main(shlex.split(os.environ.get("DBT") or "build")))

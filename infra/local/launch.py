"""Become one service of the stack: ``python -m infra.local.launch postgres``; supervisord starts them all this way.

First what an earlier life of the service left behind is ended: a scheduler that was killed leaves its tasks running.
"""

from __future__ import annotations

import os
import sys

from infra.local import processes
from infra.local.config import Stack
from infra.local.services import SERVICES


def main(name: str) -> None:
    stack = Stack.from_environment()
    service = SERVICES[name](stack)
    processes.end(stack.state, name)
    service.prepare()
    os.chdir(stack.state)  # Spark leaves folders where it runs
    os.execvpe(service.command[0], service.command, os.environ | service.environment)


if __name__ == "__main__":
    main(sys.argv[1])

"""Open the notebooks in JupyterLab on the running stack: it answers on 127.0.0.1 only, to whoever has its token.

Jupyter makes up a token at each start and prints the address with it.
"""

from __future__ import annotations

import os
import sys

from infra.files import PYTHON, REPOSITORY
from infra.local.config import HOST, Stack, StackError
from infra.local.services import is_listening, task_environment

PORT = 8888


def environment(stack: Stack) -> dict[str, str]:
    """What a notebook needs to read this stack's lake, and to call what the tasks call."""
    folders = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    own = {name: str(stack.state / "jupyter" / name.lower()) for name in folders}  # none of the user's own settings
    return task_environment(stack) | own


def command(stack: Stack) -> list[str]:
    options = {
        "ServerApp.ip": HOST,
        "ServerApp.port": str(PORT + stack.port_offset),
        "ServerApp.port_retries": "0",  # the next port may be that of another stack
        "ServerApp.root_dir": str(REPOSITORY / "notebooks"),
        "ServerApp.allow_root": str(os.geteuid() == 0),
        "LabApp.default_url": "/lab/tree/explore_dataset.ipynb",
        "LabApp.news_url": "None",  # it asks a server on the internet otherwise
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
    }
    return [PYTHON, "-m", "jupyterlab", *(f"--{name}={value}" for name, value in options.items())]


def main() -> None:
    stack = Stack.from_environment()
    if is_listening(port := PORT + stack.port_offset):
        raise StackError(f"port {port} is in use: stop the program that listens there, or choose another PORT_OFFSET")
    os.execve(PYTHON, command(stack), os.environ | environment(stack))


if __name__ == "__main__":
    try:
        main()
    except StackError as error:
        sys.exit(str(error))

"""Run a command with the variables of a file in its environment: ``environment.py FILE COMMAND ...``.

The file is an EnvironmentFile of systemd, as ``infra.hosts.configure`` writes it. Compose's own ``env_file`` would show
the variables to whoever may inspect a container.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def variables(file: Path) -> dict[str, str]:
    pairs = (line.split("=", 1) for line in file.read_text().splitlines())
    return {name: json.loads(value) for name, value in pairs}


if __name__ == "__main__":
    os.execvpe(sys.argv[2], sys.argv[2:], os.environ | variables(Path(sys.argv[1])))

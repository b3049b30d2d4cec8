"""Exit with 0 when a service works: ``healthy.py port PORT [HOST]`` or ``healthy.py airflow URL COMPONENT``."""

from __future__ import annotations

import json
import socket
import sys
import urllib.request
from collections.abc import Callable

SECONDS = 4  # less than compose waits for an answer


def listens(port: str, host: str = "") -> bool:
    """Whether something listens on a port of a host, by default of this one at its own address."""
    try:
        socket.create_connection((host or socket.gethostname(), int(port)), timeout=SECONDS).close()
    except OSError:
        return False
    return True


def airflow_works(url: str, component: str) -> bool:
    """What the API server says of a component of Airflow: ``metadatabase``, ``scheduler``, ``dag_processor`` ..."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{url}/api/v2/monitor/health", timeout=SECONDS) as answer:
            return bool(json.load(answer)[component]["status"] == "healthy")
    except OSError:
        return False


CHECKS: dict[str, Callable[..., bool]] = {"port": listens, "airflow": airflow_works}

if __name__ == "__main__":
    sys.exit(not CHECKS[sys.argv[1]](*sys.argv[2:]))

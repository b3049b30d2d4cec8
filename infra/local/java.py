"""Find a Java that Spark 4.1 runs on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

VERSIONS = ("17", "21")
INSTALLED = Path("/usr/lib/jvm")  # by the packages of the distribution


def find_java() -> Path | None:
    """The first Java 17 or 21 of JAVA_HOME, PATH and the distribution's folder; None when there is none."""
    home = os.environ.get("JAVA_HOME")
    named = [Path(home, "bin", "java") if home else None, shutil.which("java")]
    installed = sorted(INSTALLED.glob("*/bin/java"))
    candidates = [Path(java).resolve() for java in [*named, *installed] if java]
    return next((java for java in candidates if major_version(java) in VERSIONS), None)


def major_version(java: Path) -> str | None:
    """What ``java -version`` says before the first dot; None when it cannot be run."""
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30).stderr
    except OSError:
        return None
    found = re.search(r'version "(\d+)', answer)
    return found.group(1) if found else None

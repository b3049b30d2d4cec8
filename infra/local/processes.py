"""Find and end the processes of a stack by the marker in their environment, never by name.

A killed service can leave children behind (tasks of a scheduler, for one) that nothing supervises any more.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

MARKER = "LAKEHOUSE_SERVICE"


def marker(state: Path, service: str) -> str:
    return f"{state}:{service}"


def of_stack(state: Path, service: str = "") -> Iterator[psutil.Process]:
    """The processes of one service of a stack, or of all; this process is not among them."""
    wanted = marker(state, service)
    for process in psutil.process_iter():
        try:
            mark = process.environ().get(MARKER, "")
        except psutil.Error:
            continue
        if process.pid != os.getpid() and (mark == wanted if service else mark.startswith(wanted)):
            yield process


def end(state: Path, service: str = "", grace: float = 0) -> None:
    """End what is left, asking first when there is time; children that appear meanwhile too."""
    if grace:
        left = list(of_stack(state, service))
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
        psutil.wait_procs(left, timeout=grace)
    while left := list(of_stack(state, service)):
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=5)
        time.sleep(0.05)  # a zombie that its parent has not reaped yet


def memory(pid: int) -> int:
    """Bytes that a process and its descendants hold, shared pages counted once."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for member in [process, *process.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                total += member.memory_full_info().pss
    return total

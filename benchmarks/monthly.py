"""Load months one by one: is the 250th as quick as the 25th, and what does one run over several months save?

The environment variable MONTHS says how many months are loaded one by one at each place (6).
"""

import os
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np
from pyspark.sql import SparkSession

from benchmarks.gated_run import load
from infra.local.config import Stack
from infra.local.services import INFRASTRUCTURE
from infra.local.stack import up

FIRST_MONTH = np.datetime64("1996-03", "M")
MONTHS = 271
EARLY, LATE = 25, 250


def at_once() -> int:
    return int(os.environ.get("MONTHS") or 6)


def stages(dataset: Path, _output: Path) -> Iterator[str]:
    """Load a growing lake on one warm stack."""
    stack = Stack.from_environment()
    up(stack, INFRASTRUCTURE)
    spark = SparkSession.builder.remote(stack.spark_url).getOrCreate()

    def run(first: int, last: int) -> str:
        name = f"{first} to {last}"
        list(load(spark, f"months {name}", dataset, *(str(FIRST_MONTH + month - 1) for month in (first, last))))
        return name

    yield "start"
    yield run(1, EARLY - 1)
    for month in range(EARLY, EARLY + at_once()):
        yield run(month, month)
    yield run(EARLY + at_once(), LATE - 1)
    for month in range(LATE, LATE + at_once()):
        yield run(month, month)
    yield run(LATE, LATE + at_once() - 1)


def as_table(seconds: dict[str, float]) -> str:
    """A Markdown table of what the stages took."""

    def one_by_one(first: int) -> list[float]:
        return [seconds[f"{month} to {month}"] for month in range(first, first + at_once())]

    early, late = median(one_by_one(EARLY)), median(one_by_one(LATE))
    months, in_one_run = sum(one_by_one(LATE)), seconds[f"{LATE} to {LATE + at_once() - 1}"]
    rows = [
        ("run of one month", "seconds", "ratio"),
        ("---", "---:", "---:"),
        (f"after {EARLY - 1} months (median of {at_once()})", f"{early:.1f}", "1.00"),
        (f"after {LATE - 1} months (median of {at_once()})", f"{late:.1f}", f"{late / early:.2f}"),
        (f"{at_once()} months one by one", f"{months:.1f}", f"{months / in_one_run:.2f}"),
        (f"{at_once()} months in one run", f"{in_one_run:.1f}", "1.00"),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)

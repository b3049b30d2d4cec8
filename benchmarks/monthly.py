"""Load months one by one: is the 250th as quick as the 25th, and what does one run over several months save?

Environment variables: HISTORY, how many months there are (271, so that the two places are the 25th and the 250th);
MONTHS, how many of them are loaded one by one at each place (6).
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
HISTORY = int(os.environ.get("HISTORY") or 271)
EARLY, LATE = (round(HISTORY * place / 271) for place in (25, 250))
AT_ONCE = int(os.environ.get("MONTHS") or 6)


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
    for month in range(EARLY, EARLY + AT_ONCE):
        yield run(month, month)
    yield run(EARLY + AT_ONCE, LATE - 1)
    for month in range(LATE, LATE + AT_ONCE):
        yield run(month, month)
    yield run(LATE, LATE + AT_ONCE - 1)


def as_table(seconds: dict[str, float]) -> str:
    """A Markdown table of what the stages took."""

    def one_by_one(first: int) -> list[float]:
        return [seconds[f"{month} to {month}"] for month in range(first, first + AT_ONCE)]

    early, late = median(one_by_one(EARLY)), median(one_by_one(LATE))
    months, in_one_run = sum(one_by_one(LATE)), seconds[f"{LATE} to {LATE + AT_ONCE - 1}"]
    rows = [
        ("run of one month", "seconds", "ratio"),
        ("---", "---:", "---:"),
        (f"after {EARLY - 1} months (median of {AT_ONCE})", f"{early:.1f}", "1.00"),
        (f"after {LATE - 1} months (median of {AT_ONCE})", f"{late:.1f}", f"{late / early:.2f}"),
        (f"{AT_ONCE} months one by one", f"{months:.1f}", f"{months / in_one_run:.2f}"),
        (f"{AT_ONCE} months in one run", f"{in_one_run:.1f}", "1.00"),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)

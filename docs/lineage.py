"""Which tables each table is computed from: read off the jobs and the dbt models.

A job is not run for that. Its ``run(lake)`` is read as a syntax tree, in the order in which Python evaluates it, and so
are the functions that it hands its lake to: what it has read when it writes a table is what that table is made of.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FunctionType
from typing import Any

import yaml

from lakehouse.tables import EVENTS, STAGES, job_of

DBT = Path(__file__).resolve().parents[1] / "dbt"

READS, WRITES = ("read", "read_all", "read_before"), ("replace", "clear")
NEITHER = ("count", "total", "total_before", "head", "rows_by_month")
"""The methods of ``Lake`` that look at metadata only: no row of a table comes from there."""

Lineage = dict[str, set[str]]


class LineageError(Exception):
    """A job uses its lake in a way that cannot be followed without running it."""


def sources() -> Lineage:
    """Every table that is computed from others, with these.

    Raises:
        LineageError: a job cannot be followed, or does not write its own table.
    """
    found: Lineage = {}
    for table in (table for stages in STAGES.values() for stage in stages for table in stage):
        written = written_by(job_of(table).run)
        if table not in written:
            raise LineageError(f"the job of {table} does not write it")
        found |= written
    return found | sources_of_models(DBT)


def origins() -> dict[str, str]:
    """Where the tables come from that are computed from no other, in words."""
    files = {f"landing.{name}": f"`{name}.csv` of the dataset" for name in ("links", "movies", "ratings", "tags")}
    return files | {EVENTS: "the Kafka topic"}


def readers() -> Lineage:
    """Who reads a table and is no table, in words: the exposures of dbt."""
    found: Lineage = {}
    for exposure in entries(DBT, "exposures"):
        for table in tables_named(DBT, "\n".join(exposure["depends_on"])):
            found.setdefault(table, set()).add(f"{exposure['type']} *{exposure['name']}*")
    return found


def written_by(job: Callable[..., None]) -> Lineage:
    """The tables that a job writes, each with those that it has read by then.

    Raises:
        LineageError: the name of a table, or what becomes of the lake, cannot be told from the code.
    """
    return Trace(job).written


class Trace(ast.NodeVisitor):
    """What a function does with its argument ``lake``; branches count as if all of them were taken."""

    def __init__(self, function: Any) -> None:
        if not isinstance(function, FunctionType):
            raise LineageError(f"{function!r} is given the lake, but is no function of Python")
        self.names, self.place = function.__globals__, f"{function.__module__}.{function.__qualname__}"
        self.read: set[str] = set()
        self.written: Lineage = {}
        for statement in ast.parse(inspect.getsource(function)).body[0].body:
            self.visit(statement)

    def visit_Call(self, node: ast.Call) -> None:
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="lake"), attr=method)):
                self._visit_arguments(node)  # they are evaluated before the call
                self._follow_method(method, node)
            case ast.Call(func=ast.Name(id=name), args=[ast.Name(id="lake"), *_]):
                self._visit_arguments(node, given=1)
                helper = Trace(self.names.get(name))
                if helper.written:
                    raise LineageError(f"{helper.place} writes a table: only a job's `run` may")
                self.read |= helper.read
            case _:
                self.generic_visit(node)

    def _visit_arguments(self, node: ast.Call, given: int = 0) -> None:
        for argument in [*node.args[given:], *node.keywords]:
            self.visit(argument)

    def _follow_method(self, method: str, node: ast.Call) -> None:
        if method in READS:
            self.read.add(self._table(node))
        elif method in WRITES:
            table = self._table(node)
            self.written[table] = self.written.get(table, set()) | self.read
        elif method not in NEITHER:
            raise LineageError(f"{self.place}: lake.{method} is not known to read or to write")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        match node:
            case ast.Attribute(value=ast.Name(id="lake"), attr="run" | "spark"):
                pass
            case _:
                self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id == "lake":
            raise LineageError(f"{self.place}, line {node.lineno} of it: cannot tell what is done with the lake")

    def _table(self, node: ast.Call) -> str:
        """The table that a call names, by a string or by a constant of the module."""
        match node.args:
            case [ast.Constant(value=str(name)), *_]:
                return name
            case [ast.Name(id=constant), *_] if isinstance(self.names.get(constant), str):
                return str(self.names[constant])
        raise LineageError(f"{self.place}: cannot tell which table `{ast.unparse(node)}` names")


def sources_of_models(dbt: Path) -> Lineage:
    """The tables of the dbt models, ``marts.<model>``, with those that their SQL names; none without a dbt project."""
    return {f"marts.{path.stem}": tables_named(dbt, path.read_text()) for path in sorted(dbt.glob("models/**/*.sql"))}


REFERENCE = re.compile(r"\b(?P<kind>ref|source)\((?P<names>[^)]*)\)")


def tables_named(dbt: Path, text: str) -> set[str]:
    """The tables that ``ref("model")`` and ``source("source", "table")`` name in a text.

    Raises:
        LineageError: a reference has no plain names.
    """
    schemas = {source["name"]: source.get("schema", source["name"]) for source in entries(dbt, "sources")}
    found = set()
    for each in REFERENCE.finditer(text):
        match each["kind"], re.findall(r"""['"]([^'"]+)['"]""", each["names"]):
            case "ref", [model]:
                found.add(f"marts.{model}")
            case "source", [source, table]:
                found.add(f"{schemas[source]}.{table}")
            case _:
                raise LineageError(f"cannot tell which table {each[0]} names")
    return found


def entries(dbt: Path, kind: str) -> list[Mapping[str, Any]]:
    """The entries of all property files of a dbt project, ``kind`` being models, sources or exposures."""
    files = [yaml.safe_load(path.read_text()) or {} for path in sorted(dbt.glob("models/**/*.yml"))]
    return [entry for file in files for entry in file.get(kind, [])]

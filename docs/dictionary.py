"""The page data-dictionary.md: where each table comes from, who reads it and what judges it."""

from __future__ import annotations

import json
from collections import Counter
from itertools import groupby
from pathlib import Path

from docs.lineage import DBT, entries, origins, readers, sources

REPOSITORY = Path(__file__).resolve().parents[1]
SEVERITIES = ("critical", "warning", "info")


class Dictionary:
    """What is known of the tables beside their contracts.

    Raises:
        LineageError: the code of a job does not tell which tables it reads.
    """

    def __init__(self) -> None:
        self.sources, self.origins, self.readers = sources(), origins(), readers()

    def facts(self, table: str) -> list[str]:
        """Sentences about a table, in Markdown."""
        facts = [f"**Comes from** {self._comes_from(table)}"]
        if read_by := [*self._made_of(table), *sorted(self.readers.get(table, ()))]:
            facts.append(f"**Read by** {', '.join(read_by)}")
        if judged := judges(table):
            facts.append(f"**Judged by** {', '.join(judged)}")
        return facts

    def _comes_from(self, table: str) -> str:
        others = sorted(self.sources.get(table, set()) - {table})
        own = ["its own rows of before"] if table in self.sources.get(table, ()) else []
        return ", ".join([*map(link, others), *own]) or self.origins.get(table, "the runs, which keep it of themselves")

    def _made_of(self, table: str) -> list[str]:
        return [link(name) for name, read in sorted(self.sources.items()) if table in read and name != table]

    def graph(self, tables: list[str]) -> str:
        """The tables as a Mermaid flowchart, layer by layer, without those that stand alone."""
        edges = sorted((source, name) for name, read in self.sources.items() for source in read if source != name)
        drawn = [table for table in tables if any(table in edge for edge in edges)]
        lines = ["flowchart LR"]
        for layer, names in groupby(drawn, key=lambda table: table.split(".")[0]):
            nodes = [f"    {node(name)}[{name.split('.')[1]}]" for name in names]
            lines += [f"  subgraph {layer}", *nodes, "  end"]
        return "\n".join(lines + [f"  {node(source)} --> {node(name)}" for source, name in edges])


def node(table: str) -> str:
    return table.replace(".", "_")


def link(table: str) -> str:
    return f"[{table}](#{table.replace('.', '')})"


def judges(table: str) -> list[str]:
    """How many expectations of each severity a table has, and how many tests of dbt; nothing without any."""
    found = []
    suite = Path("expectations", *table.split(".")).with_suffix(".json")
    if (REPOSITORY / suite).exists():
        expectations = json.loads((REPOSITORY / suite).read_text())["expectations"]
        counts = Counter(each["severity"] for each in expectations)
        by_severity = ", ".join(f"{counts[severity]} {severity}" for severity in SEVERITIES if counts[severity])
        found.append(f"[{len(expectations)} expectations](../{suite.as_posix()}) ({by_severity})")
    if tests := dbt_tests(DBT).get(table):
        found.append(f"{tests} tests of dbt")
    return found


def dbt_tests(dbt: Path) -> dict[str, int]:
    """How many data tests the property files of dbt ask for, by table."""
    return {
        f"marts.{model['name']}": sum(len(each.get("data_tests", [])) for each in [model, *model.get("columns", [])])
        for model in entries(dbt, "models")
    }

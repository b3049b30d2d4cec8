"""Write the generated pages of docs/: ``python -m docs.generate``; with ``--check`` only say which are stale.

DAGs.md comes from the DAG files as Airflow parses them, tables.md from the contracts and the suites, environments.md
from the configuration of each environment, data-dictionary.md from contracts, suites, dbt models and the code of the
jobs. The same tree gives the same bytes.
"""

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = REPOSITORY / "docs"
LAYERS = ("landing", "bronze", "silver", "quarantine", "gold", "marts", "ops")
NOTE = "<!-- Written by `make docs`: change what it is made from, not this page. -->"


@dataclass(frozen=True)
class Table:
    """A table as its page shows it; ``columns`` are (name, type, comment), ``source`` is a path in the repository."""

    name: str
    comment: str
    partitions: str
    columns: list[tuple[str, str, str]]
    source: str

    @property
    def layer(self) -> str:
        return self.name.split(".")[0]


def pages() -> dict[str, str]:
    """The text of every generated page by file name."""
    return {
        "DAGs.md": dags_page(),
        "tables.md": tables_page(),
        "data-dictionary.md": dictionary_page(),
        "environments.md": environments_page(),
    }


# -- DAGs.md -----------------------------------------------------------------------------------------------------------


def dags_page() -> str:
    """Every DAG: its docstring, schedule, params and tasks.

    Raises:
        ImportError: a DAG file cannot be imported, or there is none.
    """
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(REPOSITORY / "dags", safe_mode=False)
    if bag.import_errors or not bag.dags:
        raise ImportError(f"dags/ cannot be parsed: {bag.import_errors or 'it has no DAG'}")
    sections = [dag_section(dag) for _, dag in sorted(bag.dags.items())]
    return page("DAGs", "What runs in Airflow. The text of a DAG is its docstring, which the UI shows too.", sections)


def dag_section(dag: Any) -> str:
    _, _, manual = dag.doc_md.strip().partition("\n")  # its first line is a heading
    params = [(f"`{name}`", each.description or "", f"`{json.dumps(each.value)}`") for name, each in dag.params.items()]
    tasks = [task_row(list(group)) for _, group in groupby(dag.topological_sort(), group_of)]
    catch_up = "catches up" if dag.catchup else "does not catch up"
    schedule = f"`{dag.timetable!r}`; {catch_up}" if dag.schedule else "none, it is started by hand"
    return "\n\n".join(
        [
            f"## {dag.dag_id}",
            manual.strip(),
            f"Schedule: {schedule}; runs at once: {dag.max_active_runs}.",
            markdown_table(("param", "meaning", "default"), params),
            markdown_table(("tasks, in order", "what they do", "pool", "retries"), tasks),
        ]
    )


def group_of(task: Any) -> str:
    """The group of a task, or the task itself where it is in none."""
    return str(task.task_group.group_id or task.task_id)


def task_row(tasks: list[Any]) -> tuple[str, ...]:
    """One row for a task, or for the tasks of a group."""
    first = tasks[0]
    meaning = first.task_group.tooltip if first.task_group.group_id else first.doc_md
    pools, retries = ({str(getattr(task, name)) for task in tasks} for name in ("pool", "retries"))
    names = ", ".join(f"`{task.task_id}`" for task in tasks)
    return names, meaning.strip(), ", ".join(sorted(pools)), ", ".join(sorted(retries))


# -- tables.md ---------------------------------------------------------------------------------------------------------


def tables_page() -> str:
    """Every table: its columns and its expectations.

    Raises:
        ContractError: a contract is not written in the form of the others.
    """
    about = (
        "The tables of the catalog `lake`. Times are UTC. An expectation of severity *critical* stops the run, a"
        " *warning* is counted in the release, *info* is only recorded."
    )
    return page("Tables", about, [table_section(table) for table in all_tables()])


def all_tables() -> list[Table]:
    """The tables, layer by layer."""
    return sorted(landing_tables() + contract_tables(), key=lambda table: (LAYERS.index(table.layer), table.name))


def contract_tables() -> list[Table]:
    """The tables that have a contract."""
    from lakehouse.contracts import read_contract, tables_with_contract

    tables = []
    for contract in map(read_contract, tables_with_contract()):
        columns = [(column.name, column.type, column.comment) for column in contract.columns]
        source = f"spark_jobs/contracts/{contract.table.replace('.', '_')}.sql"
        tables.append(Table(contract.table, contract.comment, contract.partitions, columns, source))
    return tables


def landing_tables() -> list[Table]:
    """The tables that landing makes itself."""
    from lakehouse.landing.csv_files import COLUMNS
    from lakehouse.landing.tables import partitions_of, schema_of

    tables = []
    for name in COLUMNS:
        schema = schema_of(name)
        partitions = ", ".join(field.name for field in partitions_of(schema).fields)
        columns = [(field.name, str(field.field_type), field.doc or "") for field in schema.fields]
        comment = f"One row per line of {name}.csv, for every dataset version that was landed."
        tables.append(Table(f"landing.{name}", comment, partitions, columns, "plugins/lakehouse/landing/tables.py"))
    return tables


def table_section(table: Table) -> str:
    partitions = f" Partitioned by `{table.partitions}`." if table.partitions else ""
    parts = [f"## {table.name}", f"{table.comment}{partitions} [Source](../{table.source}).", columns_of(table)]
    suite = Path("expectations", *table.name.split(".")).with_suffix(".json")
    if (REPOSITORY / suite).exists():
        expectations = json.loads((REPOSITORY / suite).read_text())["expectations"]
        rows = [(each["severity"], expectation_text(each), each["notes"]) for each in expectations]
        parts += [f"[Expectations](../{suite.as_posix()}):", markdown_table(("severity", "expectation", "why"), rows)]
    return "\n\n".join(parts)


def columns_of(table: Table) -> str:
    columns = [(f"`{name}`", f"`{type_}`", comment) for name, type_, comment in table.columns]
    return markdown_table(("column", "type", "meaning"), columns)


def expectation_text(expectation: dict[str, Any]) -> str:
    """``expect_column_values_to_be_unique`` of column genre as ``values_to_be_unique(genre)``; a query is too long."""
    if "unexpected_rows_query" in expectation["kwargs"]:
        return "no row is found by the query of the suite"
    arguments = expectation["kwargs"] | {"column": expectation["kwargs"].get("column")}
    column = arguments.pop("column")
    words = [column] if column else []
    words += [f"{name}={json.dumps(value)}" for name, value in arguments.items()]
    return f"`{expectation['type'].removeprefix('expect_')}({', '.join(words)})`"


# -- data-dictionary.md ------------------------------------------------------------------------------------------------


def dictionary_page() -> str:
    """Every table: what it holds, what it is made of, who reads it, and how many expectations judge it.

    Raises:
        LineageError: the code of a job does not tell which tables it reads.
    """
    from docs.dictionary import Dictionary

    dictionary = Dictionary()
    about = (
        "For people who look for data: what each table of the catalog `lake` holds, where it comes from, what is made"
        " of it, and what judges it. [tables.md](tables.md) has every expectation, [engines.md](engines.md) says how to"
        " read a table. Lineage is read off the code, see [ADR 21](adr/0021-lineage.md)."
    )
    tables = all_tables()
    graph = f"```mermaid\n{dictionary.graph([table.name for table in tables])}\n```"
    sections = [
        "\n\n".join([f"## {table.name}", table.comment, markdown_list(dictionary.facts(table.name)), columns_of(table)])
        for table in tables
    ]
    return page("Data dictionary", about, [graph, *sections])


# -- environments.md ---------------------------------------------------------------------------------------------------


def environments_page() -> str:
    """Every property whose value is not the same on a laptop, on docker-compose and on AWS."""
    from docs.environments import differences

    about = (
        "All that a laptop, docker-compose and AWS are told differently; [configuration.md](configuration.md) says"
        " where each value comes from. `…` is a secret."
    )
    sections = []
    for file, rows in differences().items():
        shown = [tuple(f"`{cell}`" if cell else "" for cell in row) for row in rows]
        sections.append(f"## {file}\n\n" + markdown_table(("property", "laptop", "docker-compose", "AWS"), shown))
    return page("What differs between environments", about, sections)


# -- Markdown ----------------------------------------------------------------------------------------------------------


def page(title: str, about: str, sections: list[str]) -> str:
    return "\n\n".join([f"# {title}", NOTE, about, *sections]) + "\n"


def markdown_list(items: Sequence[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [" | ".join(cell.replace("|", "\\|") for cell in line) for line in [header, ["---"] * len(header), *rows]]
    return "\n".join(f"| {line} |" for line in lines)


def main() -> int:
    sys.path.append(str(REPOSITORY / "plugins"))  # as Airflow does
    with tempfile.TemporaryDirectory() as home:  # Airflow writes to its home when it is imported
        os.environ |= {"AIRFLOW_HOME": home, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
        wanted = pages()
    stale = [name for name, text in wanted.items() if not (PAGES / name).exists() or (PAGES / name).read_text() != text]
    if "--check" in sys.argv[1:]:
        for name in stale:
            print(f"docs/{name} is stale: run `make docs`", file=sys.stderr)
        return bool(stale)
    for name in stale:
        (PAGES / name).write_text(wanted[name])
        print(f"docs/{name} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())

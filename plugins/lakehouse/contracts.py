"""Contracts: each table is what the CREATE TABLE statement in ``spark_jobs/contracts`` says.

A table that is missing is made. One that has a history follows its contract by Iceberg's own ALTERs, which change
metadata only: no file is written again, and snapshots of before stay readable.
"""

import logging
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table import Table
from pyiceberg.types import IcebergType, ListType, MapType, StructType
from pyspark.sql import SparkSession

import spark_jobs

log = logging.getLogger(__name__)

CONTRACTS = Path(spark_jobs.__file__).parent / "contracts"
OPS = ["ops.corrections", "ops.quality_results", "ops.releases", "ops.stream_batches", "ops.stream_gaps"]
"""The tables that the runs keep of themselves."""

RENAMED = "lakehouse.renamed."
"""Prefix of the table property that gives the former names of a column: ``'lakehouse.renamed.rating' = 'stars'``."""

PARALLEL = 3

STATEMENT = re.compile(
    r"CREATE TABLE IF NOT EXISTS lake\.(?P<table>\w+\.\w+) \(\n(?P<columns>.+)\n\)\nUSING iceberg\n"
    r"(PARTITIONED BY \((?P<partitions>.+)\)\n)?COMMENT '(?P<comment>[^\n]+)'\n"
    r"(TBLPROPERTIES \((?P<properties>[^\n]+)\)\n)?",
    re.DOTALL,
)
COLUMN = re.compile(r"    (?P<name>\w+) (?P<type>.+?) COMMENT '(?P<comment>.*)',?")
PROPERTY = re.compile(r"'(?P<name>[^']+)' = '(?P<value>[^']+)'")

SPARK_NAMES = {"long": "bigint", "timestamptz": "timestamp"}
"""Types that Spark calls otherwise than Iceberg."""


class ContractError(Exception):
    """A contract cannot be read, or its table cannot follow it without losing something."""


@dataclass(frozen=True)
class Column:
    """A column as its contract has it; ``type`` is Spark's name of it without blanks."""

    name: str
    type: str
    comment: str


@dataclass(frozen=True)
class Contract:
    """One CREATE TABLE statement, taken apart."""

    table: str
    columns: list[Column]
    partitions: str
    comment: str
    properties: dict[str, str]
    statement: str

    def former_names(self, column: str) -> list[str]:
        return [name for name in self.properties.get(f"{RENAMED}{column}", "").split(", ") if name]


def read_contract(table: str) -> Contract:
    """The contract of a table.

    Raises:
        ContractError: there is none, or it is not written in the form of the others.
    """
    path = CONTRACTS / f"{table.replace('.', '_')}.sql"
    if not path.exists():
        raise ContractError(f"{table} has no contract: write spark_jobs/contracts/{path.name}")
    statement = path.read_text()
    parts = STATEMENT.fullmatch(statement)
    columns = [COLUMN.fullmatch(line) for line in parts["columns"].splitlines()] if parts else [None]
    if not parts or parts["table"] != table or not all(columns):
        raise ContractError(f"{path}: write the contract in the form of the others, one column a line with its comment")
    return Contract(
        table=table,
        columns=[
            Column(each["name"], each["type"].replace(" ", ""), each["comment"].replace("''", "'"))
            for each in columns
            if each
        ],
        partitions=parts["partitions"] or "",
        comment=parts["comment"].replace("''", "'"),
        properties={each["name"]: each["value"] for each in PROPERTY.finditer(parts["properties"] or "")},
        statement=statement,
    )


def tables_with_contract() -> list[str]:
    return sorted(path.stem.replace("_", ".", 1) for path in CONTRACTS.glob("*.sql"))


def follow_contracts(spark: SparkSession, catalog: Catalog, names: list[str]) -> list[Table]:
    """Make the tables that are missing, alter those that are not as their contracts say, and return all.

    Raises:
        ContractError: a contract asks for what would lose data.
    """
    for namespace in sorted({name.split(".")[0] for name in names}):
        if not catalog.namespace_exists(namespace):
            spark.sql(f"CREATE NAMESPACE IF NOT EXISTS lake.{namespace}")
    with ThreadPoolExecutor(PARALLEL) as pool:
        return list(pool.map(lambda name: _followed(spark, catalog, read_contract(name)), names))


def _followed(spark: SparkSession, catalog: Catalog, contract: Contract) -> Table:
    try:
        table = catalog.load_table(contract.table)
    except NoSuchTableError:
        spark.sql(contract.statement)
        return catalog.load_table(contract.table)
    for statement in alterations(table, contract):
        log.info(statement)
        try:
            spark.sql(statement)
        except Exception:
            if statement in alterations(table.refresh(), contract):
                raise
            log.info("Done by a parallel run")
        table.refresh()
    return table


def alterations(table: Table, contract: Contract) -> list[str]:
    """The ALTER TABLE statements that make a table what its contract says, none where it is that already.

    Which types may be widened is left to Iceberg: int to bigint, float to double, decimals to more digits.

    Raises:
        ContractError: a column of the table, or its partitioning, is not in the contract.
    """
    alter = f"ALTER TABLE lake.{contract.table}"
    columns = {
        each.name: Column(each.name, spark_type(each.field_type), each.doc or "") for each in table.schema().fields
    }
    statements = []
    for column in contract.columns:
        for former in contract.former_names(column.name):
            if former in columns and column.name not in columns:
                statements.append(f"{alter} RENAME COLUMN {former} TO {column.name}")
                columns[column.name] = columns.pop(former)
    _refuse_loss(table, contract, list(columns))
    place = "FIRST"
    for column in contract.columns:
        comment = "COMMENT '" + column.comment.replace("'", "''") + "'"
        known = columns.get(column.name)
        if known is None:
            statements.append(f"{alter} ADD COLUMN {column.name} {column.type} {comment} {place}")
        elif known.type != column.type:
            statements.append(f"{alter} ALTER COLUMN {column.name} TYPE {column.type}")
        if known and known.comment != column.comment:
            statements.append(f"{alter} ALTER COLUMN {column.name} {comment}")
        place = f"AFTER {column.name}"
    statements += [
        f"{alter} SET TBLPROPERTIES ('{name}' = '{value}')"
        for name, value in contract.properties.items()
        if table.properties.get(name) != value
    ]
    return statements


def _refuse_loss(table: Table, contract: Contract, columns: list[str]) -> None:
    wanted = [column.name for column in contract.columns]
    if gone := [name for name in columns if name not in wanted]:
        raise ContractError(
            f"{contract.table} has the column {', '.join(gone)}, which its contract has not: put it back, say of which"
            f" column it is the former name ('{RENAMED}<column>' = '{gone[0]}'), or drop it by hand"
            f" (ALTER TABLE lake.{contract.table} DROP COLUMN {gone[0]})"
        )
    names = {field.field_id: field.name for field in table.schema().fields}
    partitions = ", ".join(
        names[field.source_id]
        if str(field.transform) == "identity"
        else f"{field.transform}s({names[field.source_id]})"
        for field in table.spec().fields
    )
    renamed = {former: column for column in wanted for former in contract.former_names(column)}
    partitions = re.sub(r"\w+", lambda word: renamed.get(word[0], word[0]), partitions)
    if partitions != contract.partitions:
        raise ContractError(
            f"{contract.table} is partitioned by {partitions or 'nothing'}, its contract says"
            f" {contract.partitions or 'nothing'}: files would not follow; give the contract a new table name"
        )


def spark_type(type_: IcebergType) -> str:
    """Spark's name of a type, without blanks."""
    match type_:
        case StructType():
            return f"struct<{','.join(f'{field.name}:{spark_type(field.field_type)}' for field in type_.fields)}>"
        case ListType():
            return f"array<{spark_type(type_.element_type)}>"
        case MapType():
            return f"map<{spark_type(type_.key_type)},{spark_type(type_.value_type)}>"
    name = str(type_).replace(" ", "")
    return SPARK_NAMES.get(name, name)

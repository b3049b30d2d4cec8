"""Read and write the lake as one run does: from pinned snapshots, onto the branch of the run.

Every read is pinned to a snapshot and every write records the snapshots it was computed from, so that a release can
check that its tables belong together.
"""

from dataclasses import replace
from datetime import date
from typing import Self

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.transforms import MonthTransform
from pyiceberg.types import DateType
from pyspark.sql import Column, DataFrame, DataFrameWriterV2, SparkSession
from pyspark.sql import functions as F

from spark_jobs.common.months import Months
from spark_jobs.common.run import Run

SOURCE = "lakehouse.source."
"""Prefix of the snapshot properties that name, for each table read, the snapshot it was read from."""

DATA_GROUPING = "spark.sql.iceberg.planning.preserve-data-grouping"


class Lake:
    """The tables as one run sees them: its own branch where it has one, else the pinned snapshot, else main.

    One object serves the job of one table: what it has read stays the same for it, and is recorded in what it writes.
    """

    def __init__(self, spark: SparkSession, catalog: Catalog, run: Run, pinned: dict[str, int] | None = None) -> None:
        self.spark = spark
        self.run = run
        self._catalog = catalog
        self._pinned = pinned or {}
        self._sources: dict[str, int] = {}

    def for_months(self, months: Months) -> Self:
        """The same tables, read for other months."""
        return type(self)(self.spark, self._catalog, replace(self.run, months=months), self._pinned)

    def read(self, table: str, *, one_task_a_month: bool = True) -> DataFrame:
        """Read the months of the run, or all of a table without months, at the head that this run sees.

        Tasks that follow the months group, join and write without a shuffle, one file a month. Without that, many small
        months share a task.
        """
        rows = self._at_head(table)
        months = self._months_of(table)
        if months is None:
            return rows
        self.spark.conf.set(DATA_GROUPING, str(one_task_a_month).lower())
        return rows.where(months)

    def read_all(self, table: str) -> DataFrame:
        """Read all months of a table at the head that this run sees, once for all jobs of a layer.

        Spark knows the same snapshot by its plan, so the first job loads it and the others find it in memory.
        """
        self.spark.conf.set(DATA_GROUPING, "false")  # many small months share a task
        return self._at_head(table).cache()

    def head(self, table: str) -> int:
        """The snapshot of a table that this run sees."""
        return self._head(table, self._catalog.load_table(table))

    def _head(self, name: str, table: Table) -> int:
        if self.run.branch in table.refs():
            return head(table, self.run.branch)
        return self._pinned.get(name) or self._sources.get(name) or head(table, self.run.branch)

    def rows_by_month(self, table: str) -> dict[date | None, int]:
        """How many rows a month-partitioned table has in each month of the run, None being the unknown one."""
        loaded = self._catalog.load_table(table)
        counts = rows_by_month(loaded, self._head(table, loaded))
        return {month: rows for month, rows in counts.items() if month in self.run.months}

    def count(self, table: str) -> int:
        """How many rows a table has in the months of the run, or in all without months. Reads metadata only."""
        has_months = self._months_of(table) is not None
        return sum(self.rows_by_month(table).values()) if has_months else self.total(table)

    def total(self, table: str) -> int:
        """How many rows a table has in all; 0 for one that no run has written. Reads metadata only."""
        loaded = written_table(self._catalog, table)
        return count_rows(loaded, self._head(table, loaded)) if loaded else 0

    def read_before(self, table: str) -> DataFrame | None:
        """A table as readers see it on main, None if they see none, or that of another dataset than the run's."""
        before = self._before(table)
        return self._at(table, before.snapshot_id) if before else None

    def total_before(self, table: str) -> int:
        """How many rows readers see of a table; 0 where :meth:`read_before` gives None. Reads metadata only."""
        before = self._before(table)
        return count_rows(self._catalog.load_table(table), before.snapshot_id) if before else 0

    def _before(self, name: str) -> Snapshot | None:
        table = written_table(self._catalog, name)
        main = table.current_snapshot() if table else None
        if table is None or main is None:
            return None
        dataset, _, _ = properties_of(table, main.snapshot_id).get("lakehouse.dataset", "").rpartition("@")
        return main if dataset == self.run.dataset else None

    def is_current(self, table: str) -> bool:
        """Whether a table was written by the same code, for the same dataset version, from what this run would read.

        Code that is not a commit, or none that is known, is never the same.
        """
        loaded = self._catalog.load_table(table)
        snapshot_id = self._head(table, loaded)
        written = properties_of(loaded, snapshot_id)
        by_same_code = written.get("lakehouse.code-version") == self.run.code_version
        sources = sources_of(loaded, snapshot_id)
        return (
            by_same_code
            and self.run.code_version != "unknown"
            and not self.run.code_version.endswith("-dirty")
            and written.get("lakehouse.dataset") == self.run.dataset_version
            and columns_at(loaded, snapshot_id) == loaded.schema()
            and all(
                self.head(source) == snapshot
                for source, snapshot in sources.items()
                if not source.startswith("landing.")  # landing grows by other versions
            )
        )

    def replace(self, table: str, rows: DataFrame) -> None:
        """Replace the months of the run, or all of a table without months, by ``rows`` in one commit.

        Of months, a dynamic overwrite is preferred, for it can be cherry-picked when another run publishes first. But
        it leaves a month alone that has no rows any more, so where rows may have to go the whole range is overwritten.
        """
        months = self._months_of(table)
        if months is None:
            self._writer(table, rows).overwrite(F.lit(True))
        elif self.run.months.is_range and self.count(table) > 0:
            self._writer(table, rows).overwrite(months)
        else:
            before = self.head(table)
            self._writer(table, rows).overwritePartitions()
            if self.head(table) == before:
                self.clear(table)

    def clear(self, table: str) -> None:
        """Remove the months of the run from a month-partitioned table; no commit where it has none of them."""
        months = self._months_of(table)
        if months is not None and self.count(table) > 0:
            self._writer(table, self.spark.table(f"lake.{table}").where("false")).overwrite(months)

    def _months_of(self, table: str) -> Column | None:
        """The condition of the run's months on a table, or None where it is not partitioned by month."""
        loaded = self._catalog.load_table(table)
        for field in loaded.spec().fields:
            column = loaded.schema().find_field(field.source_id)
            if isinstance(column.field_type, DateType):
                return self.run.months.of(column.name)
            if isinstance(field.transform, MonthTransform):
                return self.run.months.of_time(column.name)
        return None

    def _at_head(self, table: str) -> DataFrame:
        """A table at the head that this run sees, with the columns that the table has today.

        Spark shows a snapshot with the columns of its time. A column is the same by its id, whatever its name was.
        """
        loaded = self._catalog.load_table(table)
        snapshot_id = self._sources[table] = self._head(table, loaded)
        rows = self._at(table, snapshot_id)
        then, now = columns_at(loaded, snapshot_id), loaded.schema()
        if then == now:
            return rows
        names = {field.name: then.find_column_name(field.field_id) for field in now.fields}
        types = self.spark.table(f"lake.{table}").schema
        return rows.select(
            *[
                (F.col(former) if former else F.lit(None)).cast(types[name].dataType).alias(name)
                for name, former in names.items()
            ]
        )

    def _at(self, table: str, snapshot_id: int) -> DataFrame:
        return self.spark.read.option("versionAsOf", snapshot_id).table(f"lake.{table}")

    def _writer(self, table: str, rows: DataFrame) -> DataFrameWriterV2:
        writer = rows.writeTo(f"lake.{table}.branch_{self.run.branch}")
        for name, value in commit_properties(self.run, self._sources).items():
            writer = writer.option(f"snapshot-property.{name}", value)
        return writer


def commit_properties(run: Run, sources: dict[str, int]) -> dict[str, str]:
    """What every commit of a run says of itself: the run, its data, its code, and the snapshot of every table read."""
    return {
        "lakehouse.run-id": run.run_id,
        "lakehouse.dataset": run.dataset_version,
        "lakehouse.code-version": run.code_version,
    } | {f"{SOURCE}{source}": str(snapshot) for source, snapshot in sources.items()}


def written_table(catalog: Catalog, name: str) -> Table | None:
    """A table that has a snapshot, None before that."""
    try:
        table = catalog.load_table(name)
    except NoSuchTableError:
        return None
    return table if table.current_snapshot() else None


def head(table: Table, branch: str) -> int:
    """The snapshot at the head of a branch, or of main where the table has no such branch.

    Raises:
        LookupError: the table has no snapshot at all; ``open_branch`` gives a new one an empty snapshot.
    """
    snapshot = table.snapshot_by_name(branch) or table.current_snapshot()
    if snapshot is None:
        raise LookupError(f"{'.'.join(table.name())} has no snapshot: no run has written it yet")
    return snapshot.snapshot_id


def columns_at(table: Table, snapshot_id: int) -> Schema:
    """The columns that a table had when a snapshot was written."""
    snapshot = table.snapshot_by_id(snapshot_id)
    written_with = snapshot.schema_id if snapshot else None
    return table.schema() if written_with is None else table.schemas()[written_with]


def count_rows(table: Table, snapshot_id: int) -> int:
    """Rows of a table at a snapshot, from metadata only."""
    return int(properties_of(table, snapshot_id)["total-records"])


def properties_of(table: Table, snapshot_id: int) -> dict[str, str]:
    """The summary of a snapshot: Iceberg's own figures, and the properties that its writer added.

    A cherry-picked commit has those of the commit that was picked.

    Raises:
        LookupError: the table has no such snapshot, or it was expired.
    """
    snapshot = table.snapshot_by_id(snapshot_id)
    if snapshot is None or snapshot.summary is None:
        raise LookupError(f"{'.'.join(table.name())} has no snapshot {snapshot_id}")
    properties = snapshot.summary.additional_properties
    source = properties.get("source-snapshot-id")
    if source and table.snapshot_by_id(int(source)):
        return properties_of(table, int(source)) | properties
    return properties


def sources_of(table: Table, snapshot_id: int) -> dict[str, int]:
    """The snapshots that a snapshot was computed from, by table; none for one that no job has written."""
    written = properties_of(table, snapshot_id).items()
    return {name.removeprefix(SOURCE): int(value) for name, value in written if name.startswith(SOURCE)}


def rows_by_month(table: Table, snapshot_id: int) -> dict[date | None, int]:
    """Rows of a month-partitioned table by month (first day; None for the unknown month), from metadata only."""
    counts: dict[date | None, int] = {}
    for row in table.inspect.partitions(snapshot_id=snapshot_id).to_pylist():
        *_, value = row["partition"].values()
        month = date(1970 + value // 12, value % 12 + 1, 1) if isinstance(value, int) else value
        counts[month] = counts.get(month, 0) + row["record_count"]
    return counts

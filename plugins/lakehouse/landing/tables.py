"""Register landed Parquet files in the Iceberg tables ``landing.*``, without copying them."""

from contextlib import suppress

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import DateType, LongType, NestedField, StringType
from sqlalchemy.exc import IntegrityError

from lakehouse.landing.csv_files import COLUMNS
from lakehouse.landing.split import MONTHLY, OTHER_COLUMNS

NAMESPACE = "landing"

PROPERTIES = {
    "format-version": "2",
    # A commit that meets another must not be repeated blindly: the other may have registered the same version.
    "commit.retry.num-retries": "0",
    "write.metadata.delete-after-commit.enabled": "true",
}

MONTH_COLUMN = ("_event_month", DateType(), "First day of the UTC month of the timestamp; null if it cannot be read")
ADDED = (
    (OTHER_COLUMNS, StringType(), "JSON object of the columns that MovieLens has not, as received; null without any"),
    ("_line", LongType(), "Line of the source file; 1 is the header"),
    (
        "_malformed_line",
        StringType(),
        "The whole line if it has not the header's fields; the source columns are then null",
    ),
    ("_source_file", StringType(), "File name of the source"),
    ("_dataset", StringType(), "Dataset, as in its manifest"),
    ("_dataset_version", StringType(), "First 12 hex digits of the SHA-256 of the dataset's files"),
)


class LandingConflictError(Exception):
    """A landing table holds other files of this version than those just landed."""


def register(catalog: Catalog, table: str, files: dict[str, int], version: str) -> None:
    """Add the files (location -> rows) of a dataset version to ``landing.<table>``: all in one commit, and only once.

    Raises:
        LandingConflictError: the table has other files of this version, landed under another name at the same time.
    """
    iceberg_table = opened(catalog, table)
    if not files and iceberg_table.current_snapshot() is None:
        with suppress(CommitFailedException):  # a parallel call gave it a first snapshot
            iceberg_table.append(iceberg_table.schema().as_arrow().empty_table())  # without one it cannot be read
    while files and not (found := files_of_version(iceberg_table, version)):
        try:
            iceberg_table.add_files(list(files), check_duplicate_files=False)  # the condition above has checked
        except CommitFailedException:
            iceberg_table.refresh()  # another call was faster; it may have registered this version
    if files and found != files:
        raise LandingConflictError(f"landing.{table} has other files of version {version}: land it again")


def dataset_of_version(catalog: Catalog, version: str) -> str | None:
    """The name under which a version was registered first, None if it was not."""
    for location in files_of_version(opened(catalog, "ratings"), version):
        return location.split(f"/{version}/")[0].rsplit("/", 1)[1]
    return None


def files_of_version(table: Table, version: str) -> dict[str, int]:
    """The location and row count of each file of a dataset version."""
    tasks = table.scan(row_filter=f"_dataset_version = '{version}'").plan_files()
    return {task.file.file_path: task.file.record_count for task in tasks}


def opened(catalog: Catalog, table: str) -> Table:
    """The Iceberg table ``landing.<table>``, created if it does not exist, with all columns that are landed today."""
    name, schema = f"{NAMESPACE}.{table}", schema_of(table)
    try:
        return with_columns(catalog.load_table(name), schema)
    except NoSuchTableError:
        mapping = {
            "schema.name-mapping.default": schema.name_mapping.model_dump_json()
        }  # landed files have no field ids
    with suppress(IntegrityError):  # two processes create the namespace at once, which SqlCatalog does not foresee
        catalog.create_namespace_if_not_exists(NAMESPACE)
    return catalog.create_table_if_not_exists(
        name, schema, partition_spec=partitions_of(schema), properties=PROPERTIES | mapping
    )


def with_columns(table: Table, schema: Schema) -> Table:
    """Add the columns of ``schema`` that an older table has not."""
    if set(schema.column_names) - set(table.schema().column_names):
        with suppress(CommitFailedException), table.update_schema() as update:  # else a parallel call has added them
            update.union_by_name(schema)
    return table.refresh()


def schema_of(table: str) -> Schema:
    """The source columns as strings, the month of ratings and tags, and where each row came from."""
    source = tuple((name, StringType(), "As received") for name in COLUMNS[table])
    columns = source + ((MONTH_COLUMN,) if table in MONTHLY else ()) + ADDED
    fields = (
        NestedField(place, name, type_, required=False, doc=doc) for place, (name, type_, doc) in enumerate(columns, 1)
    )
    return Schema(*fields)


def partitions_of(schema: Schema) -> PartitionSpec:
    """Partition by dataset version, and by month where there is one."""
    names = [name for name in ("_dataset_version", "_event_month") if name in schema.column_names]
    fields = (
        PartitionField(schema.find_field(name).field_id, 1000 + place, IdentityTransform(), name)
        for place, name in enumerate(names)
    )
    return PartitionSpec(*fields)

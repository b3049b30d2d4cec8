"""A catalog that lost its tables gets them back from their files."""

import itertools
import sys

import pytest
from pyiceberg.exceptions import NoSuchTableError

from infra.hosts import restore_catalog
from infra.hosts.restore_catalog import RestoreError, Warehouse, plan, restore
from tests.fixtures.lake import append, month, rows_of

pytestmark = pytest.mark.integration

numbers = itertools.count(1)


@pytest.fixture
def location():
    """A warehouse of its own in the bucket that all tests share."""
    return f"s3://lake/restored_{next(numbers)}"


@pytest.fixture
def namespace(catalog, location):
    name = location.rsplit("/", 1)[1]
    catalog.create_namespace(name)
    yield name
    for table in catalog.list_tables(name):
        catalog.drop_table(table)


@pytest.fixture
def create(spark, namespace, location):
    """A function that makes a table of Spark in the warehouse and returns its name."""

    def create(table):
        spark.sql(
            f"CREATE TABLE lake.{namespace}.{table} (month date, n bigint) USING iceberg"
            f" LOCATION '{location}/{namespace}/{table}'"
        )
        return f"{namespace}.{table}"

    return create


@pytest.fixture
def table(catalog, spark, create):
    """The name of a table with a branch, a tag, and more commits of both engines than snapshots."""
    name = create("ratings")
    spark.sql(f"INSERT INTO lake.{name} VALUES (date'2001-03-01', 3)")
    table = catalog.load_table(name)
    with table.manage_snapshots() as snapshots:
        snapshots.create_tag(table.current_snapshot().snapshot_id, "release").create_branch(
            table.current_snapshot().snapshot_id, "run"
        )
    append(table, [{"month": month("2001-04"), "n": 4}], "run")
    spark.sql(f"ALTER TABLE lake.{name} ADD COLUMN m bigint")
    return name


@pytest.fixture
def restored(catalog, location):
    """A function that restores what is missing and returns the names."""

    def restored(*wanted, **chosen):
        tables = plan(catalog, Warehouse(location, catalog.properties), wanted, chosen.get("chosen", {}))
        restore(catalog, tables)
        return list(tables)

    return restored


def copy(s3, source, target):
    """Copy an object of the lake, by its location, to another key."""
    key = source.removeprefix("s3://lake/")
    s3.copy_object(Bucket="lake", CopySource={"Bucket": "lake", "Key": key}, Key=target.removeprefix("s3://lake/"))


def test_a_table_comes_back_with_its_snapshots_branches_tags_columns_and_rows(catalog, spark, table, restored):
    before, metadata_file = catalog.load_table(table).metadata, catalog.load_table(table).metadata_location
    catalog.drop_table(table)

    assert restored() == [table]

    after = catalog.load_table(table)
    assert after.metadata == before
    assert after.metadata_location == metadata_file
    assert sorted(after.refs()) == ["main", "release", "run"]
    assert len(rows_of(catalog, table, "run")) == 2
    assert spark.table(f"lake.{table}").collect() == [(month("2001-03"), 3, None)]


def test_a_restored_table_is_written_on(catalog, spark, table, restored):
    catalog.drop_table(table)
    restored()

    spark.sql(f"INSERT INTO lake.{table} VALUES (date'2001-05-01', 5, 5)")
    append(catalog.load_table(table), [{"month": month("2001-06"), "n": 6}])

    assert len(rows_of(catalog, table)) == 3


def test_a_namespace_that_is_gone_is_made_again(catalog, spark, table, namespace, restored):
    catalog.drop_table(table)
    spark.sql(f"DROP NAMESPACE lake.{namespace}")
    assert not catalog.namespace_exists(namespace)

    assert restored() == [table]


def test_tables_that_the_catalog_has_are_left_alone(catalog, table, restored):
    before = catalog.load_table(table).metadata_location

    assert restored() == []
    assert catalog.load_table(table).metadata_location == before


def test_only_the_wanted_tables_are_restored(catalog, table, create, namespace, restored):
    create("tags")
    for name in catalog.list_tables(namespace):
        catalog.drop_table(name)

    assert restored(f"{namespace}.tags") == [f"{namespace}.tags"]
    with pytest.raises(RestoreError, match="links: no such table"):
        restored(f"{namespace}.links")


def test_a_wrong_warehouse_is_said_to_be_empty(catalog, location):
    with pytest.raises(RestoreError, match=f"{location}_wrong has no table"):
        plan(catalog, Warehouse(f"{location}_wrong", catalog.properties), [], {})


def test_a_folder_that_pyiceberg_named_is_of_the_same_namespace(catalog, namespace, location, table, restored):
    folder = f"{location}/{namespace}.db/tags"
    catalog.create_table(f"{namespace}.tags", catalog.load_table(table).schema(), location=folder)
    catalog.drop_table(f"{namespace}.tags")

    assert restored() == [f"{namespace}.tags"]


def test_of_two_last_commits_none_is_guessed(catalog, s3, table, restored):
    last = catalog.load_table(table).metadata_location
    lost = last.replace(".metadata.json", "-lost.metadata.json")
    copy(s3, last, lost)
    catalog.drop_table(table)

    with pytest.raises(RestoreError) as refused:
        restored()

    assert last in str(refused.value)
    assert lost in str(refused.value)
    assert f"--metadata {table}=<location>" in str(refused.value)
    with pytest.raises(NoSuchTableError):
        catalog.load_table(table)


def test_the_chosen_commit_is_restored(catalog, s3, table, restored):
    last = catalog.load_table(table).metadata_location
    copy(s3, last, last.replace(".metadata.json", "-lost.metadata.json"))
    catalog.drop_table(table)

    assert restored(chosen={table: last}) == [table]
    assert catalog.load_table(table).metadata_location == last


def test_a_commit_that_lost_earlier_does_not_matter(catalog, s3, spark, table, restored):
    overtaken = catalog.load_table(table).metadata_location
    copy(s3, overtaken, overtaken.replace(".metadata.json", "-lost.metadata.json"))
    spark.sql(f"INSERT INTO lake.{table} VALUES (date'2001-05-01', 5, 5)")
    before = catalog.load_table(table).metadata_location
    catalog.drop_table(table)

    assert restored() == [table]
    assert catalog.load_table(table).metadata_location == before


def test_the_files_of_a_dropped_table_of_the_same_name_are_not_taken_for_the_table(catalog, create, table, restored):
    """The dropped one has had more commits, so its numbers are higher."""
    dropped = catalog.load_table(table).metadata_location
    catalog.drop_table(table)
    create("ratings")
    current = catalog.load_table(table).metadata_location
    catalog.drop_table(table)

    with pytest.raises(RestoreError) as refused:
        restored()

    assert dropped in str(refused.value)
    assert current in str(refused.value)


def test_a_copy_in_another_place_is_not_registered_with_the_paths_of_the_original(catalog, s3, table, location):
    last = catalog.load_table(table).metadata_location
    elsewhere = f"{location}_copy"
    copy(s3, last, last.replace(location, elsewhere))
    catalog.drop_table(table)

    with pytest.raises(RestoreError, match=f"lies in {elsewhere}/.* named as in {location}/"):
        plan(catalog, Warehouse(elsewhere, catalog.properties), [], {})


def test_a_view_of_spark_is_left_out(catalog, spark, s3, namespace, location, table, restored):
    spark.sql(f"CREATE VIEW lake.{namespace}.one AS SELECT 1 AS n")
    made = s3.list_objects_v2(Bucket="lake", Prefix=f"warehouse/{namespace}/one/metadata/")["Contents"]
    for each in made:
        copy(s3, f"s3://lake/{each['Key']}", f"{location}/{each['Key'].removeprefix('warehouse/')}")
    spark.sql(f"DROP VIEW lake.{namespace}.one")
    catalog.drop_table(table)

    assert len(made) == 1
    assert restored() == [table]


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["restore_catalog", *arguments])
    restore_catalog.main()
    return capsys.readouterr().out


def test_without_yes_it_only_shows_what_it_would_do(catalog, table, location, monkeypatch, capsys):
    last = catalog.load_table(table).metadata_location
    catalog.drop_table(table)

    shown = run(monkeypatch, capsys, "--warehouse", location)
    assert f"{table}: {last} with 2 snapshots, branches and tags: main, release, run\n" in shown
    assert "1 tables to register: add --yes" in shown
    assert not catalog.table_exists(table)

    assert "1 tables were registered" in run(monkeypatch, capsys, "--warehouse", location, "--yes", table)
    assert catalog.table_exists(table)


def test_by_default_the_warehouse_of_the_catalog_is_looked_at(lake_tables, monkeypatch, capsys):
    """Which has all of its tables; others may have left files of tables that they dropped."""
    assert "0 tables to register" in run(monkeypatch, capsys, "ops.releases", "ops.quality_results")

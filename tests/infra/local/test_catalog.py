"""Spark and pyiceberg share one catalog."""

import pyarrow as pa
import pytest


@pytest.fixture
def namespace(catalog, spark):
    catalog.create_namespace("shared")
    yield "shared"
    for name in catalog.list_tables("shared"):
        catalog.drop_table(name)
    catalog.drop_namespace("shared")


def test_pyiceberg_reads_a_table_of_spark(spark, catalog, namespace):
    spark.sql("create table shared.spark_made (id int) using iceberg")
    spark.sql("insert into shared.spark_made values (7)")

    assert catalog.load_table("shared.spark_made").scan().to_arrow().to_pydict() == {"id": [7]}


def test_spark_sees_at_once_what_pyiceberg_writes(spark, catalog, namespace):
    table = catalog.create_table("shared.python_made", pa.schema([("id", pa.int64())]))
    table.append(pa.table({"id": [1]}))
    assert spark.table("shared.python_made").count() == 1

    table.append(pa.table({"id": [2]}))

    assert spark.table("shared.python_made").count() == 2


def test_pyiceberg_does_not_take_a_view_of_spark_for_a_table(spark, catalog, namespace):
    spark.sql("create view shared.one as select 1 as id")

    assert catalog.list_tables("shared") == []
    assert spark.table("shared.one").collect() == [(1,)]

    spark.sql("drop view shared.one")

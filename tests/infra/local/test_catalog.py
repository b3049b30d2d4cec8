"""Spark and pyiceberg share one catalog."""

import time

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from infra.local.services import connect_as_superuser

pytestmark = pytest.mark.integration


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


def test_a_session_that_has_ended_keeps_no_connection_to_postgres_and_one_that_lives_gets_another(stack, spark):
    def connections():
        with connect_as_superuser(stack) as database, database.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'PostgreSQL JDBC Driver'")
            return cursor.fetchone()[0]

    spark.sql("show namespaces in lake").collect()
    ended = [SparkSession.builder.remote(stack.spark_url).create() for _ in range(5)]
    for session in ended:
        session.sql("show namespaces in lake").collect()
        session.stop()
    assert connections() > 5

    deadline = time.monotonic() + 60
    while connections():
        assert time.monotonic() < deadline, f"{connections()} connections are still open"
        time.sleep(0.5)  # Spark closes them some time after the session

    assert spark.sql("show namespaces in lake").collect() is not None

"""Contracts: what they say is what the lake has."""

import re
from importlib.util import find_spec

import pytest

from lakehouse.tables import CONTRACTS, LAYERS, QUARANTINE, RELEASED, STAGES, create_tables, job_of

TABLES = sorted(path.stem.replace("_", ".", 1) for path in CONTRACTS.glob("*.sql"))


def columns_of(table):
    contract = (CONTRACTS / f"{table.replace('.', '_')}.sql").read_text()
    return re.findall(r"^    (\w+) (.+?) COMMENT '(.+)',?$", contract, re.MULTILINE)


def test_every_released_table_has_a_contract_and_the_other_way_round():
    assert sorted([*RELEASED, "ops.quality_results", "ops.releases"]) == TABLES


def test_every_table_with_a_job_has_its_module():
    tables = [table for stages in STAGES.values() for stage in stages for table in stage]

    assert sorted([*tables, *QUARANTINE]) == sorted(RELEASED)
    assert all(find_spec(f"spark_jobs.{table}") for table in tables)
    assert all(callable(job_of(table).run) for table in tables)


def test_quarantine_is_published_with_silver():
    assert [table for table in LAYERS["silver"] if table.startswith("quarantine.")] == QUARANTINE


@pytest.mark.parametrize("table", TABLES)
def test_a_contract_and_its_table_agree_and_every_column_is_explained(lake_tables, table):
    loaded = lake_tables.load_table(table)

    assert [(field.name, field.doc) for field in loaded.schema().fields] == [
        (name, comment) for name, _, comment in columns_of(table)
    ]
    assert loaded.properties["comment"].endswith(".")


@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_written_without_a_shuffle_and_keeps_few_metadata_files(lake_tables, table):
    properties = lake_tables.load_table(table).properties

    assert properties["write.distribution-mode"] == "none"
    assert properties["write.spark.fanout.enabled"] == "true"
    assert properties["write.metadata.delete-after-commit.enabled"] == "true"


def test_making_the_tables_again_makes_only_those_that_are_missing(spark, lake_tables):
    before = lake_tables.load_table("gold.rating_histogram").metadata_location
    lake_tables.drop_table("gold.top_movies")

    create_tables(spark, lake_tables)

    made = lake_tables.load_table("gold.top_movies")
    assert made.scan().count() == 0
    assert lake_tables.load_table("gold.rating_histogram").metadata_location == before
    made.append(made.schema().as_arrow().empty_table())  # as all tables of the session

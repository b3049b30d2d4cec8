"""Contracts: what they say is what the lake has, also of tables with a history."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pyspark.sql import functions as F

from lakehouse import contracts
from lakehouse.contracts import ContractError, follow_contracts, read_contract, tables_with_contract
from lakehouse.serving import Release
from spark_jobs.common.lake import Lake
from tests.fixtures.lake import append, month, new_run, numbers

MARCH, APRIL = month("2001-03"), month("2001-04")
BEFORE = """CREATE TABLE IF NOT EXISTS lake.{table} (
    user_id int COMMENT 'who',
    stars decimal(2,1) COMMENT 'how many',
    month date COMMENT 'when'
)
USING iceberg
PARTITIONED BY (month)
COMMENT 'A table of tests.'
"""
AFTER = """CREATE TABLE IF NOT EXISTS lake.{table} (
    user_id bigint COMMENT 'who, by the catalogue''s number',
    device string COMMENT 'on what',
    rating decimal(3,1) COMMENT 'how many',
    month date COMMENT 'when'
)
USING iceberg
PARTITIONED BY (month)
COMMENT 'A table of tests.'
TBLPROPERTIES ('lakehouse.renamed.rating' = 'points, stars', 'write.metadata.metrics.column.device' = 'full')
"""


@pytest.fixture
def contract(tmp_path, monkeypatch):
    """A function that gives a table of tests another contract."""
    monkeypatch.setattr(contracts, "CONTRACTS", tmp_path)

    def write(table, text):
        (tmp_path / f"{table.replace('.', '_')}.sql").write_text(text.format(table=table))

    return write


@pytest.fixture
def table(spark, catalog, contract):
    """The name of a table that was made by the contract BEFORE and has a row in March."""
    name = f"contracts.table_{next(numbers)}"
    contract(name, BEFORE)
    (made,) = follow_contracts(spark, catalog, [name])
    append(made, [{"user_id": 7, "stars": Decimal("3.5"), "month": MARCH}])
    return name


def columns_of(table):
    return [(field.name, str(field.field_type), field.doc) for field in table.schema().fields]


@pytest.mark.parametrize("name", tables_with_contract())
def test_a_contract_and_its_table_agree_and_every_column_is_explained(lake_tables, name):
    loaded, contract = lake_tables.load_table(name), read_contract(name)

    assert [(field.name, field.doc) for field in loaded.schema().fields] == [
        (column.name, column.comment) for column in contract.columns
    ]
    assert all(column.comment for column in contract.columns)
    assert loaded.properties["comment"] == contract.comment
    assert contract.comment.endswith(".")
    assert contracts.alterations(loaded, contract) == []


@pytest.mark.parametrize("name", tables_with_contract())
def test_a_table_is_written_without_a_shuffle_and_keeps_few_metadata_files(lake_tables, name):
    properties = lake_tables.load_table(name).properties

    assert properties["write.distribution-mode"] == "none"
    assert properties["write.spark.fanout.enabled"] == "true"
    assert properties["write.metadata.delete-after-commit.enabled"] == "true"


def test_only_a_table_that_is_missing_is_made(spark, catalog, table, contract):
    other = f"{table}_more"
    contract(other, BEFORE)
    before = catalog.load_table(table).metadata_location

    kept, made = follow_contracts(spark, catalog, [table, other])

    assert (kept.metadata_location, made.scan().count()) == (before, 0)


def test_a_table_with_a_history_follows_its_contract_without_a_file_written_again(spark, catalog, table, contract):
    before = catalog.load_table(table)
    contract(table, AFTER)

    (after,) = follow_contracts(spark, catalog, [table])

    assert columns_of(after) == [
        ("user_id", "long", "who, by the catalogue's number"),
        ("device", "string", "on what"),
        ("rating", "decimal(3, 1)", "how many"),
        ("month", "date", "when"),
    ]
    assert after.properties["write.metadata.metrics.column.device"] == "full"
    assert after.current_snapshot() == before.current_snapshot()
    assert after.scan().to_arrow().to_pylist()[0]["rating"] == Decimal("3.5")
    (again,) = follow_contracts(spark, catalog, [table])
    assert again.metadata_location == after.metadata_location


def test_a_snapshot_of_before_is_read_with_its_own_columns_and_by_jobs_and_releases_with_todays(
    spark, catalog, table, contract
):
    before = catalog.load_table(table).current_snapshot().snapshot_id
    contract(table, AFTER)
    follow_contracts(spark, catalog, [table])
    todays = {"user_id": 7, "device": None, "rating": Decimal("3.5"), "month": MARCH}

    as_it_was = catalog.load_table(table).scan(snapshot_id=before).to_arrow().to_pylist()
    rows = Lake(spark, catalog, new_run("2001-03")).read(table).collect()
    now = datetime.now(UTC)
    release = Release("r1", "a_run", now, "tiny@0", "unknown", "load", None, {table: before}, "passed", catalog)

    assert as_it_was == [{"user_id": 7, "stars": Decimal("3.5"), "month": MARCH}]
    assert [row.asDict() for row in rows] == [todays]
    assert release.read(table).to_pylist() == [todays]
    assert release.read(table, ("rating", "month")).to_pylist() == [{"rating": Decimal("3.5"), "month": MARCH}]


def test_a_job_of_today_adds_a_month_to_the_table(spark, catalog, table, contract):
    contract(table, AFTER)
    (altered,) = follow_contracts(spark, catalog, [table])
    run = new_run("2001-04")
    with altered.manage_snapshots() as snapshots:
        snapshots.create_branch(altered.current_snapshot().snapshot_id, run.branch)
    lake = Lake(spark, catalog, run)
    new = spark.range(1).select(
        F.lit(8).cast("bigint").alias("user_id"),
        F.lit("phone").alias("device"),
        F.lit("10.5").cast("decimal(3,1)").alias("rating"),
        F.lit(APRIL).alias("month"),
    )

    lake.replace(table, new)

    rows = sorted(lake.read_all(table).collect())
    assert [tuple(row) for row in rows] == [
        (7, None, Decimal("3.5"), MARCH),
        (8, "phone", Decimal("10.5"), APRIL),
    ]


def test_a_table_of_other_columns_is_not_current(spark, catalog, table, contract):
    run = new_run("2001-03")
    loaded = catalog.load_table(table)
    written_by = {"lakehouse.dataset": run.dataset_version, "lakehouse.code-version": "abc1234"}
    append(loaded, [], **written_by)
    lake = Lake(spark, catalog, run.__class__(**{**vars(run), "code_version": "abc1234"}))
    assert lake.is_current(table)

    contract(table, AFTER)
    follow_contracts(spark, catalog, [table])

    assert not lake.is_current(table)


def test_runs_that_start_together_alter_a_table_once(spark, catalog, table, contract):
    contract(table, AFTER)

    with ThreadPoolExecutor(4) as pool:
        altered = list(pool.map(lambda _: follow_contracts(spark, catalog, [table])[0], range(4)))

    assert [[name for name, _, _ in columns_of(each)] for each in altered] == [
        ["user_id", "device", "rating", "month"]
    ] * 4


@pytest.mark.parametrize(
    ("was", "becomes", "message"),
    [
        ("    stars decimal(2,1) COMMENT 'how many',\n", "", "has the column stars, which its contract has not.* DROP"),
        ("stars decimal", "rating decimal", "'lakehouse.renamed.<column>' = 'stars'"),
        ("BY (month)", "BY (user_id)", "is partitioned by month, its contract says user_id: .* a new table name"),
        ("PARTITIONED BY (month)\n", "", "is partitioned by month, its contract says nothing"),
    ],
)
def test_what_would_lose_data_is_refused_before_anything_is_changed(
    spark, catalog, table, contract, was, becomes, message
):
    before = catalog.load_table(table).metadata_location
    changed = BEFORE.replace(was, becomes).replace("'who'", "'whoever'")
    assert was in BEFORE
    contract(table, changed)

    with pytest.raises(ContractError, match=message):
        follow_contracts(spark, catalog, [table])

    assert catalog.load_table(table).metadata_location == before


@pytest.mark.parametrize(("was", "becomes"), [("user_id int", "user_id string"), ("decimal(2,1)", "decimal(2,0)")])
def test_a_type_that_is_not_wider_is_refused_by_iceberg(spark, catalog, table, contract, was, becomes):
    contract(table, BEFORE.replace(was, becomes))

    with pytest.raises(Exception, match=r"NOT_SUPPORTED_CHANGE_COLUMN|Cannot change column type"):
        follow_contracts(spark, catalog, [table])

    assert catalog.load_table(table).scan().to_arrow().to_pylist() == [
        {"user_id": 7, "stars": Decimal("3.5"), "month": MARCH}
    ]


def test_a_contract_in_another_form_is_refused(contract):
    contract("gold.genres", BEFORE.replace(" COMMENT 'how many'", ""))

    with pytest.raises(ContractError, match=r"gold_genres.*its comment"):
        read_contract("gold.genres")
    with pytest.raises(ContractError, match=r"gold.movies has no contract: write spark_jobs/contracts/gold_movies.sql"):
        read_contract("gold.movies")


def test_a_table_that_is_as_its_contract_says_is_left_alone(spark, lake_tables):
    def versions():
        return {name: lake_tables.load_table(name).metadata_location for name in tables_with_contract()}

    before = versions()
    follow_contracts(spark, lake_tables, tables_with_contract())

    assert versions() == before

"""Glue as the catalog: Spark and pyiceberg on one catalog, each by the role of its host."""

from pathlib import Path

import pytest

from lakehouse.contracts import read_contract, tables_with_contract
from tests.fixtures.in_order import files_in_order
from tests.infra.aws.account import PARAMETERS

pytestmark = pytest.mark.integration

COMMENT = 255
"""How long Glue lets the comment of a column be."""


def catalog():
    from pyiceberg.catalog import load_catalog

    return load_catalog("lake")


def spark():
    from pyspark.sql import SparkSession

    return SparkSession.builder.getOrCreate()  # on SPARK_REMOTE


def bronze_loaded(folder: Path) -> tuple[list[str], int]:
    """Land a folder and take it through bronze; the reports on it and what Spark then reads on main."""
    from lakehouse.layers import audit, publish, write
    from tests.fixtures.loads import new_load

    run = new_load(folder)
    for step in (write, lambda *args: audit(*args, "a_dag"), lambda *args: publish(*args, "a_dag")):
        step(spark(), "bronze", run)
    return run["run_id"], spark().table("lake.bronze.ratings").count()


@pytest.fixture(scope="module")
def loaded(on_airflow_host, account, tmp_path_factory):
    """A dataset that went from a folder through the gate of bronze."""
    folder = tmp_path_factory.mktemp("datasets")
    variables = f"{PARAMETERS}/airflow/variables"
    account.client("ssm").put_parameter(
        Name=f"{variables}/lakehouse_dataset_folder", Value=str(folder), Type="String", Overwrite=True
    )
    for table, text in files_in_order(range(1, 3)).items():
        (folder / f"{table}.csv").write_text(text)
    return on_airflow_host(bronze_loaded, folder)


def rows_and_refs(name: str) -> tuple[int, list[str]]:
    table = catalog().load_table(name)
    return table.scan().count(), sorted(table.refs())


def test_a_folder_is_landed_written_audited_and_published(loaded, on_airflow_host, account):
    run_id, rows_by_spark = loaded
    ratings = 14 * 13 * 2

    assert on_airflow_host(rows_and_refs, "landing.ratings") == (ratings, ["main"])
    assert on_airflow_host(rows_and_refs, "bronze.ratings") == (ratings, ["main"])
    assert rows_by_spark == ratings
    reports = account.s3.list_objects_v2(Bucket="lakehouse-test-lake", Prefix="quality/")["Contents"]
    assert f"quality/a_dag/{run_id}/bronze.ratings.json" in {report["Key"] for report in reports}


def tables_of_contracts() -> tuple[list[str], list[str]]:
    from lakehouse.contracts import follow_contracts

    names = tables_with_contract()
    follow_contracts(spark(), catalog(), names)
    namespaces = sorted({name.split(".")[0] for name in names})
    shown = [spark().sql(f"SHOW TABLES IN lake.{namespace}").collect() for namespace in namespaces]
    listed = [name for namespace in namespaces for name in catalog().list_tables(namespace)]
    return sorted(f"{row.namespace}.{row.tableName}" for rows in shown for row in rows), sorted(map(".".join, listed))


def test_spark_and_pyiceberg_see_the_table_of_every_contract(loaded, on_airflow_host):
    assert on_airflow_host(tables_of_contracts) == (tables_with_contract(), tables_with_contract())


def test_comments_are_short_enough_for_glue():
    """Which moto does not check."""
    comments = {
        f"{name}.{column.name}": len(column.comment)
        for name in tables_with_contract()
        for column in read_contract(name).columns
    }

    assert {name: length for name, length in comments.items() if length > COMMENT} == {}


def branches_published() -> list[object]:
    from lakehouse.branches import drop_branch, open_branch, publish_branch, tag
    from tests.fixtures.lake import append, month, new_table, rows_of

    table = catalog().load_table(new_table(catalog(), "ops"))
    name = ".".join(table.name())

    def written(branch: str, text: str) -> int:
        open_branch(table, branch)
        return append(table, [{"month": month(text), "n": 1}], branch)

    march, april = written("march", "2001-03"), written("april", "2001-04")
    open_branch(table, "dropped")
    drop_branch(table, "dropped")
    outcomes = [
        publish_branch(spark(), table, branch, audited, may_cherry_pick=True)
        for branch, audited in (("march", march), ("april", april), ("april", april))
    ]
    tag(table, "kept", march)
    return [*outcomes, len(rows_of(catalog(), name)), sorted(catalog().load_table(name).refs()), march]


def test_branches_are_published_cherry_picked_tagged_and_dropped(on_airflow_host):
    outcomes = on_airflow_host(branches_published)

    assert outcomes[:-1] == ["published", "cherry-picked", "unchanged", 2, ["kept", "main"]]


def first_commits() -> tuple[int, int]:
    """A branch on a table without a snapshot, made by pyiceberg, and an insert of Spark into another."""
    from lakehouse.branches import open_branch
    from tests.fixtures.lake import append, new_table, rows_of

    schema = catalog().load_table(new_table(catalog(), "ops")).schema()
    bare, other = (catalog().create_table(f"ops.bare_{number}", schema) for number in (1, 2))
    open_branch(bare, "first")
    append(bare, [{"n": 1}], "first")
    spark().sql("INSERT INTO lake.ops.bare_2 VALUES (date'2001-03-01', 1)")
    return len(rows_of(catalog(), "ops.bare_1", "first")), len(rows_of(catalog(), ".".join(other.name())))


def test_the_first_commit_of_an_empty_table_is_like_any_other(on_airflow_host):
    assert on_airflow_host(first_commits) == (1, 1)


def commit_overtaken() -> tuple[str, list[str]]:
    """What a tag meets when another commit comes between its decision and its request, and what tag() makes of it."""
    from pyiceberg.exceptions import CommitFailedException

    from lakehouse.branches import tag
    from tests.fixtures.lake import append, first_snapshot, new_table

    name = new_table(catalog(), "ops")
    overtaken = catalog()
    table = overtaken.load_table(name)
    update = overtaken._update_glue_table
    commits = iter(["overtakes the first", "overtakes the second"])

    def late(*args: object, **kwargs: object) -> None:
        if next(commits, None):
            append(catalog().load_table(name), [])
        update(*args, **kwargs)

    overtaken._update_glue_table = late
    try:
        table.manage_snapshots().create_tag(first_snapshot(table), "noticed").commit()
        noticed = "nothing"
    except CommitFailedException as error:
        noticed = str(error)
    tag(table, "decided_anew", first_snapshot(table))
    after = catalog().load_table(name)
    return noticed, [*sorted(after.refs()), str(len(after.snapshots()))]


def test_a_writer_notices_that_another_was_faster_and_decides_anew(on_airflow_host):
    noticed, refs_and_snapshots = on_airflow_host(commit_overtaken)

    assert "Glue detected concurrent update" in noticed
    assert refs_and_snapshots == ["decided_anew", "main", "3"]


def commits_at_once(each: int) -> tuple[int, int]:
    """Rows and tags after Spark and pyiceberg have committed to one table at the same time."""
    from concurrent.futures import ThreadPoolExecutor

    from lakehouse.branches import tag
    from tests.fixtures.lake import first_snapshot, new_table, rows_of

    name = new_table(catalog(), "ops")
    spark().sql(f"ALTER TABLE lake.{name} SET TBLPROPERTIES ('commit.retry.num-retries' = '20')")
    start = first_snapshot(catalog().load_table(name))

    session = spark()
    with ThreadPoolExecutor(4) as pool:
        done = [
            pool.submit(session.sql, f"INSERT INTO lake.{name} VALUES (date'2001-03-01', {n})") for n in range(each)
        ]
        done += [pool.submit(lambda n: tag(catalog().load_table(name), f"tag_{n}", start), n) for n in range(each)]
        [each.result() for each in done]
    tags = [ref for ref in catalog().load_table(name).refs() if ref.startswith("tag_")]
    return len(rows_of(catalog(), name)), len(tags)


def test_no_commit_of_spark_or_pyiceberg_is_lost_when_both_write_at_once(on_airflow_host):
    assert on_airflow_host(commits_at_once, 6) == (6, 6)


def restored(name: str) -> tuple[list[str], int]:
    from infra.hosts.restore_catalog import Warehouse, plan, restore

    warehouse = Warehouse(catalog().properties["warehouse"], catalog().properties)
    tables = plan(catalog(), warehouse, [name], {})
    restore(catalog(), tables)
    return list(tables), rows_and_refs(name)[0]


def test_a_table_that_glue_has_lost_is_registered_again(loaded, on_airflow_host, account):
    account.client("glue").delete_table(DatabaseName="bronze", Name="ratings")

    assert on_airflow_host(restored, "bronze.ratings") == (["bronze.ratings"], 364)

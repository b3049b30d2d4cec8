"""A run reads pinned snapshots and writes its months to its branch, on real Iceberg tables."""

import pytest

from spark_jobs.common.lake import Lake, count_rows, head, properties_of, rows_by_month
from spark_jobs.common.months import EVERY_MONTH, Months
from tests.fixtures.lake import VERSION, append, first_snapshot, month, new_run, new_table, rows_of

MARCH, APRIL, MAY = month("2001-03"), month("2001-04"), month("2001-05")
MONTHS = [{"month": MARCH, "n": 3}, {"month": APRIL, "n": 4}, {"month": MAY, "n": 5}, {"month": None, "n": 0}]
NAMESPACE = "lake_test"


@pytest.fixture
def table(catalog):
    """A table with a row in each of three months and in the unknown one."""
    name = new_table(catalog, NAMESPACE)
    append(catalog.load_table(name), MONTHS)
    return name


@pytest.fixture
def lake_of(spark, catalog):
    """The lake as a run sees it that has opened its branch of the tables."""

    def lake_of(run, *tables):
        for name in tables:
            loaded = catalog.load_table(name)
            with loaded.manage_snapshots() as snapshots:
                snapshots.create_branch(loaded.current_snapshot().snapshot_id, run.branch)
        return Lake(spark, catalog, run)

    return lake_of


@pytest.fixture
def frame(spark):
    return lambda *rows: spark.createDataFrame(list(rows), "month date, n bigint")


def summary_of(catalog, name, branch):
    return catalog.load_table(name).snapshot_by_name(branch).summary


def test_replacing_a_month_leaves_the_others_and_main(catalog, table, lake_of, frame):
    lake = lake_of(new_run("2001-04"), table)

    lake.replace(table, frame((APRIL, 40), (APRIL, 41)))

    assert rows_of(catalog, table, lake.run.branch) == [(None, 0), (MARCH, 3), (APRIL, 40), (APRIL, 41), (MAY, 5)]
    assert rows_of(catalog, table) == [(None, 0), (MARCH, 3), (APRIL, 4), (MAY, 5)]
    assert summary_of(catalog, table, lake.run.branch)["replace-partitions"] == "true"  # so it can be cherry-picked


def test_a_month_that_lost_its_rows_is_emptied(catalog, table, lake_of, frame):
    lake = lake_of(new_run("2001-04"), table)

    lake.replace(table, frame())

    assert rows_of(catalog, table, lake.run.branch) == [(None, 0), (MARCH, 3), (MAY, 5)]


def test_a_range_is_replaced_in_one_commit_also_where_it_lost_rows(catalog, table, lake_of, frame):
    lake = lake_of(new_run("2001-04", "2001-06"), table)

    lake.replace(table, frame((APRIL, 40)))

    assert rows_of(catalog, table, lake.run.branch) == [(None, 0), (MARCH, 3), (APRIL, 40)]
    commit = catalog.load_table(table).snapshot_by_name(lake.run.branch)
    assert commit.parent_snapshot_id == catalog.load_table(table).current_snapshot().snapshot_id


def test_the_unknown_month_is_replaced_by_the_run_that_it_belongs_to(catalog, table, lake_of, frame):
    lake = lake_of(new_run("2001-04", unknown=True), table)

    lake.replace(table, frame((None, 7)))

    assert rows_of(catalog, table, lake.run.branch) == [(None, 7), (MARCH, 3), (MAY, 5)]


def test_a_first_range_can_be_cherry_picked(catalog, lake_of, frame):
    table = new_table(catalog, NAMESPACE)
    lake = lake_of(new_run("2001-03", "2001-05"), table)

    lake.replace(table, frame((MARCH, 3)))

    assert summary_of(catalog, table, lake.run.branch)["replace-partitions"] == "true"


def test_a_table_without_months_is_replaced_whole(catalog, lake_of, frame):
    table = new_table(catalog, NAMESPACE, has_months=False)
    append(catalog.load_table(table), MONTHS)
    lake = lake_of(new_run("2001-04"), table)

    assert lake.read(table).count() == lake.count(table) == 4
    lake.replace(table, frame((APRIL, 40)))

    assert rows_of(catalog, table, lake.run.branch) == [(APRIL, 40)]


def test_a_table_may_have_the_months_of_a_time(spark, catalog, lake_of):
    table = new_table(catalog, NAMESPACE) + "_by_time"
    spark.sql(f"CREATE TABLE {table} (at timestamp) USING iceberg PARTITIONED BY (months(at))")
    times = "(TIMESTAMP '2001-03-31 23:59:59'), (TIMESTAMP '2001-04-01 00:00:00'), (TIMESTAMP '1969-12-31 00:00:00')"
    spark.sql(f"INSERT INTO {table} VALUES {times}")
    lake = lake_of(new_run("2001-04"), table)

    assert [str(at) for (at,) in lake.read(table).collect()] == ["2001-04-01 00:00:00"]
    assert lake.rows_by_month(table) == {APRIL: 1}
    loaded = catalog.load_table(table)
    counts = rows_by_month(loaded, loaded.current_snapshot().snapshot_id)
    assert counts == {MARCH: 1, APRIL: 1, month("1969-12"): 1}


def test_clearing_months_without_rows_makes_no_commit(catalog, table, lake_of):
    lake = lake_of(new_run("2001-06"), table)
    before = lake.head(table)

    lake.clear(table)

    assert lake.head(table) == before


def test_only_the_months_of_the_run_are_read(table, lake_of):
    lake = lake_of(new_run("2001-04", "2001-06", unknown=True), table)

    assert sorted(lake.read(table).collect(), key=lambda row: str(tuple(row))) == [(None, 0), (APRIL, 4), (MAY, 5)]
    assert lake.rows_by_month(table) == {APRIL: 1, MAY: 1, None: 1}
    assert (lake.count(table), lake.total(table)) == (3, 4)
    assert lake.read_all(table).count() == 4


def test_a_read_stays_at_the_snapshot_that_the_write_records(spark, catalog, table, lake_of, frame):
    target = new_table(catalog, NAMESPACE)
    lake = lake_of(new_run("2001-04"), target)
    pinned = catalog.load_table(table).current_snapshot().snapshot_id

    rows = lake.read(table)
    append(catalog.load_table(table), [{"month": APRIL, "n": 99}])
    lake.replace(target, rows)

    assert rows_of(catalog, target, lake.run.branch) == [(APRIL, 4)]
    recorded = summary_of(catalog, target, lake.run.branch).additional_properties
    assert {key: value for key, value in recorded.items() if key.startswith("lakehouse.")} == {
        f"lakehouse.source.{table}": str(pinned),
        "lakehouse.run-id": lake.run.run_id,
        "lakehouse.dataset": lake.run.dataset_version,
        "lakehouse.code-version": "unknown",
    }


def test_a_run_sees_its_branch_where_it_has_one_and_main_elsewhere(catalog, table, lake_of):
    run = new_run("2001-04")
    loaded = catalog.load_table(table)
    main = loaded.current_snapshot().snapshot_id
    lake = lake_of(run)
    assert lake.head(table) == main

    lake_of(run, table)
    written = append(catalog.load_table(table), [{"month": APRIL, "n": 40}], run.branch)

    assert lake.head(table) == written
    assert head(catalog.load_table(table), "no such branch") == main
    assert count_rows(catalog.load_table(table), first_snapshot(loaded)) == 0


def test_a_table_without_a_snapshot_is_not_ours(catalog, table):
    bare = catalog.create_table(f"{table}_bare", catalog.load_table(table).schema())

    with pytest.raises(LookupError, match=r"lake_test\.table_\d+_bare has no snapshot"):
        head(bare, "main")


def test_other_months_are_read_through_the_same_branch(table, lake_of, frame):
    lake = lake_of(new_run("2001-04"), table)
    lake.replace(table, frame((APRIL, 40), (APRIL, 41)))

    assert lake.for_months(Months.of_each([MARCH, APRIL])).rows_by_month(table) == {MARCH: 1, APRIL: 2}
    assert lake.for_months(EVERY_MONTH).count(table) == 5
    assert lake.count(table) == 2


def test_what_readers_see_is_main_and_nothing_of_another_dataset(catalog, table, lake_of, frame):
    lake = lake_of(new_run("2001-04"), table)
    lake.replace(table, frame((APRIL, 40), (APRIL, 41)))
    assert (lake.total_before(table), lake.read_before(table)) == (0, None)  # no run has written main

    append(catalog.load_table(table), [], **{"lakehouse.dataset": "tiny@another"})
    assert (lake.total_before(table), lake.read_before(table).count()) == (4, 4)
    append(catalog.load_table(table), [], **{"lakehouse.dataset": f"other@{VERSION}"})
    assert (lake.total_before(table), lake.read_before(table)) == (0, None)
    assert (lake.total_before("lake_test.none"), lake.read_before("lake_test.none")) == (0, None)


def test_a_cherry_picked_commit_has_the_properties_of_the_one_that_was_picked(catalog, spark, table, lake_of, frame):
    lake = lake_of(new_run("2001-04"), table)
    lake.replace(table, frame((APRIL, 40)))
    append(catalog.load_table(table), [{"month": MAY, "n": 6}])

    picked = lake.head(table)
    spark.sql(f"CALL lake.system.cherrypick_snapshot('{table}', {picked})").collect()

    loaded = catalog.load_table(table)
    main = loaded.current_snapshot().snapshot_id
    assert properties_of(loaded, main)["lakehouse.run-id"] == lake.run.run_id
    assert count_rows(loaded, main) == 5

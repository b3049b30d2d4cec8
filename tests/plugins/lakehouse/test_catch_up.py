"""Gold takes along the months that parallel runs have published in silver, and is judged by what it is made of."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pyiceberg.table.refs import MAIN_BRANCH

from lakehouse.branches import open_branch
from lakehouse.catch_up import MONTHLY, RATINGS, gold_to_audit, gold_to_write, months_between
from lakehouse.layers import write_branches
from lakehouse.tables import LAYERS
from spark_jobs.common.lake import Lake, head
from tests.fixtures.lake import append, month, new_run, rewind, rows_of

pytestmark = pytest.mark.integration

MARCH, APRIL, MAY = month("2001-03"), month("2001-04"), month("2001-05")


@pytest.fixture
def tables(lake_tables):
    """Silver and gold, empty on main before and after."""
    names = [*LAYERS["silver"], *LAYERS["gold"]]
    rewind(lake_tables, *names)
    yield lake_tables
    rewind(lake_tables, *names)


def publish(catalog, in_month):
    """What another run does in silver: a rating of the month on main."""
    at = datetime(in_month.year, in_month.month, 2, tzinfo=UTC)
    row = {"user_id": 1, "movie_id": 7, "rating": Decimal("3.5"), "rated_at": at, "rated_month": in_month}
    return append(catalog.load_table(RATINGS), [row])


def test_months_differ_where_their_files_do(tables):
    ratings = tables.load_table(RATINGS)
    empty = head(ratings, MAIN_BRANCH)
    march, april = publish(tables, MARCH), publish(tables, APRIL)
    ratings.refresh()

    assert months_between(ratings, march, april) == {APRIL}
    assert months_between(ratings, empty, april) == months_between(ratings, None, april) == {MARCH, APRIL}
    assert months_between(ratings, april, march) == {APRIL}
    assert months_between(ratings, april, april) == set()
    assert months_between(ratings, 12345, april) == {MARCH, APRIL}


def test_gold_of_a_month_has_all_that_silver_has_and_is_judged_by_that(spark, tables):
    run = new_run("2001-03")
    publish(tables, MARCH)
    computed_from = publish(tables, APRIL)

    write_branches(spark, tables, run, "gold")
    publish(tables, MAY)  # while gold waits for its audit
    judged, pinned = gold_to_audit(tables, run)

    assert [row[0] for row in rows_of(tables, MONTHLY, run.branch)] == [MARCH, APRIL]
    assert pinned[RATINGS] == computed_from
    assert MARCH in judged.months
    assert APRIL in judged.months
    assert MAY not in judged.months
    lake = Lake(spark, tables, judged, pinned)
    assert (lake.total(RATINGS), lake.count(RATINGS), lake.read_all(RATINGS).count()) == (2, 2, 2)
    spark.catalog.clearCache()


def test_a_run_of_its_own_is_for_its_own_months(spark, tables):
    publish(tables, MARCH)
    first, second = new_run("2001-03"), new_run("2001-04")
    write_branches(spark, tables, first, "gold")
    for name in LAYERS["gold"]:
        table = tables.load_table(name)
        with table.manage_snapshots() as snapshots:
            snapshots.set_current_snapshot(ref_name=first.branch).remove_branch(first.branch)
    publish(tables, APRIL)
    for name in LAYERS["gold"]:
        open_branch(tables.load_table(name), second.branch)

    to_write, pinned = gold_to_write(tables, second)

    assert to_write == second
    assert pinned[RATINGS] == tables.load_table(RATINGS).current_snapshot().snapshot_id

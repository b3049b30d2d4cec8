"""Write, audit, publish on real Iceberg tables: in any order, twice, and after a crash."""

import pytest
from pyiceberg.table import Table

from lakehouse import branches
from lakehouse.branches import MainMovedError, NotAuditedError, open_branch, publish_branch
from spark_jobs.common.lake import Lake
from tests.fixtures.lake import append, month, new_run, new_table, rows_of

pytestmark = pytest.mark.integration

MARCH, APRIL, MAY = month("2001-03"), month("2001-04"), month("2001-05")


@pytest.fixture
def name(catalog):
    return new_table(catalog, "branches_test")


@pytest.fixture
def written(catalog, name):
    """A function that adds a row of a month on the branch of a new run and returns (branch, snapshot)."""

    def written(text, n):
        branch = new_run().branch
        open_branch(catalog.load_table(name), branch)
        return branch, append(catalog.load_table(name), [{"month": month(text), "n": n}], branch)

    return written


@pytest.fixture
def replaced(spark, catalog, name):
    """As ``written``, by the overwrite of a job."""

    def replaced(text, n, *, last=None):
        run = new_run(text, last)
        open_branch(catalog.load_table(name), run.branch)
        Lake(spark, catalog, run).replace(name, spark.createDataFrame([(month(text), n)], "month date, n bigint"))
        return run.branch, catalog.load_table(name).snapshot_by_name(run.branch).snapshot_id

    return replaced


@pytest.fixture
def published(spark, catalog, name):
    def published(branch, audited, *, may_cherry_pick=True):
        return publish_branch(spark, catalog.load_table(name), branch, audited, may_cherry_pick=may_cherry_pick)

    return published


def branches_of(catalog, name):
    return sorted(catalog.load_table(name).refs())


def test_the_first_publish_of_an_empty_table_is_the_audited_snapshot(catalog, name, written, published):
    branch, audited = written("2001-03", 3)
    assert rows_of(catalog, name) == []

    assert published(branch, audited) == "published"

    assert catalog.load_table(name).current_snapshot().snapshot_id == audited
    assert rows_of(catalog, name) == [(MARCH, 3)]
    assert branches_of(catalog, name) == ["main"]


def test_publishing_twice_is_harmless(catalog, name, written, published):
    branch, audited = written("2001-03", 3)
    published(branch, audited)

    assert published(branch, audited) == "unchanged"

    assert catalog.load_table(name).current_snapshot().snapshot_id == audited


def test_a_branch_without_a_commit_is_dropped(catalog, name, published):
    table = catalog.load_table(name)
    open_branch(table, "idle")

    assert published("idle", table.current_snapshot().snapshot_id) == "unchanged"

    assert branches_of(catalog, name) == ["main"]


def test_what_was_not_audited_is_not_published(catalog, name, written, published):
    branch, audited = written("2001-03", 3)
    append(catalog.load_table(name), [{"month": MARCH, "n": 99}], branch)

    with pytest.raises(NotAuditedError, match=rf"{name}: {branch} is at \d+, audited was {audited}"):
        published(branch, audited)

    assert rows_of(catalog, name) == []
    assert branches_of(catalog, name) == ["main", branch]


def test_of_two_runs_from_one_base_the_second_is_added_to_the_first(catalog, name, replaced, published):
    march, april = replaced("2001-03", 3), replaced("2001-04", 4)

    assert published(*april) == "published"
    assert published(*march) == "cherry-picked"

    assert rows_of(catalog, name) == [(MARCH, 3), (APRIL, 4)]
    assert branches_of(catalog, name) == ["main"]


def test_a_crash_between_cherry_pick_and_drop_is_finished_by_the_retry(catalog, name, written, published, monkeypatch):
    march, april, may = written("2001-03", 3), written("2001-04", 4), written("2001-05", 5)
    published(*april)
    with monkeypatch.context() as crash:
        crash.setattr(branches, "drop_branch", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            published(*march)
    assert march[0] in branches_of(catalog, name)
    published(*may)  # main moves on before the retry

    assert published(*march) == "cherry-picked"

    assert rows_of(catalog, name) == [(MARCH, 3), (APRIL, 4), (MAY, 5)]
    assert branches_of(catalog, name) == ["main"]


def test_two_runs_of_the_same_month_do_not_mix(catalog, name, replaced, published):
    first, second = replaced("2001-03", 3), replaced("2001-03", 30)
    published(*first)

    with pytest.raises(MainMovedError, match=name):
        published(*second)

    assert rows_of(catalog, name) == [(MARCH, 3)]


def test_an_overwritten_range_does_not_fit_on_a_main_that_moved(catalog, name, written, replaced, published):
    published(*written("2001-03", 3))
    range_of_months, april = replaced("2001-03", 30, last="2001-05"), written("2001-04", 4)
    published(*april)

    with pytest.raises(MainMovedError, match=name):
        published(*range_of_months)

    assert rows_of(catalog, name) == [(MARCH, 3), (APRIL, 4)]


def test_what_is_derived_from_all_months_is_never_cherry_picked(catalog, name, written, published):
    march, april = written("2001-03", 3), written("2001-04", 4)
    published(*april)

    with pytest.raises(MainMovedError, match="another run published first"):
        published(*march, may_cherry_pick=False)

    assert rows_of(catalog, name) == [(APRIL, 4)]


def test_a_retry_begins_with_a_fresh_branch(catalog, name, written):
    branch, _ = written("2001-03", 3)
    main = append(catalog.load_table(name), [{"month": APRIL, "n": 4}])

    open_branch(catalog.load_table(name), branch)

    assert catalog.load_table(name).snapshot_by_name(branch).snapshot_id == main
    assert rows_of(catalog, name, branch) == [(APRIL, 4)]


def test_a_new_table_gets_an_empty_main_to_branch_from(catalog, name):
    bare = catalog.create_table(f"{name}_bare", catalog.load_table(name).schema())

    open_branch(bare, "first")

    assert bare.snapshot_by_name("first").snapshot_id == bare.current_snapshot().snapshot_id
    assert rows_of(catalog, f"{name}_bare", "first") == []


def test_what_has_no_audit_is_not_published(written, published):
    branch, _ = written("2001-03", 3)

    with pytest.raises(NotAuditedError, match="audited was None"):
        published(branch, None)


def test_a_step_is_decided_anew_when_another_commit_comes_in_between(catalog, name, written, published, monkeypatch):
    branch, audited = written("2001-03", 3)
    update = Table.manage_snapshots
    interruptions = iter([True, False])

    def interrupted(table):
        if next(interruptions, False):
            other = new_run().branch
            open_branch(catalog.load_table(name), other)
        return update(table)

    monkeypatch.setattr(Table, "manage_snapshots", interrupted)

    assert published(branch, audited) == "published"
    assert rows_of(catalog, name) == [(MARCH, 3)]
    assert branch not in branches_of(catalog, name)

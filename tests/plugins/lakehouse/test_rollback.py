"""A rollback moves every table to its snapshot in a release, in any number of tries, or none."""

from datetime import UTC, datetime

import pytest
from airflow.sdk.exceptions import AirflowFailException

from lakehouse import rollback
from lakehouse.branches import MainMovedError, NotAuditedError
from lakehouse.releases import record_release
from lakehouse.tables import LAYERS, RELEASED
from spark_jobs.common.run import Run
from tests.fixtures.lake import append, new_run, rewind

pytestmark = pytest.mark.integration

AUDITED = [table for layer in rollback.AUDITED for table in LAYERS[layer]]


@pytest.fixture
def lake(lake_tables):
    rewind(lake_tables, *RELEASED)
    yield lake_tables
    rewind(lake_tables, *RELEASED)


@pytest.fixture
def release(lake):
    """A release of empty tables, after which every catalogue got a row."""
    release = record_release(lake, new_run(), warnings=0, code_version="0.1.0")
    for name in ("silver.links", "bronze.links", "gold.genre_stats"):
        append(lake.load_table(name), [{}])
    return release


@pytest.fixture
def plan(lake, release, monkeypatch):
    """A rollback to the release, with what its audits let pass: everything, unless a test takes something away."""
    plan = rollback.open_branches(lake, release, new_run().run_id, datetime.now(UTC))
    passed = {name: release.tables[name] for name in AUDITED}
    monkeypatch.setattr(rollback, "passed_snapshots", lambda _, run_id: passed if run_id == run_of(plan) else {})
    return plan | {"passed": passed}


def run_of(plan):
    return plan["run"]["run_id"]


def heads(lake):
    return {name: lake.load_table(name).current_snapshot().snapshot_id for name in RELEASED}


def restore(lake, release, plan):
    rollback.restore(lake, release, Run.from_json(plan["run"]), plan["heads"])


def test_every_table_goes_back_and_no_branch_is_left(lake, release, plan):
    assert heads(lake) == plan["heads"] != release.tables

    restore(lake, release, plan)

    assert heads(lake) == release.tables
    branch = Run.from_json(plan["run"]).branch
    assert [name for name in RELEASED if branch in lake.load_table(name).refs()] == []


def test_a_crash_between_two_tables_is_finished_by_the_next_try(lake, release, plan, monkeypatch):
    move, moved = rollback._move, []

    def crash_at_the_second(table, branch, target):
        if len(moved) == 6:
            raise ConnectionError("the catalog is gone")
        moved.append(move(table, branch, target))

    monkeypatch.setattr(rollback, "_move", crash_at_the_second)
    with pytest.raises(ConnectionError):
        restore(lake, release, plan)
    assert heads(lake) not in (plan["heads"], release.tables)
    monkeypatch.setattr(rollback, "_move", move)

    restore(lake, release, plan)

    assert heads(lake) == release.tables


def test_what_a_load_published_meanwhile_is_not_undone_unseen(lake, release, plan):
    append(lake.load_table("silver.links"), [{}])
    before = heads(lake)

    with pytest.raises(MainMovedError, match=r"silver\.links was published to"):
        restore(lake, release, plan)

    assert heads(lake) == before


def test_a_table_that_did_not_pass_its_audit_keeps_all_others_back(lake, release, plan):
    del plan["passed"]["gold.genre_stats"]

    with pytest.raises(NotAuditedError, match=r"gold\.genre_stats: snapshot \d+ has not passed"):
        restore(lake, release, plan)

    assert heads(lake) == plan["heads"]


def test_without_a_release_id_it_is_the_one_before_the_last(lake, release):
    last = record_release(lake, new_run(), warnings=0, code_version="0.1.0")

    assert rollback.one_before_the_last(lake).release_id == release.release_id
    assert last.release_id != release.release_id


def test_an_unknown_release_is_refused(lake):
    with pytest.raises(AirflowFailException, match="There is no release 'nonsense'"):
        rollback.choose_release("manual__1", "nonsense")

"""A plan for which everything is old, and tables that other tests can go back to afterwards."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from lakehouse.branches import tag
from lakehouse.maintenance import Plan
from lakehouse.tables import EVENTS, RELEASED
from spark_jobs.common.lake import head
from tests.fixtures.lake import first_snapshot, mains_restored, rewind

NOW = datetime.now(UTC)
PARAMS = {
    "dry_run": False,
    "keep_releases": 2,
    **{f"{name}_days": 0 for name in ("releases", "branches", "snapshots", "landing", "quality")},
    "orphans_days": 2,
}


def plan(**changes):
    """A plan for which everything is old, of a moment from now."""
    return Plan.of(PARAMS | changes, by_hand=False, now=datetime.now(UTC) + timedelta(seconds=5))


def nobody(_):
    return False


@pytest.fixture
def lake(lake_tables):
    """The tables with a contract, empty but for what a test writes; what other tests go back to is not lost."""
    rewind(lake_tables, *RELEASED)
    tags = {}
    for name in (EVENTS, "ops.releases", "silver.ratings"):
        table = lake_tables.load_table(name)
        tags[name] = {ref: each.snapshot_id for ref, each in table.refs().items() if ref[:5] not in ("main", "kept_")}
        needed = tags[name] | {"first": first_snapshot(table), "before": head(table, "main")}
        for ref, snapshot_id in needed.items():
            tag(table, f"kept_{ref}_{snapshot_id}", snapshot_id)
    with mains_restored(lake_tables, EVENTS, "ops.releases"):
        rewind(lake_tables, EVENTS, "ops.releases")
        yield lake_tables
    rewind(lake_tables, *RELEASED)
    for name, refs in tags.items():
        for ref, snapshot_id in refs.items():
            tag(lake_tables.load_table(name), ref, snapshot_id)


@pytest.fixture
def only(monkeypatch):
    """A function that lets the steps see some tables only, so that a test costs what these cost."""

    def only(catalog, *names):
        def tables(_):
            return {name: catalog.load_table(name) for name in names}

        for module in ("branches", "compaction", "measures", "orphans", "releases", "snapshots"):
            monkeypatch.setattr(f"lakehouse.maintenance.{module}.all_tables", tables)

    return only


def plant(stack, key, days_old):
    """Put an object where a writer could have left it, that many days ago."""
    path = stack.state / "s3" / "lake" / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"left behind")
    at = (NOW - timedelta(days=days_old)).timestamp()
    os.utime(path, (at, at))
    return path

"""A step that is killed at any of its commits has lost nothing, and the next run does what it left."""

import json
import os
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from infra.files import REPOSITORY
from lakehouse.branches import open_branch, tag
from lakehouse.datasets import Dataset
from lakehouse.landing import land, stored_manifest
from lakehouse.maintenance.branches import drop_dead_branches
from lakehouse.maintenance.compaction import compact
from lakehouse.maintenance.orphans import remove_orphan_files
from lakehouse.maintenance.releases import forget_old_releases
from lakehouse.maintenance.retention import delete_old_landings
from lakehouse.maintenance.snapshots import expirable, expire_snapshots
from lakehouse.serving import list_releases
from tests.fixtures.digests import digest
from tests.fixtures.in_order import files_in_order, write_files
from tests.fixtures.lake import append, new_table
from tests.plugins.lakehouse.maintenance.conftest import nobody, plan, plant

pytestmark = pytest.mark.integration

OLD, KEPT = "20200101T000000Z-0123abcd", "20200201T000000Z-0123abcd"


@pytest.fixture
def kill(stack):
    """A function that runs a step until it is killed at a call."""

    def kill(step, tables, counted, moment, number=1):
        given = {"plan": plan().to_json(), "spark": stack.spark_url, "s3": stack.s3_options, "tables": tables}
        environment = os.environ | {"GIVEN": json.dumps(given), "PYTHONPATH": f"{REPOSITORY / 'plugins'}:{REPOSITORY}"}
        program = Path(__file__).with_name("killed_step.py")
        command = [sys.executable, str(program), step, counted, moment, str(number)]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        assert ended.returncode == -signal.SIGKILL, ended.stderr

    return kill


@pytest.fixture
def tables(lake_tables, only):
    """Two tables with two commits each, the first of which has the tags of two releases."""
    names = [new_table(lake_tables, "upkeep") for _ in range(2)]
    for name in names:
        table = lake_tables.load_table(name)
        released = append(table, [{"n": 1}])
        for release_id in (OLD, KEPT):
            tag(table, release_id, released)
        append(table.refresh(), [{"n": 2}])
    only(lake_tables, *names)
    return names


def seen(catalog, names):
    """What readers see of the tables: main, and the release that is kept."""
    tables = [catalog.load_table(name) for name in names]
    return [digest(each.scan().use_ref(ref).to_arrow()) for each in tables for ref in ("main", KEPT)]


@pytest.mark.parametrize(("moment", "number"), [("before", 1), ("after", 1), ("before", 2)])
def test_branches(kill, lake_tables, tables, moment, number):
    for name in tables:
        open_branch(lake_tables.load_table(name), "run_dead")
        append(lake_tables.load_table(name), [{"n": 3}], "run_dead", **{"lakehouse.run-id": "dead"})
    before = seen(lake_tables, tables)

    kill("branches", tables, "drop_branch", moment, number)
    assert seen(lake_tables, tables) == before
    drop_dead_branches(lake_tables, plan(), nobody)

    assert not any("run_dead" in lake_tables.load_table(name).refs() for name in tables)
    assert seen(lake_tables, tables) == before


@pytest.mark.parametrize(
    ("counted", "moment"), [("_delete_rows", "before"), ("_delete_rows", "after"), ("_drop_tags", "after")]
)
def test_releases(kill, lake, lake_tables, tables, counted, moment):
    releases = lake.load_table("ops.releases")
    for minute, release_id in enumerate((OLD, KEPT, "latest")):
        append(
            releases.refresh(),
            [
                {
                    "release_id": release_id,
                    "created_at": datetime(2020, 1, 1, 0, minute),
                    "tables": [],
                    "kind": "load",
                    "dataset": "tiny@1",
                }
            ],
        )
    before = seen(lake_tables, tables)

    kill("releases", tables, counted, moment)
    assert seen(lake_tables, tables) == before
    forget_old_releases(lake, plan())

    assert [release.release_id for release in list_releases(lake)][:2] == ["latest", KEPT]
    assert OLD not in [release.release_id for release in list_releases(lake)]
    assert not any(OLD in lake_tables.load_table(name).refs() for name in tables)
    assert seen(lake_tables, tables) == before


@pytest.mark.parametrize(("moment", "number"), [("before", 1), ("after", 1), ("before", 2)])
def test_snapshots(kill, spark, lake_tables, tables, moment, number):
    before = seen(lake_tables, tables)

    kill("snapshots", tables, "sql", moment, number)
    assert seen(lake_tables, tables) == before
    expire_snapshots(spark, lake_tables, plan())

    assert [expirable(lake_tables.load_table(name), plan()) for name in tables] == [[], []]
    assert seen(lake_tables, tables) == before


@pytest.mark.parametrize(("moment", "number"), [("before", 1), ("after", 1), ("after", 2)])
def test_compaction(kill, spark, lake_tables, tables, monkeypatch, moment, number):
    names = ["ops.stream_gaps", tables[0]]
    table = lake_tables.load_table("ops.stream_gaps")
    for number_of_gap in range(6):
        append(table.refresh(), [{"partition": number_of_gap}])
    tag(table, KEPT, table.current_snapshot().snapshot_id)
    before = seen(lake_tables, names)

    kill("compaction", names, "sql", moment, number)
    assert seen(lake_tables, names) == before
    compact(spark, lake_tables, plan())
    monkeypatch.setattr("lakehouse.maintenance.compaction.all_tables", lambda _: {"ops.stream_gaps": table.refresh()})
    compact(spark, lake_tables, plan())

    assert len(list(table.refresh().scan().plan_files())) < 5
    assert seen(lake_tables, names) == before
    with table.manage_snapshots() as snapshots:
        snapshots.remove_tag(KEPT)


@pytest.mark.parametrize(("moment", "number"), [("before", 1), ("after", 1), ("after", 2)])
def test_orphans(kill, spark, s3, stack, lake_tables, tables, moment, number):
    folders = [lake_tables.load_table(name).location().removeprefix("s3://lake/") for name in tables]
    orphans = [plant(stack, f"{folder}/data/orphan.parquet", 5) for folder in folders]
    before = seen(lake_tables, tables)

    kill("orphans", tables, "_orphans", moment, number)
    assert seen(lake_tables, tables) == before
    remove_orphan_files(spark, s3, "lake", lake_tables, plan())

    assert not any(path.exists() for path in orphans)
    assert seen(lake_tables, tables) == before


@pytest.mark.parametrize(("counted", "number"), [("objects.delete", 1), ("_delete_version", 2), ("_delete_version", 4)])
def test_landings(kill, s3, lake_tables, tables, tmp_path, monkeypatch, counted, number):
    folder = write_files(tmp_path / "files", files_in_order(users=range(1, 4)))
    source = Dataset("upkeep-killed", folder)
    manifest = land(source, s3, "lake", lake_tables, scratch=tmp_path)

    monkeypatch.setattr("lakehouse.maintenance.retention.LANDING", "landing/upkeep-killed/")

    kill("retention", tables, counted, "after", number)
    delete_old_landings(s3, "lake", lake_tables, plan())

    assert stored_manifest(s3, "lake", "upkeep-killed", manifest.version) is None
    of_version = f"_dataset_version = '{manifest.version}'"
    assert lake_tables.load_table("landing.ratings").scan(of_version).to_arrow().num_rows == 0
    assert land(source, s3, "lake", lake_tables, scratch=tmp_path).months == manifest.months  # it may come again
    delete_old_landings(s3, "lake", lake_tables, plan())

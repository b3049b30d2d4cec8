"""Maintenance removes what nobody needs, keeps what a release, a branch or main needs, and may be killed anywhere."""

from datetime import timedelta

import pytest

from lakehouse import rollback
from lakehouse.branches import open_branch, publish_branch, tag
from lakehouse.maintenance import Plan
from lakehouse.maintenance.branches import drop_dead_branches
from lakehouse.maintenance.compaction import compact
from lakehouse.maintenance.measures import measure
from lakehouse.maintenance.orphans import remove_orphan_files
from lakehouse.maintenance.releases import forget_old_releases
from lakehouse.maintenance.retention import delete_old_landings, delete_old_reports
from lakehouse.maintenance.snapshots import expirable, expire_snapshots
from lakehouse.releases import record_release
from lakehouse.serving import list_releases
from lakehouse.tables import EVENTS
from spark_jobs.common.lake import head, properties_of
from tests.fixtures.digests import digest
from tests.fixtures.lake import append, new_run, new_table, rewind, rows_of
from tests.plugins.lakehouse.maintenance.conftest import NOW, PARAMS, plan, plant

pytestmark = pytest.mark.integration


def test_by_hand_it_only_reports_unless_told_otherwise_and_on_schedule_it_acts():
    assert Plan.of(PARAMS | {"dry_run": None}, by_hand=True).dry_run is True
    assert Plan.of(PARAMS | {"dry_run": None}, by_hand=False).dry_run is False
    assert Plan.of(PARAMS | {"dry_run": False}, by_hand=True).dry_run is False
    made = Plan.of(PARAMS, by_hand=False)
    assert Plan.from_json(made.to_json()) == made
    assert made.orphans_before < made.snapshots_before - timedelta(days=1.9)


def test_branches_of_dead_runs_go_and_those_of_active_or_recent_runs_stay(lake_tables, only):
    name = new_table(lake_tables, "upkeep")
    table = lake_tables.load_table(name)
    only(lake_tables, name)
    for branch in ("run_dead", "run_alive", "run_empty"):
        open_branch(table, branch)
        if branch != "run_empty":
            append(table, [{"n": 1}], branch, **{"lakehouse.run-id": branch})
    before = set(table.refresh().refs())

    assert drop_dead_branches(lake_tables, plan(branches_days=1), lambda run: run in (None, "run_alive")) == []
    assert len(drop_dead_branches(lake_tables, plan(dry_run=True), lambda run: run == "run_alive")) == 2
    assert set(table.refresh().refs()) == before

    lines = drop_dead_branches(lake_tables, plan(), lambda run: run == "run_alive")

    assert set(table.refresh().refs()) == {"main", "run_alive"}
    assert [line for line in lines if "run_dead of the run run_dead, snapshot" in line and line.endswith("with 1 rows")]


def test_expiry_keeps_refs_recent_snapshots_and_what_a_kept_commit_was_picked_from(spark, lake_tables, only):
    name = new_table(lake_tables, "upkeep")
    table = lake_tables.load_table(name)
    only(lake_tables, name)
    released = append(table, [{"n": 1}])
    tag(table, "20200101T000000Z-0123abcd", released)
    gone = append(table.refresh(), [{"n": 2}])
    open_branch(table.refresh(), "run_open")
    on_branch = append(table, [{"n": 3}], "run_open", **{"lakehouse.run-id": "open"})
    picked = append(table.refresh(), [{"n": 4}], "run_open")
    picking = append(table.refresh(), [{"n": 4}], **{"source-snapshot-id": str(on_branch)})
    recent = {each.snapshot_id for each in table.refresh().snapshots()}
    before = digest(table.scan(snapshot_id=released).to_arrow())

    assert expirable(table, plan(snapshots_days=1)) == []
    assert expire_snapshots(spark, lake_tables, plan(dry_run=True))
    assert {each.snapshot_id for each in table.refresh().snapshots()} == recent

    expire_snapshots(spark, lake_tables, plan())

    assert {each.snapshot_id for each in table.refresh().snapshots()} == {released, on_branch, picked, picking}
    assert gone not in {each.snapshot_id for each in table.snapshots()}
    assert properties_of(table, picking)["lakehouse.run-id"] == "open"
    assert digest(table.scan(snapshot_id=released).to_arrow()) == before
    assert rows_of(lake_tables, name) == [(None, n) for n in (1, 2, 4)]


def test_many_small_commits_become_few_files_and_releases_read_the_same_and_can_be_restored(
    spark, s3, lake, only, monkeypatch
):
    ratings, events = lake.load_table("silver.ratings"), lake.load_table(EVENTS)
    releases = []
    for number in range(4):
        append(ratings.refresh(), [{"user_id": number, "movie_id": 7, "rated_month": NOW.date().replace(day=1)}])
        rewind(lake, "gold.rating_histogram")
        append(lake.load_table("gold.rating_histogram"), [{"rating_count": number + 1}])
        append(lake.load_table("bronze.ratings"), [{"userId": "1"}])
        releases.append(record_release(lake, new_run(), warnings=0, code_version="0.1.0"))
    for number in range(20):
        append(events.refresh(), [{"_topic_id": "t", "partition": 0, "offset": number}])
    rows = digest(lake.load_table(EVENTS).scan().to_arrow())
    read = {release.release_id: digest(release.read("silver.ratings")) for release in releases}
    only(lake, EVENTS, "silver.ratings", "ops.releases")
    before = measure(s3, "lake", lake)
    heads = {name: lake.load_table(name).metadata_location for name in (EVENTS, "silver.ratings", "ops.releases")}
    for step in (
        lambda p: forget_old_releases(lake, p),
        lambda p: expire_snapshots(spark, lake, p),
        lambda p: compact(spark, lake, p),
    ):
        assert step(plan(dry_run=True))
    assert heads == {name: lake.load_table(name).metadata_location for name in heads}
    open_branch(events.refresh(), "stream_before_it")
    written = append(events.refresh(), [{"_topic_id": "t", "partition": 0, "offset": 20}], "stream_before_it")

    forget_old_releases(lake, plan())
    compact(spark, lake, plan())
    expire_snapshots(spark, lake, plan())

    after = measure(s3, "lake", lake)
    assert before[EVENTS]["data_files"] >= 20 > 2 >= after[EVENTS]["data_files"]
    assert after[EVENTS]["manifests"] < before[EVENTS]["manifests"]
    assert after[EVENTS]["snapshots"] < before[EVENTS]["snapshots"]
    assert digest(lake.load_table(EVENTS).scan().to_arrow()) == rows
    kept = [release for release in list_releases(lake) if release.release_id in read]
    assert [release.release_id for release in kept] == [release.release_id for release in releases[:1:-1]]
    assert {release.release_id: digest(release.read("silver.ratings")) for release in kept} == {
        release.release_id: read[release.release_id] for release in kept
    }
    # What was written beside it can still be published, on top of it.
    events = lake.load_table(EVENTS)
    assert publish_branch(spark, events, "stream_before_it", written, may_cherry_pick=True) == "cherry-picked"
    assert events.refresh().scan().to_arrow().num_rows == 21
    oldest = kept[-1]
    undo = rollback.open_branches(lake, oldest, new_run().run_id, NOW)
    monkeypatch.setattr(rollback, "passed_snapshots", lambda *_: oldest.tables)
    rollback.restore(lake, oldest, rollback.Run.from_json(undo["run"]), undo["heads"])
    assert {name: head(lake.load_table(name), "main") for name in oldest.tables} == oldest.tables
    assert digest(lake.load_table("silver.ratings").scan().to_arrow()) == read[oldest.release_id]


def test_an_old_orphan_goes_and_a_young_one_and_whatever_is_elsewhere_stays(spark, s3, stack, lake_tables, only):
    name = new_table(lake_tables, "upkeep")
    table = lake_tables.load_table(name)
    append(table, [{"n": 1}])
    only(lake_tables, name)
    folder = table.location().removeprefix("s3://lake/")
    orphan = plant(stack, f"{folder}/data/orphan.parquet", 5)
    others = [
        plant(stack, f"{folder}/data/young.parquet", 1),
        plant(stack, f"{folder}_of_somebody_else/data/old.parquet", 5),
        plant(stack, "landing/foreign/old.parquet", 5),
        plant(stack, "warehouse/foreign.txt", 5),
    ]

    (line,) = remove_orphan_files(spark, s3, "lake", lake_tables, plan(dry_run=True))
    assert "1 files without a snapshot" in line
    assert "orphan.parquet" in line
    assert orphan.exists()

    remove_orphan_files(spark, s3, "lake", lake_tables, plan())

    assert not orphan.exists()
    assert all(path.exists() for path in others)
    assert rows_of(lake_tables, name) == [(None, 1)]
    for path in others:
        path.unlink()


def test_landed_versions_that_nothing_refers_to_go_and_old_reports_too(s3, catalog, lake, tmp_path, monkeypatch):
    from lakehouse.datasets import Dataset
    from lakehouse.landing import land, stored_manifest
    from tests.fixtures.in_order import files_in_order, write_files

    versions = []
    for number in (1, 2):
        folder = write_files(tmp_path / f"kept{number}", files_in_order(users=range(1, 2 + number)))
        versions.append(land(Dataset("upkeep", folder), s3, "lake", catalog, scratch=tmp_path).version)
    unused, used = versions
    monkeypatch.setattr("lakehouse.maintenance.retention.LANDING", "landing/upkeep/")
    monkeypatch.setattr("lakehouse.maintenance.retention.QUALITY", "quality/upkeep/")
    month = NOW.date().replace(day=1)
    without_bronze = {"release_id": "20200101T000000Z-0123abcd", "created_at": NOW, "tables": [], "kind": "load"}
    append(lake.load_table("ops.releases"), [without_bronze | {"dataset": "upkeep@other"}])
    append(lake.load_table("bronze.ratings"), [{"_dataset": f"upkeep@{used}", "_event_month": month}])
    s3.put_object(Bucket="lake", Key="quality/upkeep/run/silver.ratings.json", Body=b"{}")

    assert any(unused in line for line in delete_old_landings(s3, "lake", catalog, plan(dry_run=True)))
    assert stored_manifest(s3, "lake", "upkeep", unused)
    assert delete_old_landings(s3, "lake", catalog, plan(landing_days=1)) == []
    lines = delete_old_landings(s3, "lake", catalog, plan())

    assert any(unused in line for line in lines)
    assert not any(used in line for line in lines)
    assert stored_manifest(s3, "lake", "upkeep", unused) is None
    assert stored_manifest(s3, "lake", "upkeep", used)
    landed = catalog.load_table("landing.ratings").scan(selected_fields=("_dataset_version",)).to_arrow()
    assert used in (left := set(landed["_dataset_version"].to_pylist()))
    assert unused not in left
    assert delete_old_reports(s3, "lake", plan(quality_days=1)) == []
    assert delete_old_reports(s3, "lake", plan())
    assert s3.list_objects_v2(Bucket="lake", Prefix="quality/upkeep/").get("KeyCount", 0) == 0

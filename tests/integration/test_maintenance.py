"""The maintenance, run by Airflow on the lake of the main job: by hand it reports, and when told to it acts."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from infra.local.airflow_api import AirflowApi
from lakehouse.serving import load_release
from tests.fixtures.digests import digest
from tests.integration.conftest import FinishedRun, finish, log_of

pytestmark = pytest.mark.integration

DAG = "movielens_maintenance"


def run(airflow: AirflowApi, **params: Any) -> str:
    run_id: str = airflow.trigger(DAG, params)
    states = finish(airflow, run_id, DAG)
    assert set(states.values()) == {"success"}, states
    return run_id


def test_by_hand_it_changes_nothing_and_with_dry_run_off_it_acts_beside_a_load(
    loaded: FinishedRun, airflow: AirflowApi, catalog: Any, airflow_page: Any, movielens: Any
) -> None:
    names = ["ops.quality_results", *load_release(loaded.release_id).tables]
    before = {name: catalog.load_table(name).metadata_location for name in names}

    dry = run(airflow)

    assert {name: catalog.load_table(name).metadata_location for name in names} == before
    assert "silver.ratings: commits merge 16 manifests from now on" in log_of(airflow, dry, "compact", DAG)
    with airflow_page("/lakehouse/maintenance") as page:
        expect(page.get_by_text("dry run")).to_be_visible()

    release = load_release(loaded.release_id)
    read = {name: digest(release.read(name)) for name in ("silver.ratings", "gold.movie_analytics")}
    months = {"dataset": str(movielens), "from_month": "2001-03", "to_month": "2001-03"}
    load = airflow.trigger("movielens_lakehouse", months)
    run(airflow, dry_run=False, snapshots_days=1)
    states = finish(airflow, load)

    assert set(states.values()) == {"success"}, states
    assert {name: digest(release.read(name)) for name in read} == read
    assert catalog.load_table("silver.ratings").properties["commit.manifest.min-count-to-merge"] == "16"
    with airflow_page("/lakehouse/maintenance") as page:
        expect(page.get_by_role("row").filter(has_text="silver.ratings")).to_be_visible()
        expect(page.get_by_text("dry run")).to_have_count(0)
        expect(page.get_by_role("heading", name="expire_snapshots")).to_be_visible()

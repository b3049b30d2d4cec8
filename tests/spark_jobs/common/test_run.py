"""A run goes from task to task as JSON and names its branch."""

import json
import re
from dataclasses import replace

import pytest

from spark_jobs.common.run import Run
from tests.fixtures.lake import new_run


def test_a_run_survives_json():
    run = replace(new_run("2001-03", "2001-05", unknown=True), top_movies_min_ratings=7)

    assert Run.from_json(json.loads(json.dumps(run.to_json()))) == run


def test_a_run_names_its_dataset_with_the_version():
    assert new_run().dataset_version == "tiny@0123456789ab"


@pytest.mark.parametrize("run_id", ["scheduled__2001-03-01T06:00:00+00:00", "by hand; drop table", "Läufe"])
def test_a_branch_is_readable_and_needs_no_quotes(run_id):
    branch = replace(new_run(), run_id=run_id).branch

    assert re.fullmatch(r"run_\w+", branch, re.ASCII)
    assert re.sub(r"[^a-z]+", "_", run_id.lower())[:8] in branch.lower()


def test_runs_have_different_branches_and_tries_of_a_run_the_same():
    run = new_run()
    names = ["manual__1-1", "manual__1_1", "manual__1+1"]  # the same, once their punctuation is gone

    assert len({replace(run, run_id=name).branch for name in names}) == 3
    assert Run.from_json(run.to_json()).branch == run.branch

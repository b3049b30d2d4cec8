"""The dbt project is parsed once, and again when a file of it changes."""

import shutil

import pytest

from lakehouse import dbt_project
from lakehouse.dbt_project import DbtError, parsed


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A copy of the project, in which files may change."""
    copy = shutil.copytree(dbt_project.DBT, tmp_path / "dbt")
    monkeypatch.setattr(dbt_project, "DBT", copy)
    return copy


def descriptions(manifest):
    return {node.name: node.description for node in manifest.nodes.values() if node.resource_type == "model"}


def test_a_changed_file_is_seen_and_an_unchanged_project_not_parsed_again(project):
    before, misses = descriptions(parsed()), dbt_project._parsed.cache_info().misses
    assert set(before) == {"gold_movie_analytics", "silver_movie_ratings"}
    assert descriptions(parsed()) == before
    assert dbt_project._parsed.cache_info().misses == misses

    models = project / "models" / "marts.yml"
    models.write_text(models.read_text().replace(before["gold_movie_analytics"], "Something else."))

    assert descriptions(parsed())["gold_movie_analytics"] == "Something else."


def test_what_becomes_of_one_copy_is_not_seen_in_the_next(project):
    parsed().nodes.clear()

    assert parsed().nodes


def test_a_project_with_an_error_is_refused_with_what_dbt_says(project):
    (project / "models" / "broken.sql").write_text("select * from {{ ref('nothing') }}")

    with pytest.raises(DbtError, match=r"model\.movielens\.broken.*nothing"):
        parsed()

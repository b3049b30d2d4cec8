"""Lineage is read off code: what a job reads before it writes, also through helpers, and nothing is guessed."""

import pytest

from docs.lineage import LineageError, readers, sources, sources_of_models, written_by
from lakehouse.tables import RELEASED

CONSTANT = "ops.corrections"
SOURCES_YML = """
sources:
  - name: measured
    schema: gold
    tables: [{name: movie_analytics}]
exposures:
  - {name: page, type: dashboard, depends_on: ['source("measured", "movie_analytics")', 'ref("scores")']}
"""


def helper(lake, _):
    return lake.read(CONSTANT)


def job(lake):
    rows = lake.read("bronze.a", one_task_a_month=False).where(lake.run.version)
    if lake.count("bronze.never_read") == 0:
        lake.replace("silver.a", helper(lake, lake.spark.table(rows)))
    else:
        lake.clear("silver.b")
    lake.replace("silver.c", rows.join(lake.read_all("bronze.d")))


def of_a_variable(lake):
    for table in ("a", "b"):
        lake.read(table)


def in_an_object(lake):
    return {"lake": lake}


def by_another_name(lake):
    same = lake
    return same.read("bronze.a")


def to_a_method(lake):
    return print(lake)


def in_a_helper_that_writes(lake):
    job(lake)


def by_a_new_method(lake):
    lake.read_backwards("bronze.a")


def test_a_table_is_made_of_what_was_read_before_it_is_written():
    assert written_by(job) == {
        "silver.a": {"bronze.a", "ops.corrections"},
        "silver.b": {"bronze.a", "ops.corrections"},
        "silver.c": {"bronze.a", "ops.corrections", "bronze.d"},
    }


@pytest.mark.parametrize(
    "unclear",
    [of_a_variable, in_an_object, by_another_name, to_a_method, in_a_helper_that_writes, by_a_new_method],
)
def test_what_cannot_be_followed_is_refused(unclear):
    with pytest.raises(LineageError):
        written_by(unclear)


def test_every_table_of_a_release_has_sources():
    found = sources()

    assert found.keys() >= set(RELEASED)
    assert all(found.values())
    assert found["quarantine.ratings"] - found["silver.ratings"] == {"quarantine.ratings"}


def test_dbt_models_and_exposures_are_followed(tmp_path, monkeypatch):
    (tmp_path / "models" / "deep").mkdir(parents=True)
    (tmp_path / "models" / "sources.yml").write_text(SOURCES_YML)
    model = tmp_path / "models" / "deep" / "scores.sql"
    model.write_text("select * from {{ source('measured', 'movie_analytics') }} join {{ ref(\"others\") }} using (id)")
    monkeypatch.setattr("docs.lineage.DBT", tmp_path)

    assert sources_of_models(tmp_path) == {"marts.scores": {"gold.movie_analytics", "marts.others"}}
    assert readers() == {"gold.movie_analytics": {"dashboard *page*"}, "marts.scores": {"dashboard *page*"}}

    model.write_text("select * from {{ ref(a_variable) }}")
    with pytest.raises(LineageError, match=r"ref\(a_variable\)"):
        sources_of_models(tmp_path)

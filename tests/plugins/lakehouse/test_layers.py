"""A layer is written, audited and published; the gate stops it; another run may come first."""

import json
import re

import pytest
from airflow.sdk.exceptions import AirflowFailException
from pyiceberg.expressions import EqualTo

from lakehouse import gate, layers
from lakehouse.branches import open_branch
from lakehouse.datasets import Dataset
from lakehouse.landing import land
from lakehouse.reports import count_warnings, passed_snapshots
from spark_jobs.common.run import Run
from tests.fixtures.lake import new_run, rewind, rows_of

TABLES = ["bronze.movies"]
FILES = {
    "ratings": "userId,movieId,rating,timestamp\n1,7,4.0,985000000\n",
    "tags": "userId,movieId,tag,timestamp\n",
    "movies": "movieId,title,genres\n7,Seven (1995),Crime\n8\n",
    "links": "movieId,imdbId,tmdbId\n7,0114369,807\n",
}


@pytest.fixture(scope="module")
def manifest(s3, catalog, tmp_path_factory):
    folder = tmp_path_factory.mktemp("layers")
    for table, text in FILES.items():
        (folder / f"{table}.csv").write_text(text)
    return land(Dataset("layers", folder), s3, "lake", catalog, scratch=folder)


@pytest.fixture(autouse=True)
def _one_table(monkeypatch, lake_tables):
    """The lake is one table here, which is replaced whole; its main is empty before and after."""
    for module in (layers, gate):
        monkeypatch.setattr(module, "LAYERS", {"bronze": TABLES})
    monkeypatch.setattr(layers, "STAGES", {"bronze": [TABLES]})
    rewind(lake_tables, *TABLES)
    yield
    rewind(lake_tables, *TABLES)


@pytest.fixture
def new_json_run(manifest):
    def new_json_run():
        run = new_run("2001-03", unknown=True).to_json()
        return run | {"dataset": manifest.dataset, "version": manifest.version}

    return new_json_run


def branches(catalog):
    return {ref for table in TABLES for ref in catalog.load_table(table).refs() if ref.startswith("run_")}


def heads(catalog):
    return {name: catalog.load_table(name).current_snapshot().snapshot_id for name in TABLES}


@pytest.mark.integration
def test_what_passes_the_gate_becomes_main_also_after_a_retry_and_for_a_run_that_was_overtaken(
    spark, lake_tables, new_json_run, caplog
):
    first, second = new_json_run(), new_json_run()
    before = branches(lake_tables)
    with caplog.at_level("INFO", "lakehouse"):
        for run in (first, second, second):  # the last is a retry: it begins with fresh branches
            layers.write(spark, "bronze", run)
        for run in (first, second):
            layers.audit(spark, "bronze", run, "a_dag")
        assert rows_of(lake_tables, "bronze.movies") == []
        overtaken = passed_snapshots(lake_tables, second["run_id"])

        layers.publish(spark, "bronze", first, "a_dag")
        assert heads(lake_tables) == passed_snapshots(lake_tables, first["run_id"])

        layers.publish(spark, "bronze", second, "a_dag")

    assert heads(lake_tables) == passed_snapshots(lake_tables, second["run_id"])
    assert not set(heads(lake_tables).values()) & set(overtaken.values())  # written and audited again
    assert [row[0] for row in rows_of(lake_tables, "bronze.movies")] == ["7", None]
    assert branches(lake_tables) == before
    head = heads(lake_tables)["bronze.movies"]
    written = rf"bronze\.movies: \d+ from landing\.movies in, 2 rows out, snapshot {head}, .* s"
    assert any(re.fullmatch(written, message) for message in caplog.messages)
    assert f"bronze.movies: published, main is snapshot {head} with 2 rows" in caplog.messages


@pytest.mark.integration
def test_what_fails_the_gate_stays_on_its_branch_with_a_report(spark, lake_tables, s3, new_json_run, monkeypatch):
    run = new_json_run()
    monkeypatch.setenv("AIRFLOW_VAR_LAKEHOUSE_MAX_QUARANTINED_ROWS", "0")
    before = branches(lake_tables)
    layers.write(spark, "bronze", run)

    with pytest.raises(AirflowFailException, match=r"gate of bronze stopped the run: bronze\.movies \(1 critical\)"):
        layers.audit(spark, "bronze", run, "a_dag")

    with pytest.raises(AirflowFailException, match="gate of bronze stopped the run"):
        layers.publish(spark, "bronze", run, "a_dag")  # as after `write` was cleared alone
    assert rows_of(lake_tables, "bronze.movies") == []
    assert len(branches(lake_tables) - before) == 1
    report = s3.get_object(Bucket="lake", Key=f"quality/a_dag/{run['run_id']}/bronze.movies.json")
    (failed,) = [finding for finding in json.loads(report["Body"].read())["findings"] if not finding["success"]]
    assert failed["unexpected_count"] == 1
    assert failed["examples"][0]["_malformed_line"] == "8"
    results = lake_tables.load_table("ops.quality_results").scan(EqualTo("run_id", run["run_id"])).to_arrow()
    assert results["success"].to_pylist().count(False) == 2  # once in each audit


@pytest.mark.integration
def test_an_unexpected_column_of_a_source_is_kept_reported_and_stops_nothing(
    spark, s3, lake_tables, new_json_run, tmp_path, caplog
):
    files = FILES | {"movies": "movieId,studio,title,genres\n7,New Line,Seven (1995),Crime\n"}
    for table, text in files.items():
        (tmp_path / f"{table}.csv").write_text(text)
    manifest = land(Dataset("studios", tmp_path), s3, "lake", lake_tables, scratch=tmp_path)
    run = new_json_run() | {"dataset": manifest.dataset, "version": manifest.version}

    layers.write(spark, "bronze", run)
    with caplog.at_level("WARNING", "lakehouse"):
        layers.audit(spark, "bronze", run, "a_dag")
    layers.publish(spark, "bronze", run, "a_dag")

    assert manifest.files["movies.csv"]["unexpected_columns"] == ["studio"]
    (row,) = lake_tables.load_table("bronze.movies").scan().to_arrow().to_pylist()
    assert (row["title"], json.loads(row["_other_columns"])) == ("Seven (1995)", {"studio": "New Line"})
    assert "expect_column_values_to_be_null(_other_columns): 1 rows" in caplog.text
    assert count_warnings(lake_tables, run["run_id"]) == 1


@pytest.mark.integration
def test_a_publish_that_died_while_writing_again_is_finished_by_its_retry(spark, lake_tables, new_json_run, caplog):
    run = new_json_run()
    layers.write(spark, "bronze", run)
    layers.audit(spark, "bronze", run, "a_dag")
    open_branch(lake_tables.load_table("bronze.movies"), Run.from_json(run).branch)  # as the first step of writing does

    layers.publish(spark, "bronze", run, "a_dag")

    assert [row[0] for row in rows_of(lake_tables, "bronze.movies")] == ["7", None]
    assert heads(lake_tables) == passed_snapshots(lake_tables, run["run_id"])


@pytest.mark.integration
def test_a_catalogue_that_main_has_already_is_left_as_it_is(spark, lake_tables, new_json_run):
    first, second, changed, unknown = (
        new_json_run() | {"code_version": version} for version in ("v1", "v1", "v2", "unknown")
    )
    published = []
    for run in (first, second, changed, unknown, unknown):
        layers.write(spark, "bronze", run)
        layers.audit(spark, "bronze", run, "a_dag")
        layers.publish(spark, "bronze", run, "a_dag")
        published.append(heads(lake_tables)["bronze.movies"])

    assert published[0] == published[1]
    assert len(set(published[1:])) == 4

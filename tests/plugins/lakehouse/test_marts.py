"""dbt writes the marts to the branch of a run and to nothing else, and its tests stop what they do not let pass."""

import duckdb
import pytest
import yaml
from airflow.sdk.exceptions import AirflowFailException

from lakehouse import layers, marts
from lakehouse.contracts import read_contract
from lakehouse.dbt_project import DBT, DbtError
from lakehouse.reports import last_findings
from lakehouse.tables import LAYERS, MARTS, RELEASED
from spark_jobs.common.lake import count_rows, sources_of
from spark_jobs.common.run import Run
from tests.fixtures.in_order import files_in_order, write_files
from tests.fixtures.lake import rewind
from tests.fixtures.loads import load, new_load

GOLD = "gold.movie_analytics"
EXPECTED = {
    "marts.silver_movie_ratings": "SELECT movie_id, title, release_year, genres, rating_count, rating_avg FROM gold",
    "marts.gold_movie_analytics": """
        SELECT movie_id, unnest(list_distinct(genres)) AS genre, title, release_year, rating_count, rating_avg,
            CASE WHEN rating_avg >= 4 THEN 'High' WHEN rating_avg >= 3 THEN 'Medium' ELSE 'Low' END AS rating_category
        FROM gold WHERE rating_count >= 50
    """,
}


@pytest.fixture(scope="module")
def dataset(spark, lake_tables, tmp_path_factory):
    """A published lake of 40 movies, 13 of which have ratings enough."""
    rewind(lake_tables, *RELEASED)
    folder = write_files(tmp_path_factory.mktemp("marts") / "in-order", files_in_order(users=range(1, 12)))
    load(spark, folder)
    yield folder
    rewind(lake_tables, *RELEASED)


@pytest.fixture
def written(spark, lake_tables, dataset):
    """A run that has written the marts."""
    rewind(lake_tables, *MARTS)
    run = new_load(dataset)
    layers.write(spark, "marts", run)
    return run


def metadata_of_main(table):
    """What an analyst sees of a table."""
    return table.current_snapshot(), table.schema(), table.properties, table.spec()


def on_branch(catalog, name, run):
    table = catalog.load_table(name)
    return table.snapshot_by_name(Run.from_json(run).branch).snapshot_id


def rows(table):
    return sorted(map(str, table.to_pylist()))


@pytest.mark.integration
def test_dbt_writes_the_branch_and_leaves_main_alone_until_it_is_published(spark, lake_tables, dataset, written):
    tables = {name: lake_tables.load_table(name) for name in MARTS}
    before = {name: metadata_of_main(table) for name, table in tables.items()}
    retried = {name: on_branch(lake_tables, name, written) for name in MARTS}

    layers.write(spark, "marts", written)  # a retry begins with fresh branches

    after = {name: table.refresh() for name, table in tables.items()}
    assert {name: metadata_of_main(table) for name, table in after.items()} == before
    heads = {name: on_branch(lake_tables, name, written) for name in MARTS}
    assert all(heads[name] != retried[name] for name in MARTS)
    parents = {name: table.snapshot_by_id(heads[name]).parent_snapshot_id for name, table in after.items()}
    assert parents == {name: main.snapshot_id for name, (main, *_) in before.items()}
    gold = lake_tables.load_table(GOLD)
    made_from = {GOLD: gold.current_snapshot().snapshot_id}
    assert all(sources_of(after[name], heads[name]) == made_from for name in MARTS)

    layers.audit(spark, "marts", written, "a_dag")
    layers.publish(spark, "marts", written, "a_dag")

    assert {name: lake_tables.load_table(name).current_snapshot().snapshot_id for name in MARTS} == heads
    assert not any(Run.from_json(written).branch in lake_tables.load_table(name).refs() for name in MARTS)
    connection = duckdb.connect()
    connection.register("gold", gold.scan().to_arrow())
    for name, query in EXPECTED.items():
        mart = lake_tables.load_table(name).scan().to_arrow()
        assert mart.num_rows > 0
        assert rows(mart) == rows(connection.sql(query).to_arrow_table()), name


@pytest.mark.integration
def test_a_failing_dbt_test_stops_the_run_and_keeps_its_rows_on_the_branch(spark, lake_tables, written):
    name = "marts.silver_movie_ratings"
    branch = Run.from_json(written).branch
    main = lake_tables.load_table(name).current_snapshot()
    spark.sql(f"UPDATE lake.{name}.branch_{branch} SET title = NULL WHERE movie_id = 7")

    with pytest.raises(AirflowFailException, match=r"gate of marts stopped the run: marts\.silver_movie_ratings"):
        layers.audit(spark, "marts", written, "a_dag")

    findings = {each["notes"]: each for each in last_findings(lake_tables, written["run_id"]) if not each["success"]}
    failed = findings["A movie without a title cannot be shown."]
    assert (failed["expectation"], failed["column"], failed["severity"]) == ("dbt_not_null", "title", "critical")
    assert failed["unexpected_count"] == 1
    table = lake_tables.load_table(name)
    assert table.current_snapshot() == main
    kept = table.scan(snapshot_id=on_branch(lake_tables, name, written), row_filter="title is null").to_arrow()
    assert kept["movie_id"].to_pylist() == [7]


@pytest.mark.integration
def test_marts_that_lost_their_movies_are_emptied_on_the_branch_too(spark, lake_tables, dataset, written, monkeypatch):
    layers.audit(spark, "marts", written, "a_dag")
    layers.publish(spark, "marts", written, "a_dag")
    gold = lake_tables.load_table(GOLD)
    empty = min(gold.snapshots(), key=lambda snapshot: snapshot.sequence_number).snapshot_id
    again = new_load(dataset)
    monkeypatch.setattr(layers, "marts_to_write", lambda _: {GOLD: empty})

    layers.write(spark, "marts", again)

    for name in MARTS:
        table = lake_tables.load_table(name)
        assert count_rows(table, on_branch(lake_tables, name, again)) == 0
        assert count_rows(table, table.current_snapshot().snapshot_id) > 0


@pytest.mark.integration
def test_a_model_that_reads_what_is_not_pinned_is_an_error(spark, lake_tables, written):
    with pytest.raises(DbtError, match=r"silver_movie_ratings: .*"):
        marts.build_marts(spark, Run.from_json(written), {})
    assert spark.conf.get("spark.wap.branch", None) is None


@pytest.mark.parametrize("name", MARTS)
def test_dbt_describes_the_columns_as_the_contract_does(name):
    models = yaml.safe_load((DBT / "models" / "marts.yml").read_text())["models"]
    (model,) = [model for model in models if f"marts.{model['name']}" == name]
    contract = read_contract(name)

    assert model["description"] == contract.comment
    assert [(column["name"], column["description"]) for column in model["columns"]] == [
        (column.name, column.comment) for column in contract.columns
    ]


def test_every_model_is_a_mart_and_every_mart_a_model():
    models = sorted(f"marts.{path.stem}" for path in (DBT / "models").glob("*.sql"))

    assert models == sorted(LAYERS["marts"])

"""The queries of bi/ on DuckDB over exports made by hand; tests/integration/test_engines.py runs them on Spark, too."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from infra.files import REPOSITORY
from infra.local.config import Stack
from lakehouse.exports import KEYS, export_files
from tests.fixtures.releases import ROWS, HandMadeRelease

BI = REPOSITORY / "bi"


def sql(name: str) -> str:
    return (BI / f"{name}.sql").read_text()


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    (folder / "data").mkdir()
    for file in export_files(HandMadeRelease()).stable:
        (folder / file.key).write_bytes(file.body)
    return folder


@pytest.fixture
def connection(exports: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"file_search_path": str(exports)})
    connection.execute(sql("exports"))
    connection.execute(sql("parameters"))
    return connection


def with_parameter(name: str, default: int, value: int) -> str:
    """The parameters with another value for one of them."""
    assert sql("parameters").count(f"{default} as {name}") == 1
    return sql("parameters").replace(f"{default} as {name}", f"{value} as {name}")


def test_every_export_has_its_query() -> None:
    assert {path.stem for path in BI.glob("*.sql")} == {*KEYS, "parameters", "exports"}


def test_years_add_up_and_a_year_with_few_ratings_has_no_mean(connection: duckdb.DuckDBPyConnection) -> None:
    assert connection.execute(sql("movies_by_year")).fetchall() == [
        (1931, 1, 1, 0, 0, None),
        (1972, 1000, 1001, 1000, 5888, 3.9),
        (1999, 1500, 2501, 1490, 9000, 3.6),
    ]
    connection.execute(with_parameter("min_ratings_of_a_year", 100, 5889))
    assert [row[5] for row in connection.execute(sql("movies_by_year")).fetchall()] == [None, None, 3.6]
    connection.execute(with_parameter("first_release_year", 1900, 1972))
    assert [row[:3] for row in connection.execute(sql("movies_by_year")).fetchall()] == [
        (1972, 1000, 1000),
        (1999, 1500, 2500),
    ]


def test_categories_are_in_their_order_with_shares_of_one(connection: duckdb.DuckDBPyConnection) -> None:
    rows = connection.execute(sql("rating_distribution")).fetchall()

    assert [row[0] for row in rows] == ["High", "Medium", "Low", "Unrated"]
    assert rows[0][1:] == (1200, 1200 / 3918, 5000, 5000 / 14900)
    assert [sum(row[share] for row in rows) for share in (2, 4)] == pytest.approx([1, 1])


def test_top_movies_have_enough_ratings_and_places_of_their_own(connection: duckdb.DuckDBPyConnection) -> None:
    def places() -> list[tuple[int, int]]:
        return [row[:2] for row in connection.execute(sql("top_movies")).fetchall()]

    assert places() == [(1, 318), (2, 858), (3, 11)]
    connection.execute(with_parameter("top_movies_limit", 10, 2))
    assert places() == [(1, 318), (2, 858)]
    connection.execute(with_parameter("min_ratings_of_a_movie", 50, 193))
    assert places() == [(1, 318)]


def test_genres_with_enough_ratings_the_most_rated_first(connection: duckdb.DuckDBPyConnection) -> None:
    rows = connection.execute(sql("genre_stats")).fetchall()
    assert [(row[0], row[4]) for row in rows] == [("Sci-Fi & <Fantasy>", 8000 / 790), ("Comedy", 4000 / 890)]

    connection.execute(with_parameter("min_ratings_of_a_genre", 1000, 0))
    last = connection.execute(sql("genre_stats")).fetchall()[-1]
    assert last == ("Film-Noir", 3, 0, 0, None, None)
    assert len(rows) + 1 == len(ROWS["gold.genre_stats"])


def test_trino_is_told_what_the_other_engines_are_told(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    lines = (BI / "trino" / "lake.properties").read_text().splitlines()
    trino = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    files = {path.name: text for path, text in stack.files().items()}
    spark = dict(line.split() for line in files["spark-defaults.conf"].splitlines() if "catalog.lake." in line)
    kept = json.loads((stack.conf / "secrets.json").read_text())

    assert trino["s3.endpoint"] == spark["spark.sql.catalog.lake.s3.endpoint"]
    assert trino["s3.region"] == spark["spark.sql.catalog.lake.client.region"]
    assert trino["iceberg.jdbc-catalog.connection-url"] == spark["spark.sql.catalog.lake.uri"].partition("?")[0]
    assert trino["iceberg.jdbc-catalog.connection-user"] == spark["spark.sql.catalog.lake.jdbc.user"]
    assert trino["iceberg.jdbc-catalog.schema-version"] == spark["spark.sql.catalog.lake.jdbc.schema-version"]
    assert trino["iceberg.jdbc-catalog.default-warehouse-dir"] == spark["spark.sql.catalog.lake.warehouse"]
    assert [name for name, value in trino.items() if value.startswith("${ENV:")] == [
        "iceberg.jdbc-catalog.connection-password",
        "s3.aws-access-key",
        "s3.aws-secret-key",
    ]
    assert {"lake_database", "s3_key", "s3_secret"} <= kept.keys()

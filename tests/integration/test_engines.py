"""Every engine reads the same rows of a release, also of an older one, and the queries of bi/ give the same on two."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from infra.files import REPOSITORY, VENV
from infra.local.config import Stack
from tests.docs.pages import FENCED, programs
from tests.fixtures.digests import digest
from tests.integration.conftest import FinishedRun, KnownRelease, make

pytestmark = pytest.mark.integration

PAGE = REPOSITORY / "docs" / "engines.md"
TABLES = ("gold.movie_analytics", "gold.genre_stats", "silver.ratings")
ENGINES = ("pyiceberg", "pandas", "Polars", "DuckDB", "Spark SQL")
QUERIES = ("movies_by_year", "rating_distribution", "top_movies", "genre_stats")


@pytest.fixture(scope="module")
def documented(stack: Stack) -> dict[str, str]:
    """The programs of the page that read the tables of a release, by the engine of their section."""
    found = {}
    for section in PAGE.read_text().split("\n## ")[1:]:
        engine, _, text = section.partition("\n")
        blocks = re.findall(r'python -c "\n(.*?)"$', text, re.DOTALL | re.MULTILINE)
        if any("RELEASE" in block for block in blocks):
            (found[engine],) = blocks
    assert tuple(found) == ENGINES
    assert len(programs(PAGE)) == len(ENGINES) + 1  # and the one on the exports
    port = f":{stack.ports['spark']}/"
    return {engine: text.replace(".local", str(stack.state)).replace(":15002/", port) for engine, text in found.items()}


def arrow(rows: Any, schema: pa.Schema) -> pa.Table:
    """What an engine calls its rows, with the types of the table."""
    match type(rows).__module__.partition(".")[0]:
        case "pyarrow":
            table = rows
        case "pandas":
            return pa.Table.from_pandas(rows, schema)
        case "polars":
            table = rows.to_arrow()
        case "pyspark":
            table = rows.toArrow()
        case _:
            table = rows.to_arrow_table()
    return table.cast(schema)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_reads_the_same_rows_of_both_releases(
    two_releases: list[KnownRelease], documented: dict[str, str], engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for known in two_releases:
        monkeypatch.setenv("RELEASE", known.release.release_id)
        for table in TABLES:
            names: dict[str, Any] = {}
            exec(documented[engine].replace("gold.movie_analytics", table), names)  # noqa: S102  # our own page

            rows = arrow(names["rows"], known.release.catalog.load_table(table).schema().as_arrow())
            assert digest(rows) == known.digests[table], (table, known.release.dataset)


def test_the_releases_differ_so_that_reading_the_latest_would_be_seen(two_releases: list[KnownRelease]) -> None:
    older, later = two_releases

    assert [known.digests["silver.ratings"][0] for known in two_releases] == [100_836, 60]
    assert all(older.digests[table] != later.digests[table] for table in TABLES)


def test_dbt_reads_a_release(two_releases: list[KnownRelease], stack: Stack) -> None:
    (block,) = [block for block in FENCED.findall(PAGE.read_text()) if block.startswith("make dbt")]
    _, _, command = shlex.split(block)
    for known in two_releases:
        shown = make("dbt", stack, DBT=command.removeprefix("DBT=").replace("$RELEASE", known.release.release_id))

        assert shown.returncode == 0, shown.stdout + shown.stderr
        assert f"| {known.digests['gold.movie_analytics'][0]:>6} |" in shown.stdout


def test_the_program_on_the_exports_runs_as_the_page_says(loaded: FinishedRun, stack: Stack, tmp_path: Path) -> None:
    (block,) = [block for block in FENCED.findall(PAGE.read_text()) if "curl" in block]
    for path in (VENV, REPOSITORY / "bi"):
        (tmp_path / path.name).symlink_to(path)
    release = f":{stack.ports['s3']}/site/releases/{loaded.release_id}/"  # the site's own may be a later one by now
    block = block.replace(":9000/site/", release)

    finished = subprocess.run(["bash", "-euc", block], cwd=tmp_path, capture_output=True, text=True)

    assert finished.returncode == 0, finished.stderr
    assert "Shawshank Redemption" in finished.stdout


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_gives_the_same_rows_on_duckdb_over_exports_and_on_spark_over_tables(
    two_releases: list[KnownRelease], spark: Any, s3: Any, tmp_path: Path, query: str
) -> None:
    release = two_releases[0].release
    (tmp_path / "data").mkdir()
    for name in QUERIES:
        s3.download_file(
            "site", f"releases/{release.release_id}/data/{name}.parquet", str(tmp_path / f"data/{name}.parquet")
        )
    sql = {path.stem: path.read_text() for path in (REPOSITORY / "bi").glob("*.sql")}
    connection = duckdb.connect(config={"file_search_path": str(tmp_path)})
    connection.execute(sql["exports"])
    results = []
    for parameters in (sql["parameters"], re.sub(r"\b\d+(?= as )", "70", sql["parameters"])):
        connection.execute(parameters)
        spark.sql(parameters)
        results.append(connection.execute(sql[query]).fetchall())
        assert results[-1] == [tuple(row) for row in spark.sql(sql[query]).collect()]
    spark.catalog.dropTempView("parameters")

    assert len(results[0]) >= 4
    assert (results[0] == results[1]) is (query == "rating_distribution")  # it has no parameters

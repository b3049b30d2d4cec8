"""``make run`` on the real ml-latest-small, from the CSV files to the published page."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from infra.local.airflow_api import AirflowApi
from infra.local.config import Stack
from lakehouse.serving import load_release
from lakehouse.tables import RELEASED
from tests.browser.dashboard_page import assert_dashboard
from tests.integration.conftest import DAG, FinishedRun, clear, finish, log_of, make, sorted_rows

pytestmark = pytest.mark.integration

HALF_STAR_COUNTS = [1370, 2811, 1791, 7551, 5550, 20047, 13136, 26818, 8551, 13211]


@pytest.fixture(scope="session")
def csv(movielens: Path) -> Any:
    return in_duckdb(movielens)


def in_duckdb(folder: Path) -> Any:
    """The CSV files of a folder in DuckDB, typed in one line each and by no code of this project."""
    files = duckdb.connect()
    for name in ("ratings", "movies", "links"):
        files.execute(f"CREATE TABLE {name} AS FROM read_csv('{folder}/{name}.csv', all_varchar = true)")
    files.execute("""
        CREATE TABLE movie AS
        SELECT movieId::BIGINT AS movie_id, trim(title) AS title, sum_half, squares, coalesce(n, 0) AS n,
            nullif(regexp_extract(trim(title), '[(]([0-9]{4})[)]$', 1), '')::INT AS release_year,
            CASE WHEN genres = '(no genres listed)' THEN [] ELSE string_split(genres, '|') END AS genres,
            sum_half::DOUBLE / 2 / n AS average
        FROM movies LEFT JOIN (
            SELECT movieId, count(*) AS n, sum((rating::DOUBLE * 2)::BIGINT) AS sum_half,
                sum(((rating::DOUBLE * 2)::BIGINT) ** 2) AS squares
            FROM ratings GROUP BY ALL
        ) USING (movieId)""")
    return files


EXPECTED = {
    "gold.rating_histogram": "SELECT rating::DECIMAL(2, 1), count(*) FROM ratings GROUP BY ALL",
    "gold.movies_by_year": """
        SELECT release_year, count(*), count_if(n > 0), sum(n)::BIGINT, sum(sum_half)::DOUBLE / 2 / nullif(sum(n), 0)
        FROM movie WHERE release_year IS NOT NULL GROUP BY ALL""",
    "gold.genre_stats": """
        SELECT genre, count(*), count_if(n > 0), sum(n)::BIGINT, sum(sum_half)::DOUBLE / 2 / nullif(sum(n), 0)
        FROM (SELECT *, unnest(genres) AS genre FROM movie) GROUP BY ALL""",
    "gold.rating_distribution": """
        SELECT CASE WHEN n = 0 THEN 'Unrated' WHEN average >= 4 THEN 'High'
            WHEN average >= 3 THEN 'Medium' ELSE 'Low' END, count(*), sum(n)::BIGINT FROM movie GROUP BY ALL""",
    "gold.top_movies": """
        SELECT (row_number() OVER (ORDER BY average DESC, n DESC, movie_id))::INT,
            movie_id, title, release_year, n, average
        FROM movie WHERE n >= 50""",
    "gold.monthly_movie_ratings": """
        PIVOT (SELECT date_trunc('month', to_timestamp(timestamp::BIGINT) AT TIME ZONE 'UTC')::DATE AS month,
            movieId::BIGINT AS movie_id, (rating::DOUBLE * 2)::INT AS half FROM ratings)
        ON half IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10) USING count(*) GROUP BY month, movie_id""",
    "marts.silver_movie_ratings": "SELECT movie_id, title, release_year, genres, n, average FROM movie",
    "marts.gold_movie_analytics": """
        SELECT movie_id, unnest(genres), title, release_year, n, average,
            CASE WHEN average >= 4 THEN 'High' WHEN average >= 3 THEN 'Medium' ELSE 'Low' END
        FROM movie WHERE n >= 50""",
}


@pytest.mark.parametrize("table", EXPECTED)
def test_a_table_of_gold_or_marts_equals_what_duckdb_computes_from_the_csv_files(
    loaded: FinishedRun, catalog: Any, csv: Any, table: str
) -> None:
    read = load_release(loaded.release_id).read(table)

    rows = sorted(zip(*read.to_pydict().values(), strict=True))

    assert rows == sorted(csv.execute(EXPECTED[table]).fetchall())


def test_movie_analytics_equals_what_duckdb_computes_from_the_csv_files(
    loaded: FinishedRun, catalog: Any, csv: Any
) -> None:
    gold = load_release(loaded.release_id).read("gold.movie_analytics").sort_by("movie_id")
    columns = "movie_id, title, release_year, genres, n, average"
    expected = csv.execute(f"SELECT {columns} FROM movie ORDER BY movie_id").fetchall()
    spread = csv.execute(
        "SELECT sqrt((n * squares - sum_half ** 2) / (4 * n * (n - 1))) FROM movie WHERE n > 1 ORDER BY movie_id"
    )

    names = ["movie_id", "title", "release_year", "genres", "rating_count", "rating_avg"]
    assert list(zip(*gold.select(names).to_pydict().values(), strict=True)) == expected
    deviations = [value for value in gold["rating_stddev"].to_pylist() if value is not None]
    assert deviations == pytest.approx([value for (value,) in spread.fetchall()], rel=1e-12)


def test_every_row_of_ml_latest_small_arrives(loaded: FinishedRun, catalog: Any) -> None:
    release = load_release(loaded.release_id)
    counts = release.row_counts()

    assert [counts[table] for table in ("bronze.ratings", "silver.ratings", "silver.movies")] == [
        100_836,
        100_836,
        9_742,
    ]
    assert [counts[f"quarantine.{name}"] for name in ("ratings", "tags", "movies", "links")] == [0, 0, 0, 0]
    assert release.key_figures().user_count == 610
    histogram = release.read("gold.rating_histogram").sort_by("rating")
    assert histogram["rating_count"].to_pylist() == HALF_STAR_COUNTS
    categories = dict(zip(*release.read("gold.rating_distribution").select([0, 1]).to_pydict().values(), strict=True))
    assert categories["Unrated"] == 18


def test_make_run_ends_with_addresses_that_answer(loaded: FinishedRun) -> None:
    addresses = {line.split()[0]: line.split()[1] for line in loaded.output.splitlines() if "http://" in line}

    assert httpx.get(addresses["Dashboard"], trust_env=False).status_code == 200
    of_release = addresses["Dashboard"].replace("index.html", f"releases/{loaded.release_id}/index.html")
    assert loaded.release_id in httpx.get(of_release, trust_env=False).text
    assert httpx.get(addresses["Airflow"], trust_env=False, follow_redirects=True).status_code == 200


def test_make_releases_lists_it(loaded: FinishedRun, stack: Stack) -> None:
    listed = make("releases", stack).stdout.splitlines()

    (line,) = [line for line in listed if line.startswith(loaded.release_id)]
    assert line.split()[1] == "load"
    assert "100,836" in line


@pytest.mark.parametrize("view", ["grid/structure/{dag}", "structure/structure_data?dag_id={dag}"])
def test_airflow_can_draw_the_dag(loaded: FinishedRun, airflow: Any, stack: Stack, view: str) -> None:
    # It cannot when task groups depend on each other in a circle, though such a DAG runs.
    url = f"{stack.airflow_url}/ui/{view.format(dag=DAG)}"

    assert httpx.get(url, headers=airflow.headers, trust_env=False, timeout=60).status_code == 200


@pytest.mark.browser
def test_the_published_page_works_in_a_browser(loaded: FinishedRun, stack: Stack, browser: Any) -> None:
    assert_dashboard(browser, f"{stack.s3_url}/site/index.html")


def test_exports_are_public_and_say_what_they_are(loaded: FinishedRun, stack: Stack) -> None:
    names = ["movies_by_year", "rating_distribution", "top_movies", "genre_stats"]
    types = {"csv": "text/csv;charset=utf-8", "json": "application/json", "parquet": "application/vnd.apache.parquet"}
    for name in names:
        for extension, content_type in types.items():
            answer = httpx.get(f"{stack.s3_url}/site/data/{name}.{extension}", trust_env=False)
            assert answer.status_code == 200
            assert answer.headers["content-type"].replace(" ", "") == content_type


def test_the_run_that_is_asked_for_comes_before_that_of_the_schedule(loaded: FinishedRun, airflow: AirflowApi) -> None:
    asked_for = airflow.read(f"dags/{DAG}/dagRuns/{load_release(loaded.release_id).run_id}")
    (scheduled,) = airflow.read(f"dags/{DAG}/dagRuns", run_type="scheduled")["dag_runs"]

    assert scheduled["queued_at"] > asked_for["end_date"]


def test_every_gate_leaves_a_report_and_rows(loaded: FinishedRun, s3: Any, catalog: Any) -> None:
    run_id = load_release(loaded.release_id).run_id
    prefix = f"quality/{DAG}/{run_id}/"
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="lake", Prefix=prefix)["Contents"]]

    assert sorted(keys) == sorted(f"{prefix}{table}.json" for table in RELEASED)
    reports = [json.loads(s3.get_object(Bucket="lake", Key=key)["Body"].read()) for key in keys]
    results = catalog.load_table("ops.quality_results").scan(row_filter=f"run_id == '{run_id}'").to_arrow()
    assert all(report["success"] for report in reports)
    assert results.num_rows == sum(len(report["findings"]) for report in reports) > len(RELEASED)


def test_a_second_run_gives_the_same_gold_and_clearing_tasks_of_the_first_turns_nothing_back(
    loaded: FinishedRun, make_run: Any, airflow: Any, stack: Stack, catalog: Any
) -> None:
    second = load_release(make_run().release_id)
    first = load_release(loaded.release_id)

    assert second.release_id != first.release_id
    assert "is landed already" in log_of(airflow, second.run_id, "land")
    for table in [table for table in RELEASED if table.startswith(("silver.", "gold."))]:
        assert sorted_rows(second.read(table)) == sorted_rows(first.read(table))

    cleared = ["silver.audit", "silver.publish", "gold.write", "export", "publish_dashboard"]
    clear(airflow, first.run_id, cleared)

    assert set(finish(airflow, first.run_id).values()) == {"success"}
    assert {name: catalog.load_table(name).current_snapshot().snapshot_id for name in RELEASED} == second.tables
    assert second.release_id in httpx.get(f"{stack.s3_url}/site/index.html", trust_env=False).text


def test_no_secret_is_in_a_log_or_a_command_line(loaded: FinishedRun, stack: Stack) -> None:
    texts = {path: path.read_bytes() for path in stack.logs.rglob("*") if path.is_file()}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # a process may end meanwhile
            texts[path] = path.read_bytes()
    assert len(texts) > 20

    found = {
        (name, path)
        for name, secret in stack.secrets.items()
        for path, text in texts.items()
        if secret.encode() in text
    }
    assert not found

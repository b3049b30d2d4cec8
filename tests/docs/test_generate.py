"""The generated pages of docs/."""

import shutil
import subprocess
import sys

import pytest

from docs.generate import PAGES, REPOSITORY, tables_page

MADE_FROM = ("dags", "dbt", "docs", "expectations", "infra", "plugins", "spark_jobs")


def generate(tree, *arguments):
    command = [sys.executable, "-m", "docs.generate", *arguments]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


def test_the_page_of_tables_is_up_to_date():
    assert (PAGES / "tables.md").read_text() == tables_page(), "run `make docs`"


@pytest.mark.integration
def test_all_pages_are_up_to_date():
    checked = generate(REPOSITORY, "--check")

    assert checked.returncode == 0, checked.stderr


@pytest.mark.integration
def test_a_stale_page_is_named_and_written_again(tmp_path):
    for folder in MADE_FROM:
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    suite = tmp_path / "expectations/gold/genre_stats.json"
    suite.write_text(suite.read_text().replace('"The key."', '"A genre | twice."'))
    dag = tmp_path / "dags/movielens_lakehouse.py"
    dag.write_text(dag.read_text().replace("# MovieLens lakehouse\n", "# MovieLens lakehouse\n\nA new sentence.\n", 1))

    before = generate(tmp_path, "--check")
    written = generate(tmp_path)

    stale = [line for line in before.stderr.splitlines() if "stale" in line]
    assert (before.returncode, stale) == (
        1,
        [f"docs/{name} is stale: run `make docs`" for name in ("DAGs.md", "tables.md")],
    )
    assert written.returncode == 0, written.stderr
    assert "A new sentence." in (tmp_path / "docs/DAGs.md").read_text()
    assert (
        "| critical | `column_values_to_be_unique(genre)` | A genre \\| twice. |"
        in (tmp_path / "docs/tables.md").read_text()
    )

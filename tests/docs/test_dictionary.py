"""The data dictionary: every table with its description, columns, expectations, sources and readers."""

import json
import re

import pytest

from docs.dictionary import Dictionary, dbt_tests, judges
from docs.generate import PAGES, REPOSITORY, dictionary_page
from lakehouse.contracts import read_contract, tables_with_contract


@pytest.fixture(scope="module")
def page() -> str:
    return dictionary_page()


def section(page: str, table: str) -> str:
    return page.partition(f"\n## {table}\n")[2].partition("\n## ")[0]


def test_the_page_is_up_to_date(page):
    assert (PAGES / "data-dictionary.md").read_text() == page, "run `make docs`"


def test_every_table_is_there_with_its_contract_and_suite(page):
    for contract in map(read_contract, tables_with_contract()):
        text = section(page, contract.table)
        assert contract.comment in text
        for column in contract.columns:
            assert f"| `{column.name}` | `{column.type}` | {column.comment.replace('|', chr(92) + '|')} |" in text
        suite = REPOSITORY / "expectations" / f"{contract.table.replace('.', '/')}.json"
        if suite.exists():
            assert f"[{len(json.loads(suite.read_text())['expectations'])} expectations]" in text


def test_lineage_is_told_from_both_sides(page):
    assert "**Comes from** [bronze.ratings](#bronzeratings), [ops.corrections]" in section(page, "silver.ratings")
    assert "[silver.ratings](#silverratings)" in section(page, "bronze.ratings")
    assert "**Read by** [gold.monthly_movie_ratings](#goldmonthly_movie_ratings)\n" in section(page, "silver.ratings")
    assert "dashboard *dashboard*" in section(page, "gold.genre_stats")
    assert "its own rows of before" in section(page, "quarantine.tags")
    assert "`ratings.csv` of the dataset" in section(page, "landing.ratings")


def test_the_graph_draws_every_edge_between_nodes_that_are_declared(page):
    graph = page.partition("```mermaid\n")[2].partition("```")[0]
    nodes = re.findall(r"^    (\w+)\[\w+\]$", graph, re.MULTILINE)
    edges = re.findall(r"^  (\w+) --> (\w+)$", graph, re.MULTILINE)

    assert {name for edge in edges for name in edge} == set(nodes)
    assert len(nodes) == len(set(nodes))
    made = Dictionary().sources.items()
    assert len(edges) == sum(len(read - {table}) for table, read in made)


def test_severities_are_counted_and_add_up():
    (text,) = judges("silver.ratings")
    total, *by_severity = map(int, re.findall(r"\b(\d+) ", text))

    assert total == sum(by_severity) > 10
    assert judges("ops.releases") == []


def test_tests_of_dbt_are_counted(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "marts.yml").write_text(
        "models: [{name: a, data_tests: [x], columns: [{name: b, data_tests: [not_null, unique]}, {name: c}]}]"
    )

    assert dbt_tests(tmp_path) == {"marts.a": 3}

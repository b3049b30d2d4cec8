"""What all audits found, from the table of their results."""

from datetime import datetime, timedelta

import pyarrow as pa
import pytest

from lakehouse.contracts import read_contract
from lakehouse.quality_ui import history
from tests.fixtures.lake import numbers

BEGAN = datetime(2001, 3, 1)
SCHEMA = pa.schema(
    {
        "dag_id": pa.string(),
        "run_id": pa.string(),
        "layer": pa.string(),
        "table": pa.string(),
        "expectation": pa.string(),
        "column": pa.string(),
        "severity": pa.string(),
        "notes": pa.string(),
        "success": pa.bool_(),
        "observed": pa.string(),
        "unexpected_count": pa.int64(),
        "evaluated_at": pa.timestamp("us"),
    }
)


def results(*rows):
    """Results of (run, minute, table, severity, success), each of an expectation of its own column."""
    return pa.Table.from_pylist(
        [
            {
                "dag_id": None if run == "old" else "movielens_rollback",
                "run_id": run,
                "table": table,
                "layer": table.split(".")[0],
                "expectation": "expect_something",
                "column": severity,
                "severity": severity,
                "success": success,
                "evaluated_at": BEGAN + timedelta(minutes=minute),
            }
            for run, minute, table, severity, success in rows
        ],
        schema=SCHEMA,
    )


def test_the_last_audit_of_a_table_counts():
    found = history.last_audit_of_each_table(
        results(
            ("old", 1, "silver.tags", "critical", True),
            ("new", 2, "silver.tags", "critical", False),
            ("new", 2, "silver.tags", "warning", False),
            ("new", 2, "silver.tags", "info", False),
            ("old", 3, "gold.top_movies", "critical", True),
        )
    )

    keys = ("table", "dag_id", "run_id", "met", "total", "critical", "warnings")
    assert [tuple(row[key] for key in keys) for row in found] == [
        ("gold.top_movies", "movielens_lakehouse", "old", 1, 1, 0, 0),
        ("silver.tags", "movielens_rollback", "new", 0, 3, 1, 1),
    ]


def test_the_score_of_a_run_is_the_share_of_expectations_met_in_its_last_audits():
    audits = results(
        ("old", 1, "silver.tags", "critical", False),
        ("old", 2, "silver.tags", "critical", True),  # after it was mended and cleared
        ("old", 3, "gold.top_movies", "critical", True),
        ("new", 4, "silver.tags", "critical", True),
        ("new", 4, "silver.tags", "warning", False),
    )

    keys = ("run_id", "score", "critical", "warnings")
    found = [tuple(row[key] for key in keys) for row in history.scores(audits, 10)]
    assert found == [("old", 100, 0, 0), ("new", 50, 0, 1)]
    assert [row["run_id"] for row in history.scores(audits, 1)] == ["new"]


def test_each_expectation_has_its_outcome_in_each_audit_of_the_table():
    audits, expectations = history.outcomes_of_table(
        results(
            ("old", 1, "silver.tags", "critical", True),
            ("new", 2, "silver.tags", "critical", False),
            ("new", 2, "silver.tags", "warning", True),
            ("new", 2, "silver.links", "warning", True),
        ),
        "silver.tags",
        10,
    )

    assert [audit["run_id"] for audit in audits] == ["old", "new"]
    found = {row["column"]: [each and each["success"] for each in row["outcomes"]] for row in expectations}
    assert found == {"critical": [True, False], "warning": [None, True]}


@pytest.fixture
def table(catalog, monkeypatch):
    """A table of results that no other test knows, as an older version of this project made it."""
    catalog.create_namespace_if_not_exists("history")
    name = f"history.results_{next(numbers)}"
    monkeypatch.setattr(history, "RESULTS", name)
    monkeypatch.setattr(history, "read_contract", lambda _: read_contract("ops.quality_results"))
    return catalog.create_table(name, SCHEMA.remove(SCHEMA.get_field_index("notes")))


def test_a_file_of_results_is_read_once(catalog, table, monkeypatch):
    read = []
    arrow_scan = history.ArrowScan
    monkeypatch.setattr(history, "ArrowScan", lambda *arguments: read.append(1) or arrow_scan(*arguments))
    row = results(("old", 1, "silver.tags", "critical", True)).drop_columns(["notes"])

    for appended in (1, 2, 2):
        if len(read) < appended:
            table.append(row)
        assert len(history.results(catalog)) == appended

    assert len(read) == 2


def test_a_table_without_rows_or_of_older_columns_has_todays_columns(catalog, table):
    columns = history.results(catalog).column_names

    assert {"notes", "run_id", "success"} <= set(columns)
    assert history.scores(history.results(catalog), 10) == []

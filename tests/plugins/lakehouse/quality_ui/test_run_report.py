"""The reports of one run, as its page shows them."""

import json

import pytest

from lakehouse.quality_ui.run_report import Balance, RunReport, read_report


def report(table, rows=0, *, success=True):
    return {"table": table, "layer": table.split(".")[0], "row_count": rows, "success": success, "findings": []}


def test_tables_come_in_the_order_in_which_they_are_built():
    found = RunReport([report("gold.top_movies"), report("silver.ratings"), report("bronze.ratings")])

    assert [each["table"] for each in found.tables] == ["bronze.ratings", "silver.ratings", "gold.top_movies"]
    assert list(found.layers) == ["bronze", "silver", "gold"]


def test_the_layer_that_stopped_the_run_is_named():
    good, bad = report("bronze.ratings"), report("silver.ratings", success=False)

    assert RunReport([good, bad]).stopped_at == "silver"
    assert RunReport([good]).stopped_at is None


@pytest.mark.parametrize("audited", [["bronze.ratings"], ["bronze.ratings", "silver.ratings"], []])
def test_there_is_no_balance_before_silver_was_audited(audited):
    assert RunReport([report(table, 7) for table in audited]).balances == []


def test_what_is_neither_in_silver_nor_in_quarantine_was_collapsed():
    rows = {"bronze.ratings": 10, "silver.ratings": 6, "quarantine.ratings": 3}

    (balance,) = RunReport([report(table, count) for table, count in rows.items()]).balances

    assert (balance, balance.collapsed) == (Balance("ratings", 10, 6, 3), 1)


def test_reports_are_read_for_one_run_only(s3):
    for run_id in ("a run", "a run later"):
        s3.put_object(
            Bucket="lake",
            Key=f"quality/a_dag/{run_id}/bronze.tags.json",
            Body=json.dumps(report("bronze.tags", len(run_id))).encode(),
        )

    assert [each["row_count"] for each in read_report(s3, "lake", "a_dag", "a run").tables] == [5]
    assert read_report(s3, "lake", "a_dag", "no run").tables == []

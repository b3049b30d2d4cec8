"""Reports are kept whether the gate passes or not, and say what to do."""

import json
import logging
from dataclasses import replace

import pytest
from pyiceberg.expressions import EqualTo

from lakehouse.reports import (
    Finding,
    GateError,
    Report,
    count_warnings,
    pass_or_raise,
    passed_snapshots,
    repeated_warnings,
    store,
)
from tests.fixtures.lake import new_run, numbers

MET = Finding("expect_a", "rating", "critical", "Why a.", True, None, 0, 0.0, [], {"column": "rating"})
FAILED = replace(MET, expectation="expect_b", success=False, unexpected_count=2, examples=[{"rating": "99.0"}])
WARNED = replace(MET, expectation="expect_c", severity="warning", success=False, observed="1.5", unexpected_count=None)
INFO = replace(WARNED, expectation="expect_d", severity="info")
GOOD, BAD = Report("silver.tags", 71, 5, [MET, WARNED, INFO]), Report("silver.ratings", 42, 3, [MET, FAILED, WARNED])


def test_warnings_do_not_stop_a_run_but_are_logged(caplog):
    with caplog.at_level(logging.INFO):
        pass_or_raise("silver", [GOOD])

    logged = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert logged == [
        ("INFO", "silver.tags: 5 rows, 1 of 3 expectations met"),
        ("WARNING", "silver.tags: warning expect_c(rating): observed 1.5. Why a."),
        ("INFO", "silver.tags: info expect_d(rating): observed 1.5. Why a."),
    ]


def test_a_critical_failure_stops_a_run_with_counts_and_example_rows_in_the_log(caplog):
    sentence = r"silver stopped .*: silver\.ratings \(1 crit"
    with caplog.at_level(logging.INFO), pytest.raises(GateError, match=sentence) as raised:
        pass_or_raise("silver", [GOOD, BAD])

    assert raised.value.failed == ["silver.ratings: critical expect_b(rating): 2 rows. Why a."]
    assert "silver.ratings: critical expect_b(rating): 2 rows. Why a." in caplog.messages
    assert "    {'rating': '99.0'}" in caplog.messages


def test_a_report_is_kept_in_s3_and_as_rows_also_when_the_gate_fails(s3, lake_tables):
    run = new_run("2001-03", unknown=True)

    store(s3, "lake", lake_tables, "a_dag", run, "silver", [GOOD, BAD])

    kept = {
        name: s3.get_object(Bucket="lake", Key=f"quality/a_dag/{run.run_id}/{name}.json")
        for name in ("silver.tags", "silver.ratings")
    }
    good, bad = (json.loads(each["Body"].read()) for each in kept.values())
    assert {each["ContentType"] for each in kept.values()} == {"application/json"}
    assert (good["success"], bad["success"]) == (True, False)
    about = [bad[name] for name in ("dag_id", "run_id", "layer", "dataset", "branch")]
    assert about == ["a_dag", run.run_id, "silver", "tiny@0123456789ab", run.branch]
    assert bad["months"] == "2001-03, the unknown month"
    assert [(each["expectation"], each["success"]) for each in bad["findings"]] == [
        ("expect_a", True),
        ("expect_b", False),
        ("expect_c", False),
    ]
    assert bad["findings"][1]["examples"] == [{"rating": "99.0"}]
    results = lake_tables.load_table("ops.quality_results").scan(EqualTo("run_id", run.run_id)).to_arrow().to_pylist()
    columns = ("layer", "table", "snapshot", "expectation", "severity", "success", "observed", "unexpected_count")
    assert sorted(tuple(row[name] for name in columns) for row in results) == [
        ("silver", "silver.ratings", 42, "expect_a", "critical", True, None, 0),
        ("silver", "silver.ratings", 42, "expect_b", "critical", False, None, 2),
        ("silver", "silver.ratings", 42, "expect_c", "warning", False, "1.5", None),
        ("silver", "silver.tags", 71, "expect_a", "critical", True, None, 0),
        ("silver", "silver.tags", 71, "expect_c", "warning", False, "1.5", None),
        ("silver", "silver.tags", 71, "expect_d", "info", False, "1.5", None),
    ]


def test_the_last_audit_of_each_layer_counts(s3, lake_tables):
    run = new_run()
    assert count_warnings(lake_tables, run.run_id) == 0
    assert passed_snapshots(lake_tables, run.run_id) == {}

    store(s3, "lake", lake_tables, "a_dag", run, "bronze", [replace(GOOD, table="bronze.tags")])
    store(s3, "lake", lake_tables, "a_dag", run, "silver", [GOOD, BAD])
    assert count_warnings(lake_tables, run.run_id) == 3
    assert passed_snapshots(lake_tables, run.run_id) == {"bronze.tags": 71}  # nothing of a layer that was stopped

    store(s3, "lake", lake_tables, "a_dag", run, "silver", [GOOD, Report("silver.ratings", 43, 3, [MET])])
    assert count_warnings(lake_tables, run.run_id) == 2
    assert passed_snapshots(lake_tables, run.run_id) == {"bronze.tags": 71, "silver.tags": 71, "silver.ratings": 43}


@pytest.fixture
def repeated(s3, lake_tables):
    """A function that stores an audit of a table of its own, and returns which warnings are the third in a row."""
    table = f"silver.table_{next(numbers)}"

    def repeated(*findings, run=None):
        run = run or new_run()
        store(s3, "lake", lake_tables, "a_dag", run, "silver", [Report(table, 42, 3, list(findings))])
        return [line.removeprefix(f"{table}: ") for line in repeated_warnings(lake_tables, "silver", run.run_id, 3)]

    return repeated


def test_a_warning_repeats_with_the_third_run_in_a_row_that_has_it_and_not_with_the_fourth(repeated):
    kept = replace(WARNED, success=True)
    runs = [repeated(finding, INFO) for finding in (WARNED, WARNED, kept, WARNED, WARNED, WARNED, WARNED)]

    assert runs == [[], [], [], [], [], ["warning expect_c(rating): observed 1.5. Why a."], []]


def test_every_warning_has_a_row_of_its_own(repeated):
    others = [replace(WARNED, notes="Why b."), replace(WARNED, column="tag"), replace(WARNED, expectation="expect_e")]

    assert [repeated(finding) for finding in (*others, WARNED)] == [[]] * 4
    assert repeated(*others) == []
    assert len(repeated(*others)) == 3


def test_of_a_run_the_last_audit_counts(repeated):
    kept, first, last = replace(WARNED, success=True), new_run(), new_run()
    assert [repeated(WARNED, run=first) for _ in range(3)] == [[]] * 3
    assert repeated(WARNED) == []

    assert repeated(kept, run=last) == []
    assert len(repeated(WARNED, run=last)) == 1

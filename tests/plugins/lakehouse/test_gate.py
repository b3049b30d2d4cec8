"""The gate judges what a run has written, and refuses a suite that it cannot judge by."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from great_expectations.execution_engine import SparkDFExecutionEngine

from lakehouse import gate, gate_views
from lakehouse.gate import SUITES, QuarantineLimits, SuiteError, audit_tables, load_suite
from lakehouse.landing import Manifest
from lakehouse.tables import EVENTS, LAYERS, RELEASED
from spark_jobs.common.lake import Lake
from tests.fixtures.lake import VERSION, month, new_run, new_table, open_empty

MARCH = month("2001-03")
MANIFEST = Manifest(
    dataset="tiny",
    version=VERSION,
    synthetic=False,
    landed_at="2026-11-22T12:00:00+00:00",
    files={
        "ratings.csv": {"rows": 14, "malformed": 1},
        "tags.csv": {"rows": 0, "malformed": 0},
        "movies.csv": {"rows": 2, "malformed": 1},
        "links.csv": {"rows": 1, "malformed": 0},
    },
    months={"ratings": {"2001-03": 4, "2001-04": 9}, "tags": {}},
    unknown_month={"ratings": 2, "tags": 0},
    objects=4,
)

pytestmark = pytest.mark.integration
NOT_NULL = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "rating"}, "severity": "critical"}


def rating(user_id, stars):
    at = datetime(2001, 3, 2, tzinfo=UTC)
    return {"user_id": user_id, "movie_id": 7, "rating": Decimal(stars), "rated_at": at, "rated_month": MARCH}


def query(sql, severity="critical"):
    kwargs = {"unexpected_rows_query": sql}
    return {"type": "unexpected_rows_expectation", "kwargs": kwargs, "severity": severity, "notes": "So."}


@pytest.fixture(scope="module")
def lake(spark, lake_tables):
    """A lake with four ratings in bronze and three in silver, two of them bad, on the branch of a run."""
    run = new_run("2001-03")
    open_empty(lake_tables, "bronze.ratings", run.branch, [{"userId": "1", "_event_month": MARCH}] * 4)
    rows = [rating(1, "3.5"), rating(2, "0.0"), rating(3, "0.0")]
    open_empty(lake_tables, "silver.ratings", run.branch, rows)
    return Lake(spark, lake_tables, run)


@pytest.fixture
def audited(lake, monkeypatch, tmp_path):
    """A function that audits ``silver.ratings`` alone, by the suite given."""

    def audited(*expectations, name="silver.ratings"):
        (tmp_path / "silver").mkdir()
        suite = {"name": name, "notes": "", "expectations": expectations}
        (tmp_path / "silver" / "ratings.json").write_text(json.dumps(suite))
        monkeypatch.setattr(gate, "SUITES", tmp_path)
        monkeypatch.setitem(LAYERS, "silver", ["silver.ratings"])
        (report,) = audit_tables(lake, "silver", MANIFEST, QuarantineLimits(0.01, 10))
        return report

    return audited


def test_a_failed_expectation_is_reported_with_its_count_and_example_rows(catalog, lake, audited, monkeypatch):
    # In a first run, the tables of later layers have no snapshot yet.
    later = catalog.create_table(
        f"{new_table(catalog, 'gate_test')}_later", catalog.load_table("ops.releases").schema()
    )
    monkeypatch.setattr(gate_views, "RELEASED", ["silver.ratings", ".".join(later.name())])

    report = audited(
        NOT_NULL,
        {
            "type": "expect_column_values_to_be_in_set",
            "kwargs": {"column": "rating", "value_set": [3.5]},
            "severity": "critical",
            "notes": "Half stars.",
        },
        {
            "type": "expect_column_mean_to_be_between",
            "kwargs": {"column": "rating", "min_value": 2.0},
            "severity": "warning",
        },
        query("SELECT user_id FROM {batch} WHERE rating < 1"),
    )

    assert (report.table, report.row_count) == ("silver.ratings", 3)
    assert report.snapshot_id == lake.head("silver.ratings")
    not_null, in_set, by_query, mean = report.findings
    assert (not_null.success, not_null.unexpected_count, not_null.examples) == (True, 0, [])
    assert (in_set.success, in_set.column, in_set.notes) == (False, "rating", "Half stars.")
    assert in_set.unexpected_count == 2
    assert in_set.unexpected_percent == pytest.approx(200 / 3)
    assert sorted(example["user_id"] for example in in_set.examples) == ["2", "3"]
    assert (mean.success, mean.severity, mean.unexpected_count) == (False, "warning", None)
    assert float(mean.observed) == pytest.approx(3.5 / 3, rel=1e-4)
    assert (by_query.success, by_query.unexpected_count) == (False, 2)
    assert sorted(example["user_id"] for example in by_query.examples) == ["2", "3"]
    assert report.failed("critical") == [in_set, by_query]
    assert report.failed("warning") == [mean]


def test_the_queries_on_a_table_are_one_query_of_spark(audited, monkeypatch):
    asked = []

    def resolve(engine, metric_fn_bundle):
        asked.append([each.metric_configuration.metric_name for each in metric_fn_bundle])
        return resolve_metric_bundle(engine, metric_fn_bundle)

    resolve_metric_bundle = SparkDFExecutionEngine.resolve_metric_bundle
    monkeypatch.setattr(SparkDFExecutionEngine, "resolve_metric_bundle", resolve)

    report = audited(NOT_NULL, *[query(f"SELECT * FROM {{batch}} WHERE rating > {stars}") for stars in (5, 6, 7)])

    assert [finding.success for finding in report.findings] == [True] * 4
    counts = [metrics.count("unexpected_rows_query.row_count") for metrics in asked]
    assert [count for count in counts if count] == [3]


def test_a_query_sees_counts_landing_and_settings(audited, monkeypatch):
    monkeypatch.setattr(gate_views, "RELEASED", ["silver.ratings"])
    views = {
        "landed": "SELECT table_name, month, row_count FROM landed",
        "months": "SELECT month, row_count FROM silver_ratings_months",
        "counts": "SELECT row_count FROM row_counts WHERE table_name = 'silver.ratings'",
        "open": "SELECT month FROM ratings_open_months",
        "settings": "SELECT * FROM settings",
    }

    report = audited(*[query(sql) for sql in views.values()])

    seen = [sorted(tuple(row.values()) for row in finding.examples) for finding in report.findings]
    assert dict(zip(views, seen, strict=True)) == {
        "landed": [("links", "None", "1"), ("movies", "None", "3"), ("ratings", "2001-03-01", "4")],
        "months": [("2001-03-01", "3")],
        "counts": [("3",)],
        "open": [("2001-03-01",)],
        "settings": [("0.01", "10", "1970-01-01 00:00:00")],
    }


@pytest.mark.parametrize(
    ("expectations", "message"),
    [
        ([NOT_NULL | {"type": "expect_column_values_to_be_nut_null"}, NOT_NULL], "expect_column_values_to_be_nut_null"),
        ([NOT_NULL | {"kwargs": {"column": "stars"}}, NOT_NULL], "could not be evaluated"),
        ([], "at least one expectation"),
    ],
    ids=["misspelled", "unknown column", "empty"],
)
def test_a_suite_that_is_not_fully_evaluated_is_refused(audited, expectations, message):
    with pytest.raises(SuiteError, match=message):
        audited(*expectations)


def test_the_suite_of_another_table_is_refused(audited):
    with pytest.raises(SuiteError, match=r"must be the suite 'silver\.ratings'"):
        audited(NOT_NULL, name="silver.tags")


def test_a_table_without_a_suite_is_refused():
    with pytest.raises(SuiteError, match=r"ops\.releases has no suite: write expectations/ops/releases\.json"):
        load_suite("ops.releases")


def test_a_run_is_stopped_above_both_limits_of_quarantine(spark, lake_tables, monkeypatch):
    run = new_run("2001-03")
    limits = QuarantineLimits(max_quarantined_share=0.5, max_quarantined_rows=1)
    judged = {"reasons": ["bad_user_id"], "_first_seen_at": run.started_at}
    for table, row, received, quarantined in [
        ("ratings", {"userId": "x", "_event_month": MARCH}, 4, 2),  # at the limit of the share
        ("tags", {"userId": "x", "_event_month": MARCH}, 1, 1),  # at the limit of rows
        ("movies", {"movieId": "x"}, 3, 2),  # above both
    ]:
        open_empty(lake_tables, f"bronze.{table}", run.branch, [row] * received)
        open_empty(lake_tables, f"quarantine.{table}", run.branch, [row | judged] * quarantined)
    monkeypatch.setitem(LAYERS, "silver", ["quarantine.ratings", "quarantine.tags", "quarantine.movies"])

    reports = audit_tables(Lake(spark, lake_tables, run), "silver", MANIFEST, limits)

    stopped = {report.table: [each.unexpected_count for each in report.failed("critical")] for report in reports}
    assert stopped == {"quarantine.ratings": [], "quarantine.tags": [], "quarantine.movies": [2]}


def test_every_table_has_a_suite_and_every_suite_a_table():
    suites = sorted(f"{path.parent.name}.{path.stem}" for path in SUITES.rglob("*.json"))

    assert suites == sorted([*RELEASED, EVENTS])
    assert all(load_suite(table)["notes"] for table in suites)


@pytest.mark.parametrize("table", [*RELEASED, EVENTS])
def test_every_expectation_has_a_severity_and_a_reason_and_some_can_stop_a_run(table):
    expectations = load_suite(table)["expectations"]

    assert {each["severity"] for each in expectations} <= {"critical", "warning", "info"}
    assert all(each["notes"].endswith(".") for each in expectations)
    assert any(each["severity"] == "critical" for each in expectations)

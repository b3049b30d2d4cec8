"""Our form of a Great Expectations class."""

import pytest
from great_expectations import ExpectationSuite

from lakehouse.expectations import UnexpectedRowsExpectation

QUERY = {
    "type": "unexpected_rows_expectation",
    "kwargs": {"unexpected_rows_query": "SELECT * FROM {batch}"},
    "severity": "critical",
}


@pytest.mark.parametrize(
    ("result_format", "metrics"),
    [
        ("BOOLEAN_ONLY", {"unexpected_rows_query.row_count"}),
        ("SUMMARY", {"unexpected_rows_query.row_count"}),
        ("COMPLETE", {"unexpected_rows_query.row_count", "unexpected_rows_query.table"}),
    ],
)
def test_a_suite_asks_for_the_rows_of_a_query_only_when_it_shows_them(result_format, metrics):
    (expectation,) = ExpectationSuite(name="a suite", expectations=[QUERY]).expectations

    asked = expectation.get_validation_dependencies(runtime_configuration={"result_format": result_format})

    assert isinstance(expectation, UnexpectedRowsExpectation)
    assert set(asked.get_metric_names()) == metrics

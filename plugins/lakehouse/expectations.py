"""What we change of Great Expectations' own expectations. Importing this puts them into its registry."""

import logging
from typing import Any

from great_expectations.core.result_format import ResultFormat
from great_expectations.expectations.core import unexpected_rows_expectation as gx

logging.getLogger("great_expectations.expectations.registry").setLevel(logging.ERROR)  # it warns of what is meant here


class UnexpectedRowsExpectation(gx.UnexpectedRowsExpectation):  # type: ignore[misc]  # mypy does not look into GX
    """As GX has it, but the rows are fetched only where a result has room for them.

    GX runs every query twice, to count the rows it finds and to fetch them. Most find none, and each run may be a pass
    over all ratings.
    """

    def get_validation_dependencies(self, execution_engine: Any = None, runtime_configuration: Any = None) -> Any:
        dependencies = super().get_validation_dependencies(execution_engine, runtime_configuration)
        if dependencies.result_format["result_format"] != ResultFormat.COMPLETE:
            dependencies.remove_metric_configuration("unexpected_rows_query.table")
        return dependencies

    def _validate(self, metrics: dict[str, Any], *arguments: Any, **named: Any) -> Any:
        return super()._validate({"unexpected_rows_query.table": []} | metrics, *arguments, **named)

"""What we change of Great Expectations' own. Importing this puts it into its registry."""

import logging
from typing import Any

from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.core.metric_function_types import MetricPartialFunctionTypes
from great_expectations.core.result_format import ResultFormat
from great_expectations.execution_engine import SparkDFExecutionEngine
from great_expectations.expectations.core import unexpected_rows_expectation as gx
from great_expectations.expectations.metrics.metric_provider import metric_partial
from great_expectations.expectations.metrics.query_metrics import UnexpectedRowsQueryRowCount
from pyspark.sql import Column
from pyspark.sql import functions as F

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


class UnexpectedRowCount(UnexpectedRowsQueryRowCount):  # type: ignore[misc]  # as above
    """As GX has it, but as an aggregate: with those of the other expectations it goes to Spark as one query."""

    @metric_partial(  # type: ignore[untyped-decorator]  # as above
        engine=SparkDFExecutionEngine,
        partial_fn_type=MetricPartialFunctionTypes.AGGREGATE_FN,
        domain_type=MetricDomainTypes.TABLE,
    )
    def _spark(
        cls,  # noqa: N805  # as GX has it: its decorator makes a class method of this
        execution_engine: SparkDFExecutionEngine,  # noqa: ARG002  # GX passes all by name
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        **_: Any,
    ) -> tuple[Column, dict[str, Any], dict[str, Any]]:
        query = cls._format_query(metric_value_kwargs["unexpected_rows_query"], batch="")
        return F.expr(f"(SELECT count(*) FROM ({query}))"), metric_domain_kwargs, {}

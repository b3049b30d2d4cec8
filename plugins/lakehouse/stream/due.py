"""Which months have messages that bronze does not account for yet, and the run that takes them up."""

import logging
from datetime import UTC, date, datetime
from typing import Any

from airflow.sdk.exceptions import AirflowSkipException
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.expressions import EqualTo
from pyiceberg.table.refs import MAIN_BRANCH
from pyspark.sql import SparkSession

from lakehouse.runs import code_settings, lake_version
from lakehouse.stream.replay import assign_months
from lakehouse.tables import EVENTS
from spark_jobs.bronze.ratings import QUARANTINE
from spark_jobs.common.lake import head, rows_by_month, written_table
from spark_jobs.common.months import Months
from spark_jobs.common.run import Run

log = logging.getLogger(__name__)


def start_stream_run(spark: SparkSession, run_id: str, month: str | None, *, replay: bool = False) -> dict[str, Any]:
    """Plan the run over all months that are due, ``month`` (YYYY-MM) being the one it was triggered for, if any.

    With ``replay`` the months in which rejected messages wait are due too, and messages of the unknown month are given
    the month that they have by the schemas of today.

    Raises:
        AirflowSkipException: none is due, for a run before this one took all up, or no dataset has been loaded, and so
            there is no catalogue yet.
    """
    catalog = load_catalog("lake")
    dataset, _, version = (lake_version(catalog) or "").rpartition("@")
    if not dataset:
        raise _skip("There is no catalogue of movies yet: load a dataset with movielens_lakehouse first")
    if replay:
        assign_months(spark, catalog)
    due = due_months(catalog) | (_rows_by_month(catalog, QUARANTINE).keys() if replay else set())
    if not due:
        raise _skip(f"{month or 'No month'}: bronze accounts for every message")
    months = Months.of_each([each for each in due if each], unknown=None in due)
    log.info("%s, with %s@%s", months, dataset, version)
    return Run(run_id, dataset, version, months, datetime.now(UTC), kind="stream", **code_settings()).to_json()


def due_months(catalog: Catalog) -> set[date | None]:
    """The months (None: the unknown one) in which main has other numbers of messages, streamed rows and rejections."""
    received, rejected = (_rows_by_month(catalog, name) for name in (EVENTS, QUARANTINE))
    ratings = written_table(catalog, "bronze.ratings")
    in_bronze: dict[date | None, int] = {}
    if received and ratings:
        streamed = ratings.scan(EqualTo(term="_source", value="stream"), ("_event_month",)).to_arrow()
        counted = streamed["_event_month"].value_counts().to_pylist()
        in_bronze = {each["values"]: each["counts"] for each in counted}
    return {month for month, count in received.items() if count != in_bronze.get(month, 0) + rejected.get(month, 0)}


def _rows_by_month(catalog: Catalog, name: str) -> dict[date | None, int]:
    table = written_table(catalog, name)
    return rows_by_month(table, head(table, MAIN_BRANCH)) if table else {}


def _skip(reason: str) -> AirflowSkipException:
    log.info(reason)  # Airflow's own line says only that the task is skipped
    return AirflowSkipException(reason)

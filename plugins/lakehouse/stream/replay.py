"""Judge rejected messages again: give those without a month the one that they have by the schemas of today."""

import logging

from pyiceberg.catalog import Catalog
from pyiceberg.table.refs import MAIN_BRANCH
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from lakehouse.branches import MainMovedError
from lakehouse.stream.ingest import own_branch
from lakehouse.tables import EVENTS
from spark_jobs.bronze.event_schema import read
from spark_jobs.common.lake import count_rows, head

log = logging.getLogger(__name__)


def assign_months(spark: SparkSession, catalog: Catalog) -> int:
    """Move messages from the unknown month to theirs, in one commit; how many there were to move.

    Raises:
        MainMovedError: messages came in meanwhile, or some would have been lost or doubled: try again.
    """
    table = catalog.load_table(EVENTS)
    main = head(table, MAIN_BRANCH)
    names = [field.name for field in table.schema().fields]
    month = F.col("_month").alias("_event_month")
    columns = [month if name == "_event_month" else name for name in names]
    undated = spark.read.option("versionAsOf", main).table(f"lake.{EVENTS}").where("_event_month IS NULL")
    found = read(undated).where("_month IS NOT NULL").count()
    if found:
        with own_branch(spark, table, main) as branch:
            dated = read(undated).select(*columns)
            dated.writeTo(f"lake.{EVENTS}.branch_{branch}").overwrite(F.col("_event_month").isNull())
            if count_rows(table.refresh(), head(table, branch)) != count_rows(table, main):
                raise MainMovedError(f"{EVENTS}: {branch} has not as many messages as main")
    log.info("%s: %d messages of the unknown month have a month now", EVENTS, found)
    return found

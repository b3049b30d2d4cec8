"""What bronze adds to a landed row. Bronze keeps every value as received and judges nothing."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark_jobs.common.run import Run


def received(landed: DataFrame, run: Run) -> DataFrame:
    """Add where a row came from and which run took it in; drop the two columns that ``_dataset`` replaces."""
    return (
        landed.drop("_dataset_version")
        .withColumn("_source", F.lit("file"))
        .withColumn("_dataset", F.lit(run.dataset_version))
        .withColumn("_run_id", F.lit(run.run_id))
        .withColumn("_ingested_at", F.lit(run.started_at))
    )

"""Bronze keeps every value as received and says where it came from."""

from spark_jobs.bronze.received import received
from tests.fixtures.lake import STARTED_AT, new_run


def test_bronze_adds_source_dataset_run_and_time_and_changes_nothing(spark):
    landed = spark.createDataFrame(
        [(" 7 ", "3.54", 2, None, "ratings.csv", "tiny", "0123456789ab"), (None, None, 3, "9", "ratings.csv", "", "")],
        "userId string, rating string, _line bigint, _malformed_line string, _source_file string, "
        "_dataset string, _dataset_version string",
    )
    run = new_run()

    rows = [row.asDict() for row in received(landed, run).orderBy("_line").collect()]

    added = {"_source": "file", "_dataset": "tiny@0123456789ab", "_run_id": run.run_id}
    added |= {"_source_file": "ratings.csv", "_ingested_at": STARTED_AT.replace(tzinfo=None)}
    assert rows == [
        {"userId": " 7 ", "rating": "3.54", "_line": 2, "_malformed_line": None} | added,
        {"userId": None, "rating": None, "_line": 3, "_malformed_line": "9"} | added,
    ]

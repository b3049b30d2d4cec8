"""What people decide about single rows: other values for silver, or a reason to keep the row in quarantine."""

from datetime import datetime

import pytest
from pyspark.sql import functions as F

from spark_jobs.common.lake import Lake
from spark_jobs.silver.corrections import CORRECTIONS, corrected, corrections, decided
from tests.fixtures.lake import append, new_run, rewind

BRONZE = "userId string, movieId string, rating string, timestamp string, _malformed_line string, _line bigint"
ROWS = [
    ("1", "7", "99.0", "985000000", None, 2),
    ("1", "7", "3.5", "985000000", None, 3),
    (None, None, None, None, "1,7", 4),
]
RECEIVED = {"userId": "1", "movieId": "7", "rating": "99.0", "timestamp": "985000000"}


def decision(received, corrected, *, table="ratings", day=1):
    """A row of ops.corrections."""
    decided_at = datetime(2026, 11, day)
    return {"table": table, "received": received, "corrected": corrected, "decided_at": decided_at}


@pytest.fixture
def new_lake(spark, lake_tables):
    """A function that gives a lake with these decisions."""

    def new_lake(*decisions):
        if decisions:
            append(lake_tables.load_table(CORRECTIONS), list(decisions))
        return Lake(spark, lake_tables, new_run())

    rewind(lake_tables, CORRECTIONS)
    yield new_lake
    rewind(lake_tables, CORRECTIONS)


def as_decided(spark, lake, table="ratings"):
    """The rows with their values for silver."""
    return corrected(spark.createDataFrame(ROWS, BRONZE), corrections(lake, table), table)


def ratings(rows):
    return {row["_line"]: row["rating"] for row in rows.collect()}


def test_a_corrected_row_has_its_new_values_and_all_others_stay(spark, new_lake):
    rows = as_decided(spark, new_lake(decision(RECEIVED, {"rating": "4.5"})))

    assert ratings(rows) == {2: "4.5", 3: "3.5", 4: None}
    judged = rows.withColumn("reasons", F.array().cast("array<string>"))
    assert ratings(decided(judged, "ratings")) == {2: "99.0", 3: "3.5", 4: None}


def test_a_discarded_row_has_that_reason_beside_the_others(spark, new_lake):
    rows = as_decided(spark, new_lake(decision(RECEIVED, {}), decision({"_malformed_line": "1,7"}, {})))

    judged = rows.withColumn("reasons", F.when(F.col("_line") == 2, F.array(F.lit("bad_rating"))).otherwise(F.array()))
    reasons = {row["_line"]: row["reasons"] for row in decided(judged, "ratings").collect()}
    assert reasons == {2: ["bad_rating", "discarded"], 3: [], 4: ["discarded"]}


def test_the_latest_decision_counts(spark, new_lake):
    lake = new_lake(decision(RECEIVED, {"rating": "5.0"}, day=3), decision(RECEIVED, {"rating": "1.0"}, day=2))

    assert ratings(as_decided(spark, lake))[2] == "5.0"


def test_a_decision_about_a_tag_does_not_touch_ratings(spark, new_lake):
    lake = new_lake(decision(RECEIVED, {"rating": "4.5"}, table="tags"))

    assert ratings(as_decided(spark, lake)) == {2: "99.0", 3: "3.5", 4: None}


def test_where_nothing_is_decided_nothing_is_joined(spark, new_lake, capsys):
    rows = as_decided(spark, new_lake())

    rows.explain()

    assert "Join" not in capsys.readouterr().out
    assert ratings(rows) == {2: "99.0", 3: "3.5", 4: None}

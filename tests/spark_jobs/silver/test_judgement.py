"""A row goes to quarantine with every rule that it breaks."""

from datetime import datetime

import pytest
from pyspark.sql import functions as F

from spark_jobs.silver.judgement import accepted, is_unknown, reasons, rejected, with_known_movies
from tests.fixtures.lake import STARTED_AT, new_run


@pytest.fixture
def judged(spark):
    rows = spark.createDataFrame(
        [
            ("good", 1, 1, None),
            ("a", -1, 1, None),
            ("a and b", -1, -1, None),
            ("null", None, 1, None),
            ("malformed", None, None, "x,y"),
        ],
        "name string, a int, b int, _malformed_line string",
    )
    return rows.withColumn("reasons", reasons({"a": F.col("a") < 0, "b": F.col("b") < 0}))


def test_every_broken_rule_is_a_reason_and_what_cannot_be_judged_is_broken(judged):
    assert {row["name"]: row["reasons"] for row in judged.collect()} == {
        "good": [],
        "a": ["a"],
        "a and b": ["a", "b"],
        "null": ["a"],
        "malformed": ["malformed"],
    }


def test_a_row_is_either_accepted_or_rejected(spark, judged):
    """A rejected row is as in bronze; one that was rejected before keeps the time at which it was first seen."""
    run, long_ago = new_run(), datetime(2026, 1, 1)
    bronze = judged.drop("reasons").withColumn("_run_id", F.lit("of bronze")).withColumn("_ingested_at", F.lit("now"))
    before = spark.createDataFrame(
        [("null", None, 1, None, ["b"], "earlier", long_ago), ("a", 0, 1, None, ["a"], "earlier", long_ago)],
        "name string, a int, b int, _malformed_line string, reasons array<string>, _run_id string, "
        "_first_seen_at timestamp",
    )

    rows = rejected(judged.withColumn("_run_id", F.lit("of bronze")), bronze, before, run)

    now = STARTED_AT.replace(tzinfo=None)
    assert [row["name"] for row in accepted(judged).collect()] == ["good"]
    assert rows.columns == before.columns
    assert sorted(rows.collect(), key=str) == [
        ("a and b", -1, -1, None, ["a", "b"], run.run_id, now),
        ("a", -1, 1, None, ["a"], run.run_id, now),
        ("malformed", None, None, "x,y", ["malformed"], run.run_id, now),
        ("null", None, 1, None, ["a"], run.run_id, long_ago),
    ]


def test_a_movie_is_unknown_if_its_id_is_readable_and_in_no_catalogue(spark):
    rows = spark.createDataFrame([(7,), (8,), (None,)], "movie_id bigint")
    movies = spark.createDataFrame([(7, "Seven")], "movie_id bigint, title string")

    judged = with_known_movies(rows, movies).select("movie_id", is_unknown("movie_id")).collect()

    assert sorted(judged, key=str) == [(7, False), (8, True), (None, False)]

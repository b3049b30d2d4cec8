"""Silver tags: trimmed, in lower case, judged, one a user, movie, tag and month."""

from datetime import datetime

import pytest
from pyspark.sql import functions as F

from spark_jobs.silver.tags import judged, latest_of_each_month, typed
from tests.fixtures.lake import month

MARCH, APRIL = month("2001-03"), month("2001-04")
BRONZE = (
    "userId string, movieId string, tag string, timestamp string, _line bigint, _malformed_line string, "
    "_event_month date"
)
GOOD = {"userId": "1", "movieId": "7", "tag": "funny", "timestamp": "985000000", "_event_month": MARCH}
CASES = [
    ({}, []),
    ({"tag": "x"}, []),
    ({"tag": "'Quoted', and \"so\""}, []),
    ({"timestamp": "985000000.0"}, []),
    (dict.fromkeys(GOOD) | {"_malformed_line": "1,7"}, ["malformed"]),
    ({"tag": ""}, ["malformed"]),
    ({"tag": "   "}, ["malformed"]),
    ({"userId": "x"}, ["bad_user_id"]),
    ({"userId": "-1"}, ["bad_user_id"]),
    ({"movieId": "x"}, ["bad_movie_id"]),
    ({"movieId": "0"}, ["bad_movie_id", "unknown_movie"]),
    ({"timestamp": "soon", "_event_month": None}, ["bad_timestamp"]),
    ({"timestamp": "985000000000", "_event_month": None}, ["bad_timestamp"]),
    ({"_event_month": None}, ["bad_timestamp"]),
    ({"_event_month": APRIL}, ["bad_timestamp"]),
    ({"movieId": "8"}, ["unknown_movie"]),
    ({"tag": " ", "userId": "", "movieId": "8"}, ["malformed", "bad_user_id", "unknown_movie"]),
]


@pytest.fixture(scope="module")
def reasons_of(spark):
    """The reasons found for each case, by its line."""
    rows = [{"_malformed_line": None} | GOOD | change | {"_line": line} for line, (change, _) in enumerate(CASES)]
    tags = judged(typed(spark.createDataFrame(rows, BRONZE)), spark.createDataFrame([(7,)], "movie_id bigint"))
    return {row["_line"]: row["reasons"] for row in tags.collect()}


@pytest.mark.parametrize("line", range(len(CASES)), ids=lambda line: str(CASES[line][0]))
def test_a_tag_is_judged_by_every_rule(reasons_of, line):
    assert reasons_of[line] == CASES[line][1]


def test_tags_are_trimmed_and_in_lower_case(spark):
    bronze = spark.createDataFrame([("1", "7", "  Très FUNNY ", "964981247")], ", ".join(BRONZE.split(", ")[:4]))

    assert typed(bronze).select("user_id", "movie_id", "clean_tag", "tagged_at").collect() == [
        (1, 7, "très funny", datetime(2000, 7, 30, 18, 20, 47))
    ]


def test_the_same_tag_counts_once_a_month_at_its_latest_time(spark):
    rows = [
        (MARCH, 1, 7, "funny", 985000000),
        (MARCH, 1, 7, "funny", 985000009),
        (MARCH, 1, 7, "sad", 985000000),
        (MARCH, 2, 7, "funny", 985000000),
        (APRIL, 1, 7, "funny", 987000000),
    ]
    schema = "_event_month date, user_id bigint, movie_id bigint, clean_tag string, seconds bigint"
    tags = spark.createDataFrame(rows, schema).withColumn("tagged_at", F.timestamp_seconds("seconds"))

    kept = latest_of_each_month(tags).withColumn("tagged_at", F.unix_timestamp("tagged_at"))

    assert kept.columns == ["user_id", "movie_id", "tag", "tagged_at"]
    assert sorted(kept.collect()) == [
        (1, 7, "funny", 985000009),
        (1, 7, "funny", 987000000),
        (1, 7, "sad", 985000000),
        (2, 7, "funny", 985000000),
    ]

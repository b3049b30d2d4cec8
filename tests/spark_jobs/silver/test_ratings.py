"""Silver ratings: typed, judged, one a user, movie and month."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pyspark.sql import functions as F

from spark_jobs.common.lake import Lake
from spark_jobs.silver import ratings
from spark_jobs.silver.corrections import corrected, corrections, decided
from spark_jobs.silver.judgement import accepted
from spark_jobs.silver.ratings import judged, latest_of_each_month, typed
from tests.fixtures.lake import append, month, new_run, open_empty, rows_of

MARCH, APRIL = month("2001-03"), month("2001-04")
BRONZE = (
    "userId string, movieId string, rating string, timestamp string, _line bigint, _malformed_line string, "
    "_event_month date"
)
GOOD = {"userId": "1", "movieId": "7", "rating": "3.5", "timestamp": "985000000", "_event_month": MARCH}
ACCEPTED = [
    {},
    {"userId": " 1 "},
    {"userId": "1.0"},
    {"movieId": "7.0"},
    *[{"rating": stars} for stars in ("0.5", "1", "1.5", "2", "2.5", "3", "3.5", "4", "4.5", "5")],
    *[{"rating": stars} for stars in ("5.0", " 3.5 ", "3.50", ".5")],
    {"timestamp": "985000000.0"},
    {"timestamp": " 985000000 "},
]
LOST_TIME = {"_event_month": None}
NOTHING = dict.fromkeys(GOOD)
REJECTED = [
    (NOTHING | {"_malformed_line": "1,7"}, ["malformed"]),
    *[({"userId": user}, ["bad_user_id"]) for user in ("", "x", "0", "-1", "7.5", "9999999999999999999999")],
    *[({"movieId": movie}, ["bad_movie_id"]) for movie in ("", "x", "7.5", "9999999999999999999999")],
    *[({"movieId": movie}, ["bad_movie_id", "unknown_movie"]) for movie in ("0", "-1")],
    *[({"rating": stars}, ["bad_rating"]) for stars in ("99.0", "3.54", "3.6", "0", "5.5", "7.0", "-1", "NaN")],
    *[({"rating": stars}, ["bad_rating"]) for stars in ("", "3.5d", "10", "good", "9999999999999999999999")],
    *[({"timestamp": time} | LOST_TIME, ["bad_timestamp"]) for time in ("", "soon", "-1", "985000000.5")],
    ({"timestamp": "985000000000"} | LOST_TIME, ["bad_timestamp"]),  # milliseconds
    ({"timestamp": "4102444800"} | LOST_TIME, ["bad_timestamp"]),  # 2100, which landing takes for an error
    ({"timestamp": "soon"}, ["bad_timestamp"]),
    ({"_event_month": APRIL}, ["bad_timestamp"]),
    ({"movieId": "8"}, ["unknown_movie"]),
    ({"movieId": "8", "rating": "99.0"}, ["bad_rating", "unknown_movie"]),
    (
        {"userId": "x", "movieId": "x", "rating": "x", "timestamp": "x"} | LOST_TIME,
        ["bad_user_id", "bad_movie_id", "bad_rating", "bad_timestamp"],
    ),
]


@pytest.fixture(scope="module")
def movies(spark):
    return spark.createDataFrame([(7,)], "movie_id bigint")


@pytest.fixture(scope="module")
def reasons_of(spark, movies):
    """The reasons found for each case, by its line."""
    cases = [*ACCEPTED, *[change for change, _ in REJECTED]]
    rows = [GOOD | change | {"_line": line} for line, change in enumerate(cases)]
    bronze = spark.createDataFrame([{"_malformed_line": None} | row for row in rows], BRONZE)
    return {row["_line"]: row["reasons"] for row in judged(typed(bronze), movies).collect()}


@pytest.mark.parametrize("line", range(len(ACCEPTED)), ids=lambda line: str(ACCEPTED[line]))
def test_a_readable_rating_of_a_known_movie_is_accepted(reasons_of, line):
    assert reasons_of[line] == []


@pytest.mark.parametrize("line", range(len(REJECTED)), ids=lambda line: str(REJECTED[line][0]))
def test_a_bad_rating_is_rejected_with_every_reason(reasons_of, line):
    assert reasons_of[len(ACCEPTED) + line] == REJECTED[line][1]


def test_ratings_are_typed(spark):
    bronze = spark.createDataFrame([(" 12 ", "7.0", "3.50", "964981247.0")], ", ".join(BRONZE.split(", ")[:4]))

    assert typed(bronze).select("user_id", "movie_id", "stars", "rated_at").collect() == [
        (12, 7, Decimal("3.5"), datetime(2000, 7, 30, 18, 20, 47))
    ]


def test_the_latest_rating_of_a_month_counts(spark):
    rows = [
        (MARCH, 1, 7, 4.0, 985000000),
        (MARCH, 1, 7, 2.5, 985000009),  # changed their mind
        (APRIL, 1, 7, 5.0, 987000000),  # again in another month
        (MARCH, 2, 7, 1.0, 985000000),
        (MARCH, 2, 7, 3.0, 985000000),  # twice in a second
        (MARCH, 2, 8, 0.5, 985000000),
    ]
    schema = "_event_month date, user_id bigint, movie_id bigint, stars double, seconds bigint"
    ratings = spark.createDataFrame(rows, schema).withColumn("rated_at", F.timestamp_seconds("seconds"))

    kept = latest_of_each_month(ratings).withColumn("rated_at", F.unix_timestamp("rated_at"))

    assert kept.columns == ["user_id", "movie_id", "rating", "rated_at", "rated_month"]
    assert sorted(kept.collect()) == [
        (1, 7, 2.5, 985000009, MARCH),
        (1, 7, 5.0, 987000000, APRIL),
        (2, 7, 3.0, 985000000, MARCH),
        (2, 8, 0.5, 985000000, MARCH),
    ]


def test_a_run_splits_bronze_into_silver_and_quarantine_and_forgets_what_was_mended(spark, lake_tables):
    first, second = new_run("2001-03"), new_run("2001-03")
    for run, stars in ((first, "99.0"), (second, "4.5")):
        open_empty(lake_tables, "bronze.ratings", run.branch, [GOOD, GOOD | {"userId": "2", "rating": stars}])
        open_empty(lake_tables, "silver.movies", run.branch, [{"movie_id": 7}])
        open_empty(lake_tables, "silver.ratings", run.branch)
    open_empty(lake_tables, "quarantine.ratings", first.branch)
    open_empty(lake_tables, "quarantine.ratings", second.branch, [GOOD | {"rating": "99.0"}])

    for run in (first, second):
        ratings.run(Lake(spark, lake_tables, run))

    at = datetime.fromtimestamp(985000000, UTC)
    of_first_user, of_second_user = [(user, 7, Decimal(stars), at, MARCH) for user, stars in ((1, "3.5"), (2, "4.5"))]
    assert rows_of(lake_tables, "silver.ratings", first.branch) == [of_first_user]
    assert rows_of(lake_tables, "silver.ratings", second.branch) == [of_first_user, of_second_user]
    (quarantined,) = rows_of(lake_tables, "quarantine.ratings", first.branch)
    assert quarantined[2] == "99.0"
    assert ["bad_rating"] in quarantined
    assert rows_of(lake_tables, "quarantine.ratings", second.branch) == []


def test_silver_needs_no_shuffle(spark, lake_tables, capsys):
    run = new_run("2001-03", "2001-04")
    open_empty(lake_tables, "bronze.ratings", run.branch, [GOOD, GOOD | {"userId": "2"}])
    append(
        lake_tables.load_table("bronze.ratings"),
        [GOOD | {"timestamp": "987000000", "_event_month": APRIL}, GOOD | {"userId": "3"}],
        run.branch,
    )
    open_empty(lake_tables, "silver.movies", run.branch, [{"movie_id": 7}])
    lake = Lake(spark, lake_tables, run)

    decisions = spark.createDataFrame(
        [("1", "7", "99.0", "985000000", None, {"rating": "4.5"})], corrections(lake, "ratings").schema
    )
    as_decided = corrected(lake.read("bronze.ratings"), decisions, "ratings")
    rows = judged(typed(as_decided), lake.read("silver.movies")).transform(decided, "ratings")
    accepted(rows).transform(latest_of_each_month).explain()

    plan = capsys.readouterr().out
    assert "hashpartitioning" not in plan

"""The months of a run, as Python and as a condition in Spark."""

import json
from datetime import UTC, date, datetime

import pytest
from pyspark.sql import functions as F

from spark_jobs.common.months import Months, next_month
from tests.fixtures.lake import month

MARCH, APRIL, MAY, JUNE = (month(f"2001-0{number}") for number in (3, 4, 5, 6))
RANGE = Months.between(APRIL, MAY)
RANGE_AND_UNKNOWN = Months.between(APRIL, MAY, unknown=True)
SOME_AND_UNKNOWN = Months.of_each([JUNE, MARCH, APRIL], unknown=True)
UNKNOWN_ALONE = Months((), unknown=True)
NONE = Months(())


def test_january_follows_december():
    assert next_month(date(1999, 12, 1)) == date(2000, 1, 1)
    assert next_month(date(2000, 1, 1)) == date(2000, 2, 1)


@pytest.mark.parametrize(
    ("months", "inside"),
    [
        (RANGE, [APRIL, MAY]),
        (RANGE_AND_UNKNOWN, [APRIL, MAY, None]),
        (SOME_AND_UNKNOWN, [MARCH, APRIL, JUNE, None]),
        (UNKNOWN_ALONE, [None]),
        (NONE, []),
    ],
    ids=str,
)
def test_both_ends_belong_to_a_range_and_the_unknown_month_only_if_it_says_so(spark, months, inside):
    candidates = [MARCH, APRIL, MAY, JUNE, None]
    rows = spark.createDataFrame([(each,) for each in candidates], "month date")

    assert [each for each in candidates if each in months] == inside
    assert [each for (each,) in rows.where(months.of("month")).collect()] == inside


def test_a_time_belongs_to_its_utc_month_to_the_last_second(spark):
    times = [
        datetime(2001, 3, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2001, 4, 1, tzinfo=UTC),
        datetime(2001, 5, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2001, 6, 1, tzinfo=UTC),
    ]
    rows = spark.createDataFrame([(time.timestamp(),) for time in times], "seconds double").select(
        F.timestamp_seconds("seconds").alias("at")
    )

    conditions = [months.of_time("at") for months in (RANGE, SOME_AND_UNKNOWN, NONE)]
    assert [tuple(row) for row in rows.select(*conditions).collect()] == [
        (False, True, False),
        (True, True, False),
        (True, False, False),
        (False, True, False),
    ]


def test_given_months_are_joined_to_spans():
    months = Months.of_each([JUNE, APRIL, MARCH, APRIL])

    assert months.spans == ((MARCH, APRIL), (JUNE, JUNE))
    assert months == Months.of_each([MARCH, APRIL, JUNE])


@pytest.mark.parametrize(
    ("months", "is_range"),
    [
        (Months.between(APRIL, APRIL), False),
        (Months.between(APRIL, APRIL, unknown=True), True),
        (RANGE, True),
        (NONE, True),
    ],
    ids=str,
)
def test_one_month_alone_is_no_range(months, is_range):
    assert months.is_range is is_range


@pytest.mark.parametrize("months", [RANGE, SOME_AND_UNKNOWN, UNKNOWN_ALONE, NONE], ids=str)
def test_months_survive_json(months):
    assert Months.from_json(json.loads(json.dumps(months.to_json()))) == months


def test_months_read_as_a_log_line():
    assert str(RANGE) == "2001-04 to 2001-05"
    assert str(SOME_AND_UNKNOWN) == "2001-03 to 2001-04, 2001-06, the unknown month"
    assert str(UNKNOWN_ALONE) == "the unknown month"
    assert str(NONE) == "no month"

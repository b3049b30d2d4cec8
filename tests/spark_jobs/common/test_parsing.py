"""Numbers are read as people write them where nothing is lost, and nowhere else."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from spark_jobs.common.parsing import seconds_since_1970, tenths, whole_number

WHOLE_NUMBERS = {
    "7": 7,
    " 7 ": 7,
    "007": 7,
    "+7": 7,
    "-1": -1,
    "0": 0,
    "7.": 7,
    "7.0": 7,
    " 7.000 ": 7,
    "9223372036854775807": 9223372036854775807,
    "9223372036854775808": None,
    "9999999999999999999999": None,
    "7.5": None,
    "7.04": None,
    "7,0": None,
    "1 2": None,
    "7L": None,
    "1e3": None,
    "NaN": None,
    "": None,
    " ": None,
    None: None,
}
TENTHS = {
    "3": "3.0",
    "3.5": "3.5",
    " 3.5 ": "3.5",
    "3.50": "3.5",
    "03.5": "3.5",
    "+3.5": "3.5",
    "3.": "3.0",
    ".5": "0.5",
    "7.0": "7.0",
    "0": "0.0",
    "3.54": None,
    "3.05": None,
    "10": None,
    "99.0": None,
    "-1": None,
    "3.5d": None,
    "3,5": None,
    "35e-1": None,
    "NaN": None,
    "Infinity": None,
    ".": None,
    "": None,
    None: None,
}
TIMES = {
    "0": datetime(1970, 1, 1, tzinfo=UTC),
    "964981247": datetime(2000, 7, 30, 18, 20, 47, tzinfo=UTC),
    " 964981247.0 ": datetime(2000, 7, 30, 18, 20, 47, tzinfo=UTC),
    "253402300799": datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    "253402300800": None,
    "964981247000": None,
    "964981247.5": None,
    "-1": None,
    "2000-07-30": None,
    "": None,
    None: None,
}


@pytest.fixture(scope="module")
def read(spark):
    """What each function reads out of each string."""
    texts = list({**WHOLE_NUMBERS, **TENTHS, **TIMES})
    rows = spark.createDataFrame([(text,) for text in texts], "text string").select(
        "text",
        whole_number("text").alias("whole_number"),
        tenths("text").cast("string").alias("tenths"),
        seconds_since_1970("text").cast("bigint").alias("seconds"),
    )
    return {row["text"]: row for row in rows.collect()}


@pytest.mark.parametrize("text", WHOLE_NUMBERS)
def test_a_whole_number_is_read_with_blanks_sign_and_zero_decimals(read, text):
    assert read[text]["whole_number"] == WHOLE_NUMBERS[text]


@pytest.mark.parametrize("text", TENTHS)
def test_tenths_are_read_and_never_rounded(read, text):
    assert read[text]["tenths"] == TENTHS[text]


@pytest.mark.parametrize("text", TIMES)
def test_a_time_is_whole_seconds_up_to_the_year_9999(read, text):
    assert read[text]["seconds"] == (TIMES[text] and int(TIMES[text].timestamp()))


def test_tenths_are_decimals_of_one_place(spark):
    rows = spark.createDataFrame([("4.5",)], "text string").select(tenths("text"))

    assert rows.dtypes[0][1] == "decimal(2,1)"
    assert rows.collect() == [(Decimal("4.5"),)]

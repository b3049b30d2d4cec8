"""A message is a rating by the JSON Schema of its version, or has every reason why it is none."""

import json
from datetime import datetime
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from infra.files import REPOSITORY
from spark_jobs.bronze.event_schema import FIELDS, LONGEST, read, schemas
from tests.fixtures.lake import month

EVENT = "key binary, value binary, headers array<struct<key: string, value: binary>>, timestamp timestamp"
SENT_AT = datetime(2001, 3, 20)
GOOD = {"userId": 1, "movieId": 7, "rating": 3.5, "timestamp": 985000000}
SEED = b'{"userId": 1.0, "movieId": 2.0, "rating": 3.5, "timestamp": 985000000.0}'


def event(value, version=b"1", key=b"1"):
    headers = [("schema-version", version)] if version is not None else None
    text = json.dumps(value).encode() if not isinstance(value, bytes | None) else value
    return (key, text, headers, SENT_AT)


def judged(spark, *events):
    return read(spark.createDataFrame(list(events), EVENT)).select("_reasons", "_rating", "_month").collect()


def without(field):
    return {name: value for name, value in GOOD.items() if name != field}


REJECTED = {
    "tombstone": (event(None), ["tombstone"]),
    "empty": (event(b""), ["not_json"]),
    "text": (event(b"a good film"), ["not_json"]),
    "cut": (event(b'{"userId": 1, "movieId"'), ["not_json"]),
    "nan": (event(b'{"userId": 1, "movieId": 7, "rating": NaN, "timestamp": 985000000}'), ["not_json"]),
    "field-twice": (event(b'{"userId": 1, "userId": 1, "movieId": 7, "rating": 3.5, "timestamp": 1}'), ["not_json"]),
    "number": (event(b"1"), ["not_an_object"]),
    "list": (event([GOOD]), ["not_an_object"]),
    "latin-1": (event('{"userId": 1, "ü": 2}'.encode("latin-1")), ["not_utf8"]),
    "utf-16": (event(json.dumps(GOOD).encode("utf-16")), ["not_utf8"]),
    "megabyte": (event(b" " * 1_000_000), ["too_long"]),
    "just-too-long": (event(json.dumps(GOOD).encode().ljust(LONGEST + 1)), ["too_long"]),
    "version-2": (event(GOOD, version=b"2"), ["unknown_version"]),
    "version-text": (event(GOOD, version=b"one"), ["unknown_version"]),
    **{f"no-{field}": (event(without(field)), ["missing_field"]) for field in ("movieId", "rating", "timestamp")},
    "no-user": (event(without("userId")), ["missing_field", "bad_key"]),
    "extra-field": (event(GOOD | {"mood": "good"}), ["unexpected_field"]),
    "text-as-number": (event(GOOD | {"rating": "3.5"}), ["wrong_type"]),
    "null-as-number": (event(GOOD | {"rating": None}), ["wrong_type"]),
    "float-as-user": (event(GOOD | {"userId": 1.0}), ["wrong_type"]),
    "float-as-movie": (event(GOOD | {"movieId": 7.0}), ["wrong_type"]),
    "object-as-number": (event(GOOD | {"timestamp": {}}), ["wrong_type"]),
    "key-missing": (event(GOOD, key=None), ["bad_key"]),
    "key-of-another": (event(GOOD, key=b"2"), ["bad_key"]),
    "everything": (
        event({"userId": "1", "movie": 7, "rating": 3.5, "timestamp": 985000000}, key=b"2"),
        ["missing_field", "unexpected_field", "wrong_type", "bad_key"],
    ),
    "text-in-version-0": (event(GOOD | {"userId": "1"}, version=None), ["wrong_type"]),
    "extra-field-in-version-0": (event(GOOD | {"mood": 1}, version=b"0"), ["unexpected_field"]),
}


def test_a_message_that_is_no_rating_has_every_reason(spark):
    rows = judged(spark, *[sent for sent, _ in REJECTED.values()])

    assert {name: row._reasons for name, row in zip(REJECTED, rows, strict=True)} == {
        name: reasons for name, (_, reasons) in REJECTED.items()
    }


def test_every_reason_is_known_to_the_gate_and_occurs_here(spark):
    suite = json.loads((REPOSITORY / "expectations" / "quarantine" / "rating_events.json").read_text())
    (query,) = [each["kwargs"]["unexpected_rows_query"] for each in suite["expectations"][1:2]]
    occurring = {reason for _, reasons in REJECTED.values() for reason in reasons}

    assert {name for name in occurring if f"'{name}'" not in query} == set()
    assert query.count("'") == 2 * len(occurring)


def test_a_rating_is_read_as_it_is_written(spark):
    (row,) = judged(spark, event(GOOD))

    assert row._reasons == []
    assert tuple(row._rating) == ("1", "7", "3.5", "985000000")
    assert row._month == month("2001-03")


@pytest.mark.parametrize("version", [None, b"0"])
def test_the_first_version_has_floats_and_loses_nothing(spark, version):
    (row,) = judged(spark, event(SEED, version, key=None))

    assert row._reasons == []
    assert [float(value) for value in row._rating] == [1.0, 2.0, 3.5, 985000000.0]
    assert row._month == month("2001-03")


@pytest.mark.parametrize("seconds", [-1, 0, 788918399, 985132800, 4102444800, 985000000000, 10**18])
def test_a_time_that_cannot_be_has_no_month(spark, seconds):
    before_1995_or_after_the_next_day = judged(spark, event(GOOD | {"timestamp": seconds}))

    assert [(row._reasons, row._month) for row in before_1995_or_after_the_next_day] == [([], None)]


def test_the_last_moment_that_can_be_has_a_month(spark):
    (row,) = judged(spark, event(GOOD | {"timestamp": 985132799}))

    assert row._month == month("2001-03")


numbers = st.one_of(st.integers(-(2**40), 2**40), st.floats(allow_nan=False, allow_infinity=False, width=32))
values = st.one_of(numbers, st.text("ab1", max_size=3), st.booleans(), st.none(), st.lists(numbers, max_size=1))
objects = st.dictionaries(st.sampled_from([*FIELDS, "mood"]), values)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(objects, min_size=100, max_size=100), st.sampled_from([0, 1]))
def test_json_schemas_own_library_says_the_same(spark, sent, version):
    whole = [{**GOOD, **each} for each in sent[:50]]  # that miss nothing
    validator = Draft4Validator(schemas()[version])
    events = [event(each, str(version).encode()) for each in whole + sent[50:]]

    found = [[reason for reason in row._reasons if reason != "bad_key"] for row in judged(spark, *events)]

    assert [reasons == [] for reasons in found] == [validator.is_valid(each) for each in whole + sent[50:]]


def test_a_later_version_takes_no_field_away_and_adds_none_that_must_be_there():
    versions = sorted(schemas())

    assert versions == list(range(len(versions)))
    for older, newer in pairwise(versions):
        assert schemas()[older]["properties"].keys() <= schemas()[newer]["properties"].keys()
        assert set(schemas()[newer]["required"]) == set(schemas()[older]["required"])

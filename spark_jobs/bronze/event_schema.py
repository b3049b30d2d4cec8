"""Judge a rating message by the JSON Schema of its version, and read it.

The header ``schema-version`` names the version; a message without it has version 0. The schemas are the files in
``contracts/rating_events``. Of JSON Schema they use types, required fields and whether others are allowed, in the form
of draft 4, for which 1.0 is a number and no integer. Their own word ``key`` names the field that the message's key
must repeat as text.
"""

import json
from functools import cache, reduce
from operator import or_
from pathlib import Path
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_jobs.common.months import FIRST_MONTH, midnight
from spark_jobs.common.parsing import seconds_since_1970

SCHEMAS = Path(__file__).parent.parent / "contracts" / "rating_events"
FIELDS = ("userId", "movieId", "rating", "timestamp")
LONGEST = 10_000
"""Bytes of a message that may be a rating: 100 times what one takes."""

SPARK_TYPES = {"integer": "BIGINT", "number": r"(BIGINT|DECIMAL\(\d+,\d+\)|DOUBLE|FLOAT)"}
"""The types of JSON Schema as patterns of what ``schema_of_variant`` says."""


@cache
def schemas() -> dict[int, dict[str, Any]]:
    """The schemas by version."""
    return {int(path.stem[1:]): json.loads(path.read_text()) for path in sorted(SCHEMAS.glob("v*.json"))}


def read(events: DataFrame) -> DataFrame:
    """Add ``_reasons`` (array<string>), ``_rating`` (the four fields as text) and ``_month``, that of its time.

    A message is sent after its rating: a time that is later than the day after has no month, nor has one before 1995.
    """
    version = "try_element_at(filter(headers, header -> header.key = 'schema-version'), -1).value"
    fields = [F.expr(f"try_variant_get(_json, '$.{field}', 'string')").alias(field) for field in FIELDS]
    rated_at = seconds_since_1970("_rating.timestamp")
    next_day = F.col("timestamp") + F.expr("INTERVAL 1 DAY")
    is_possible = (rated_at >= F.expr(midnight(FIRST_MONTH))) & (rated_at < next_day)
    return (
        events.withColumn("_version", F.coalesce(F.expr(f"CAST({version} AS STRING)"), F.lit("0")))
        .withColumn("_text", F.when(is_short("value"), F.expr("try_validate_utf8(CAST(value AS STRING))")))
        .withColumn("_json", F.expr("try_parse_json(_text)"))
        .withColumn("_shape", F.expr("schema_of_variant(_json)"))
        .withColumn("_rating", F.struct(*fields))
        .withColumn("_reasons", reasons())
        .withColumn("_month", F.when(is_possible, F.trunc(rated_at, "month")))
        .drop("_version", "_text", "_json", "_shape")
    )


def is_short(column: str) -> Column:
    return F.octet_length(column) <= LONGEST


def reasons() -> Column:
    """Why a message is no rating: the first thing that keeps it from being read, or every rule of its schema."""
    unreadable = [
        ("tombstone", F.col("value").isNull()),
        ("too_long", ~is_short("value")),
        ("not_utf8", F.col("_text").isNull()),
        ("not_json", F.col("_json").isNull()),
        ("not_an_object", ~F.col("_shape").startswith("OBJECT<")),
    ]
    found = F.array(F.lit("unknown_version"))
    for version, schema in schemas().items():
        found = F.when(F.col("_version") == str(version), broken_rules(schema)).otherwise(found)
    for reason, broken in reversed(unreadable):
        found = F.when(broken, F.array(F.lit(reason))).otherwise(found)
    return found


def broken_rules(schema: dict[str, Any]) -> Column:
    """The rules of a schema that a JSON object breaks, as array<string>."""
    properties = schema["properties"]
    types = {name: F.expr(f"schema_of_variant(try_variant_get(_json, '$.{name}', 'variant'))") for name in FIELDS}
    wrong = [~types[name].rlike(f"^{SPARK_TYPES[field['type']]}$") for name, field in properties.items()]
    names = F.expr("json_object_keys(_text)")
    rules = {
        "missing_field": F.size(F.array_except(F.array(*map(F.lit, schema["required"])), names)) > 0,
        "unexpected_field": F.size(F.array_except(names, F.array(*map(F.lit, properties)))) > 0,
        "wrong_type": reduce(or_, [F.coalesce(each, F.lit(False)) for each in wrong]),
    }
    # Nearly every message has all fields in their types, which its shape says at once, many times as fast.
    whole = ", ".join(f"{name}: {SPARK_TYPES[properties[name]['type']]}" for name in sorted(properties))
    broken = F.when(~F.col("_shape").rlike(f"^OBJECT<{whole}>$"), those_of(rules)).otherwise(F.array())
    if "key" not in schema:
        return broken
    field = F.expr(f"try_variant_get(_json, '$.{schema['key']}', 'string')")
    bad_key = ~F.expr("CAST(key AS STRING)").eqNullSafe(field)
    return F.concat(broken, those_of({"bad_key": bad_key}))


def those_of(rules: dict[str, Column]) -> Column:
    """The names of the rules that are true, as array<string>."""
    return F.array_compact(F.array(*[F.when(rule, F.lit(name)) for name, rule in rules.items()]))

"""Exports: the same numbers in three formats, byte for byte the same for the same release."""

import csv
import io
import json
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse.exports import export_files, to_csv, to_json, to_parquet
from tests.fixtures.releases import HOSTILE, ROWS, HandMadeRelease, tables

NAMES = ["genre_stats", "movies_by_year", "rating_distribution", "top_movies"]
RELEASE = HandMadeRelease()


def bodies(release: HandMadeRelease) -> dict[str, bytes]:
    return {file.key: file.body for file in export_files(release).stable}


def test_every_export_has_its_place_in_the_release_and_at_a_stable_address():
    own, stable = ([file.key for file in files] for files in (export_files(RELEASE).own, export_files(RELEASE).stable))

    assert sorted(stable) == [f"data/{name}.{extension}" for name in NAMES for extension in ("csv", "json", "parquet")]
    assert own == [f"releases/{RELEASE.release_id}/{key}" for key in stable]


def test_the_copies_are_equal_and_only_the_release_is_cached_for_ever():
    files = export_files(RELEASE)

    assert [file.body for file in files.own] == [file.body for file in files.stable]
    assert {file.cache_control for file in files.own} == {"public, max-age=31536000, immutable"}
    assert {file.cache_control for file in files.stable} == {"no-cache"}


def test_content_types_are_those_of_the_formats():
    assert {file.key.rpartition(".")[2]: file.content_type for file in export_files(RELEASE).own} == {
        "csv": "text/csv; charset=utf-8",
        "json": "application/json",
        "parquet": "application/vnd.apache.parquet",
    }


def test_the_order_of_rows_in_the_table_does_not_matter():
    turned = {name: table.take(pa.array(range(table.num_rows))[::-1]) for name, table in tables(ROWS).items()}

    assert bodies(HandMadeRelease(arrow=turned)) == bodies(RELEASE)


@pytest.mark.parametrize("name", NAMES)
def test_all_formats_hold_the_same_records(name):
    files = bodies(RELEASE)
    records = json.loads(files[f"data/{name}.json"])
    lines = list(csv.DictReader(io.StringIO(files[f"data/{name}.csv"].decode(), newline="")))

    assert records == pq.read_table(io.BytesIO(files[f"data/{name}.parquet"])).to_pylist()
    assert lines == [{key: "" if value is None else str(value) for key, value in record.items()} for record in records]
    assert len(records) == len(ROWS[f"gold.{name}"])


def test_csv_is_rfc_4180_and_leaves_titles_alone():
    table = pa.table({"title": ["=1+1, or: -2", 'a "b"', HOSTILE, "Amélie\n2", None], "count": [1, None, 3, 4, 5]})

    assert to_csv(table).decode() == (
        'title,count\r\n"=1+1, or: -2",1\r\n"a ""b""",\r\n"'
        + HOSTILE.replace('"', '""')
        + '",3\r\n"Amélie\n2",4\r\n,5\r\n'
    )


def test_json_has_one_record_a_line_with_numbers_and_nulls():
    table = pa.table({"rating": pa.array([Decimal("0.5"), None], pa.decimal128(2, 1)), "title": ["Amélie", "b"]})

    assert to_json(table).decode() == '[\n{"rating": 0.5, "title": "Amélie"},\n{"rating": null, "title": "b"}\n]\n'


def test_json_of_no_rows_is_an_empty_array():
    assert json.loads(to_json(pa.table({"rank": pa.array([], pa.int32())}))) == []


def test_json_refuses_what_is_not_a_number():
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json(pa.table({"rating_avg": [float("nan")]}))


def test_parquet_forgets_how_the_table_was_read():
    plain = pa.table({"rank": [1, 2, 3]})
    chunked = pa.concat_tables([plain.slice(0, 1), plain.slice(1)]).replace_schema_metadata({"read": "today"})

    assert to_parquet(chunked) == to_parquet(plain)

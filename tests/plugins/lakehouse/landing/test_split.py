"""How lines become rows: one line, one record, and nothing gets lost."""

import csv
import json
import re
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lakehouse.landing.split as split_module
from lakehouse.landing.csv_files import COLUMNS, checked
from lakehouse.landing.split import split_file

LANDED_AT = datetime(2020, 6, 15, 12, tzinfo=UTC)


class Landed:
    """What became of a file: the split, and the rows of all Parquet files by line number."""

    def __init__(self, content: bytes, table: str, folder: Path, header: str = "", **changes: object) -> None:
        path = folder / f"{table}.csv"
        path.write_bytes((header or ",".join(COLUMNS[table])).encode() + b"\r\n" + content)
        file = replace(checked(table, path), **changes)
        self.split = split_file(file, folder, dataset="mine", version="0123456789ab", landed_at=LANDED_AT)
        self.files = {key: pq.read_table(path) for key, path in self.split.parquet.items()}
        rows = [row | {"key": key} for key, rows in self.files.items() for row in rows.to_pylist()]
        self.rows = sorted(rows, key=lambda row: row["_line"])
        assert {key: len(rows) for key, rows in self.files.items()} == self.split.rows_of
        assert 1 + self.split.rows + self.split.malformed + self.split.blank == file.lines


@pytest.fixture
def land(tmp_path):
    return lambda content, table="ratings", **changes: Landed(content, table, tmp_path, **changes)


def test_rows_go_to_the_file_of_their_month_in_their_order(land):
    landed = land(b"1,1,4.0,964982703\r\n2,7,3.5,1445714994\r\n1,3,4.5,964981247\r\n")

    assert landed.split.months == {"2000-07": 2, "2015-10": 1}
    assert landed.files["ratings/2000-07.parquet"].select(["userId", "movieId", "_line"]).to_pylist() == [
        {"userId": "1", "movieId": "1", "_line": 2},
        {"userId": "1", "movieId": "3", "_line": 4},
    ]
    assert landed.rows[1] == {
        "userId": "2",
        "movieId": "7",
        "rating": "3.5",
        "timestamp": "1445714994",
        "_event_month": datetime(2015, 10, 1).date(),
        "_other_columns": None,
        "_line": 3,
        "_malformed_line": None,
        "_source_file": "ratings.csv",
        "_dataset": "mine",
        "_dataset_version": "0123456789ab",
        "key": "ratings/2015-10.parquet",
    }


def test_a_month_is_a_date_and_everything_received_is_a_string(land):
    schema = land(b"1,1,4.0,964982703\r\n").files["ratings/2000-07.parquet"].schema

    assert schema.field("_event_month").type == pa.date32()
    assert {schema.field(name).type for name in COLUMNS["ratings"]} == {pa.string()}


@pytest.mark.parametrize(
    ("timestamp", "month"),
    [
        ("964982703", "2000-07"),
        (" 964982703 ", "2000-07"),
        ("+964982703", "2000-07"),
        ("964982703.0", "2000-07"),
        ("964982703.", "2000-07"),
        ("788918400", "1995-01"),  # 1995-01-01 00:00:00
        ("788918399", "unknown"),
        ("1592308800", "2020-06"),  # one day after landing
        ("1592308801", "unknown"),
        ("951868799", "2000-02"),  # 2000-02-29 23:59:59
        ("951868800", "2000-03"),
        ("964982703000", "unknown"),  # milliseconds
        ("964982703.5", "unknown"),
        ("9.64982703e8", "unknown"),
        ("964_982_703", "unknown"),
        ("-964982703", "unknown"),
        ("99999999999999999999999", "unknown"),
        ("2000-07-30", "unknown"),
        ("٩٦٤٩٨٢٧٠٣", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_row_belongs_to_the_month_of_a_readable_timestamp(land, timestamp, month):
    landed = land(f"1,1,4.0,{timestamp}\r\n".encode())

    assert [(row["key"], row["timestamp"]) for row in landed.rows] == [(f"ratings/{month}.parquet", timestamp)]
    assert landed.split.unknown_month == (month == "unknown")
    assert (landed.rows[0]["_event_month"] is None) == (month == "unknown")


@pytest.mark.parametrize(
    "line",
    [
        "1,1,4.0",
        "1,1,4.0,964982703,",
        "1,1,4.0,964982703,extra",
        "   ",
        '1,1,"4.0,964982703',
        '1,1,4.0","964982703',
        '1,1,4"0,964982703',
        '1,1,"4.0"x,964982703',
        '1,1, "4.0",964982703',
        '1,1,"""4.0",964982703,"',
    ],
)
def test_a_malformed_line_is_kept_whole_and_harms_no_other(land, line):
    good = "1,1,4.0,964982703"

    landed = land(f"{good}\r\n{line}\r\n{good}\r\n".encode())

    assert (landed.split.rows, landed.split.malformed, landed.split.unknown_month) == (2, 1, 1)
    kept = landed.rows[1]
    assert (kept["_line"], kept["_malformed_line"], kept["key"]) == (3, line, "ratings/unknown.parquet")
    assert {kept[name] for name in COLUMNS["ratings"]} == {None}
    assert [row["timestamp"] for row in landed.rows if row["_malformed_line"] is None] == ["964982703"] * 2


def test_columns_that_movielens_has_not_are_kept_as_json(land):
    header = 'device,userId,movieId,rating,timestamp,"it\'s a ""place"""'

    landed = land(b'phone,1,2,4.0,964982703,"Rome, ""IT"""\r\n1,2,3,4\r\n', header=header)

    good, malformed = landed.rows
    assert json.loads(good["_other_columns"]) == {"device": "phone", 'it\'s a "place"': 'Rome, "IT"'}
    assert [good[name] for name in COLUMNS["ratings"]] == ["1", "2", "4.0", "964982703"]
    assert good["key"] == "ratings/2000-07.parquet"
    assert (malformed["_malformed_line"], malformed["_other_columns"]) == ("1,2,3,4", None)


def test_a_month_changes_with_a_value_of_a_column_that_movielens_has_not(land):
    plain = land(b"1,2,4.0,964982703")
    on_a_phone = land(b"1,2,4.0,964982703,phone", header="userId,movieId,rating,timestamp,device")
    phone_first = land(b"phone,1,2,4.0,964982703", header="device,userId,movieId,rating,timestamp")

    assert plain.split.digests != on_a_phone.split.digests == phone_first.split.digests


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_an_unclosed_quote_swallows_nothing(land, end):
    lines = [
        '1,"Heat (1995),Action',
        *(f'{number},"Title, {number}",Drama' for number in range(2, 2000)),
        '2000,"b"x",Drama',
    ]

    landed = land("".join(line + end for line in lines).encode(), "movies")

    assert (landed.split.rows, landed.split.malformed) == (1998, 2)
    assert [row["_line"] for row in landed.rows] == list(range(2, 2002))
    assert landed.rows[777]["title"] == "Title, 778"


def test_values_are_what_csv_says_and_nothing_is_trimmed(land):
    content = (
        '1,"Comedy of Terrors, The (1964)", Drama \r\n2,"""Great"" (1998)",\r\n"3","","a\'b;c\td"\r\n4,Né (2001),x\r\n'
    )

    landed = land(content.encode(), "movies")

    assert [(row["movieId"], row["title"], row["genres"]) for row in landed.rows] == [
        ("1", "Comedy of Terrors, The (1964)", " Drama "),
        ("2", '"Great" (1998)', ""),
        ("3", "", "a'b;c\td"),
        ("4", "Né (2001)", "x"),
    ]
    assert list(landed.files) == ["movies.parquet"]
    assert (landed.split.months, landed.split.unknown_month) == ({}, 0)


def test_blank_lines_are_left_out_and_counted(land):
    landed = land(b"\r\n1,1,4.0,964982703\r\n\r\n\r\n2,1,4.0,964982703\r\n\r\n")

    assert (landed.split.rows, landed.split.malformed, landed.split.blank) == (2, 0, 4)
    assert [row["_line"] for row in landed.rows] == [3, 6]


def test_a_file_without_rows_makes_no_parquet(land):
    landed = land(b"", "tags")

    assert (landed.split.parquet, landed.split.rows, landed.split.months) == ({}, 0, {})


def test_a_very_long_line_is_a_line(land):
    title = "x" * 5_000_000

    landed = land(f"1,{title},Drama\r\n2,b,Drama\r\n".encode(), "movies")

    assert [row["title"] for row in landed.rows] == [title, "b"]


def test_a_carriage_return_within_a_line_belongs_to_the_value(land):
    landed = land(b"1,a\rb,Drama\r\n2,c,Drama\n3,d,Drama\r\r\n", "movies")

    assert [(row["_line"], row["title"], row["genres"]) for row in landed.rows] == [
        (2, "a\rb", "Drama"),
        (3, "c", "Drama"),
        (4, "d", "Drama\r"),
    ]


def test_portions_do_not_show_in_the_rows(land, monkeypatch):
    monkeypatch.setattr(split_module, "ROWS_AT_ONCE", 5_000)
    content = b"".join(b"%d,1,4.0,%d\r\n" % (user, 964982703 + user % 7 * 2_678_400) for user in range(30_000))

    landed = land(content)

    assert len(landed.split.months) == 7
    assert [row["userId"] for row in landed.rows] == [str(user) for user in range(30_000)]
    assert all(rows["_line"].to_pylist() == sorted(rows["_line"].to_pylist()) for rows in landed.files.values())


LINE = st.text(alphabet="019a é€\",.\t'|", max_size=12)


@settings(max_examples=40, deadline=None)
@given(lines=st.lists(LINE, max_size=30), end=st.sampled_from(["\n", "\r\n"]), ended=st.booleans())
def test_both_ways_to_read_lines_agree_with_python(lines, end, ended):
    content = (end.join(lines) + (end if ended else "")).encode()
    wanted = [expected(number, line) for number, line in enumerate(lines, start=2) if line]

    for changes in ({"regular": False}, {}):
        with tempfile.TemporaryDirectory() as folder:
            rows = Landed(content, "links", Path(folder), **changes).rows
        found = [(row["_line"], row["_malformed_line"], *(row[name] for name in COLUMNS["links"])) for row in rows]
        assert found == wanted


def expected(number: int, line: str) -> tuple[object, ...]:
    """The row of a line, read field by field and confirmed by Python's CSV reader, which lets stray quotes pass."""
    fields, rest = [], f"{line},"
    while field := re.match(r'(?:"((?:[^"]|"")*)"|([^",]*)),', rest):
        fields.append(field[2] if field[1] is None else field[1].replace('""', '"'))
        rest = rest[field.end() :]
    if rest or len(fields) != len(COLUMNS["links"]):
        return (number, line, None, None, None)
    assert fields == next(csv.reader([line]))
    return (number, None, *fields)

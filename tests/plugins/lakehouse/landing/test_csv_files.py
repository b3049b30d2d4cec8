"""Files that are refused before anything is landed, each with file, line and what to do."""

import hashlib

import pytest

from lakehouse.datasets import DatasetError
from lakehouse.landing import csv_files
from lakehouse.landing.csv_files import checked

HEADER = b"userId,movieId,rating,timestamp\r\n"
ROW = b"1,1,4.0,964982703\r\n"


@pytest.fixture
def check(tmp_path):
    def check(content: bytes, table: str = "ratings") -> csv_files.CsvFile:
        path = tmp_path / f"{table}.csv"
        path.write_bytes(content)
        return checked(table, path)

    return check


def test_a_good_file_is_measured(check):
    content = HEADER + ROW * 3

    file = check(content)

    assert (file.bytes, file.lines, file.regular) == (len(content), 4, True)
    assert file.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("content", "lines", "regular"),
    [
        (HEADER + ROW.strip(), 2, True),
        ((HEADER + ROW).replace(b"\r", b""), 2, True),
        (HEADER + b"\r\n" + ROW, 3, True),
        (b"\xef\xbb\xbf" + HEADER + ROW, 2, True),
        (b'"userId","movieId","rating","timestamp"\n1,1,4.0,9\n', 2, True),
        (HEADER, 1, True),
        (HEADER + b"1,1,4.0,9\n" + ROW, 3, False),
        (HEADER + b"1,1,4.\r0,9\r\n", 2, False),
        (HEADER + b"1,1,4.\r0,9\n", 2, False),
        (HEADER + ROW + b"1,1,4.0,9\r", 3, False),
        (HEADER + b"1,1," + b"9" * 3_000_000 + b",9\r\n" + ROW, 3, False),
    ],
    ids=[
        "no-end",
        "LF",
        "blank",
        "BOM",
        "quoted-header",
        "header-only",
        "mixed",
        "CR-within",
        "CR-within-LF",
        "CR-at-end",
        "long-line",
    ],
)
def test_lines_are_counted_and_odd_line_ends_are_noticed(check, content, lines, regular):
    file = check(content)

    assert (file.lines, file.regular) == (lines, regular)


def test_a_line_end_across_two_blocks_is_one_line_end(check, monkeypatch):
    for size in range(33, 60):
        monkeypatch.setattr(csv_files, "BLOCK_BYTES", size)
        file = check(HEADER + ROW * 20)
        assert (file.lines, file.regular) == (21, True), size


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty: get the dataset again"),
        (ROW, "line 1: the header is '1,1,4.0,964982703' and must have 'userId,movieId,rating,timestamp'"),
        (b"userId,movieId,rating\r\n1,1,4.0\r\n", r"line 1: .*\(missing: timestamp\)"),
        (b"userId,movieId,stars,timestamp\r\n", r"line 1: .*\(missing: rating; unknown: stars\)"),
        (b"movieId,userId,rating,timestamp\r\n", r"line 1: .*\(wrong order, a column twice"),
        (b"userId,movieId,rating,rating,timestamp\r\n", r"line 1: .*\(wrong order, a column twice"),
        (b"userId,movieId,rating,timestamp,device,device\r\n", r"line 1: .*\(wrong order, a column twice"),
        (b"userId,movieId,rating,timestamp, \r\n", r"line 1: .* or one without a name\)"),
        (b"userId;movieId;rating;timestamp\r\n", "line 1: the header is 'userId;movieId;rating;timestamp'"),
        (b"\r\n" + HEADER, "line 1: the header is ''"),
        (
            (HEADER + ROW).decode().encode("utf-16"),
            r"line 1 \(byte 0\): the file looks like UTF-16; save the file as UTF-8",
        ),
        ((HEADER + ROW).decode().encode("utf-16-le"), r"line 1 \(byte 1\): the file looks like UTF-16"),
        (HEADER + ROW + "1,1,naïf,9\r\n".encode("latin-1"), r"line 3 \(byte 58\): a byte that is NUL or not UTF-8"),
        (HEADER + ROW + b"1,1,4.0,\x009\r\n", r"line 3 \(byte 60\): a byte that is NUL or not UTF-8"),
        (HEADER + ROW + b"1,1,\xe2\x82", r"line 3 \(byte 56\): a byte that is NUL or not UTF-8"),
    ],
    ids=[
        "empty",
        "no-header",
        "missing",
        "renamed",
        "swapped",
        "twice",
        "unexpected-twice",
        "no-name",
        "semicolons",
        "blank-first",
        "utf-16",
        "utf-16-without-bom",
        "latin-1",
        "nul",
        "cut-character",
    ],
)
def test_a_broken_file_is_refused(check, content, message):
    with pytest.raises(DatasetError, match=rf"/ratings\.csv,? {message}"):
        check(content)


def test_a_column_that_movielens_has_not_is_noticed_wherever_it_stands(check):
    file = check(b"device,userId,movieId,rating,place,timestamp\r\n")

    assert file.columns == ("device", "userId", "movieId", "rating", "place", "timestamp")
    assert file.unexpected == ("device", "place")
    assert check(HEADER).unexpected == ()


@pytest.mark.parametrize("size", [64, 65, 66, 67])
def test_a_bad_byte_is_found_in_a_later_block(check, monkeypatch, size):
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", size)
    good = HEADER + b"1,1,\xe2\x82\xac,9\r\n" * 20

    with pytest.raises(DatasetError, match=rf"line 22 \(byte {len(good) + 2}\)"):
        check(good + b"1,\xe2\x82,4.0,9\r\n" + ROW)


@pytest.mark.parametrize("table", csv_files.COLUMNS)
def test_every_file_has_its_own_header(check, table):
    header = ",".join(csv_files.COLUMNS[table]).encode()

    assert check(header + b"\r\n", table).columns == csv_files.COLUMNS[table]
    with pytest.raises(DatasetError, match=rf"/{table}\.csv, line 1"):
        check(header[:-1], table)

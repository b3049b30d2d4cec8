"""Split a checked CSV file into one Parquet file per UTC month, or copy a catalogue file into a single one.

DuckDB reads lines, not CSV, and a line is taken apart by itself: what is wrong with one line stays in that line. Values
stay strings as received, without their CSV quotes, and rows keep the order of the file.
"""

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakehouse.landing.csv_files import COLUMNS, CsvFile

FIRST_MONTH = datetime.fromisoformat("1995-01-01T00:00:00+00:00")
UNKNOWN_MONTH = "unknown"
OTHER_COLUMNS = "_other_columns"
MONTHLY = ("ratings", "tags")
"""The files with a timestamp; the others are catalogues."""

ROWS_AT_ONCE = 2_000_000
MEMORY_LIMIT = "2GB"

FIELD = '("(?:[^"]|"")*"|[^",]*)'
WHOLE_SECONDS = "^[+]?([0-9]+)([.]0*)?$"


@dataclass(frozen=True)
class Split:
    """The Parquet files made of one CSV file and what they hold.

    ``parquet`` gives the local path and ``rows_of`` the row count by key below the version's folder.
    ``rows`` counts the lines with the right number of fields, ``malformed`` the others, ``blank`` the empty ones, which
    are left out. ``months`` counts rows by UTC month ("1996-03") and ``unknown_month`` those of no month, malformed
    ones included; both are empty for a catalogue. ``digests`` tells by month whether its rows are those of another
    version, wherever in the file they stand.
    """

    parquet: dict[str, Path]
    rows_of: dict[str, int]
    rows: int
    malformed: int
    blank: int
    months: dict[str, int]
    unknown_month: int
    digests: dict[str, str]


def split_file(file: CsvFile, folder: Path, *, dataset: str, version: str, landed_at: datetime) -> Split:
    """Write the Parquet files of one CSV file into ``folder``.

    A timestamp counts as readable when it is whole seconds between 1995 and one day after ``landed_at`` (UTC).
    """
    with duckdb.connect() as connection, MonthlyFiles(file.table, folder) as output:
        connection.execute(
            f"SET memory_limit = '{MEMORY_LIMIT}'; SET temp_directory = '{folder / 'duckdb'}'"
        ).fetchall()
        if not file.regular:
            connection.register("python_lines", pa.RecordBatchReader.from_batches(LINES, irregular_lines(file.path)))
        rows = connection.sql(select_rows(file, landed_at + timedelta(days=1)))
        constants = {"_source_file": file.path.name, "_dataset": dataset, "_dataset_version": version}
        for table in in_portions(rows.to_arrow_reader(ROWS_AT_ONCE // 8)):
            output.write(table, constants)
    landed = sum(output.rows.values())
    months = dict(sorted(output.rows.items())) if file.table in MONTHLY else {}
    unknown_month = months.pop(UNKNOWN_MONTH, 0)
    return Split(
        parquet={output.key(month): output.path(month) for month in output.rows},
        rows_of={output.key(month): rows for month, rows in output.rows.items()},
        rows=landed - output.malformed,
        malformed=output.malformed,
        blank=file.lines - 1 - landed,
        months=months,
        unknown_month=unknown_month,
        digests={month: digest.hexdigest() for month, digest in sorted(output.digests.items()) if month in months},
    )


# -- lines -------------------------------------------------------------------------------------------------------------

LINES = pa.schema([("line", pa.string()), ("_line", pa.int64())])


def lines_of(file: CsvFile) -> str:
    """SQL that gives every line below the header as ``line`` (null if blank) and its number as ``_line``."""
    if not file.regular:
        return "SELECT * FROM python_lines"
    path = sql_string(str(file.path))
    # Neither delimiter nor quote: NUL cannot occur in a checked file.
    return (
        f"SELECT line, row_number() OVER () + 1 AS _line FROM read_csv({path}, auto_detect = false, header = false,"
        " skip = 1, delim = chr(0), quote = '', escape = '', columns = {'line': 'VARCHAR'})"
    )


def irregular_lines(path: Path) -> Iterator[pa.RecordBatch]:
    """The lines below the header of a file with mixed line ends or very long lines, which DuckDB would mix up."""
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        numbered = itertools.islice(enumerate(file, start=1), 1, None)
        while batch := list(itertools.islice(numbered, 10_000)):
            lines = [line.removesuffix("\n").removesuffix("\r") for _, line in batch]
            yield pa.record_batch([lines, [number for number, _ in batch]], schema=LINES)


def sql_string(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def select_rows(file: CsvFile, readable_until: datetime) -> str:
    """SQL that takes the lines apart into the columns of the landing table, the constant ones excepted."""
    columns = file.columns
    whole_line = f"^{','.join([FIELD] * len(columns))}$"
    quoted = ", ".join(f"regexp_extract(line, '{whole_line}', {place})" for place in range(1, len(columns) + 1))
    fields = {name: f"field[{place}]" for place, name in enumerate(columns, start=1)}
    values = ", ".join(f'{fields[name]} AS "{name}"' for name in COLUMNS[file.table])
    others = ", ".join(f"{sql_string(name)}, {fields[name]}" for name in file.unexpected)
    other_columns = (
        f"CASE WHEN field IS NOT NULL THEN json_object({others}) END::VARCHAR" if others else "NULL::VARCHAR"
    )
    seconds = f"try_cast(regexp_extract(trim({fields.get('timestamp')}), '{WHOLE_SECONDS}', 1) AS BIGINT)"
    month = f"""
        , CASE WHEN {seconds} >= {FIRST_MONTH.timestamp():.0f} AND {seconds} <= {readable_until.timestamp():.0f}
            THEN date_trunc('month', make_timestamp({seconds} * 1000000))::DATE END AS _event_month"""
    return f"""
        WITH lines AS ({lines_of(file)}),
        taken_apart AS (
            SELECT line, _line,
                CASE WHEN NOT contains(line, '"') THEN string_split(line, ',')
                WHEN regexp_full_match(line, '{whole_line}')
                THEN [CASE WHEN starts_with(text, '"') THEN replace(text[2:-2], '""', '"') ELSE text END
                    FOR text IN [{quoted}]] END AS fields
            FROM lines WHERE line <> ''
        ),
        judged AS (SELECT line, _line, CASE WHEN len(fields) = {len(columns)} THEN fields END AS field FROM taken_apart)
        SELECT {values}{month if file.table in MONTHLY else ""}, {other_columns} AS {OTHER_COLUMNS},
            _line, CASE WHEN field IS NULL THEN line END AS _malformed_line
        FROM judged"""


# -- Parquet -----------------------------------------------------------------------------------------------------------


def in_portions(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Join batches up to ``ROWS_AT_ONCE`` rows, since each portion becomes a row group in every month's file."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(len(batch) for batch in waiting) >= ROWS_AT_ONCE:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)


class MonthlyFiles:
    """The growing Parquet files of one table: one per month, or a single one for a catalogue."""

    def __init__(self, table: str, folder: Path) -> None:
        self.table = table
        self.folder = folder
        self.rows: dict[str, int] = {}
        self.malformed = 0
        self.digests: dict[str, hashlib.blake2b] = {}
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._pool = ThreadPoolExecutor(2)

    def __enter__(self) -> "MonthlyFiles":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()
        for writer in self._writers.values():
            writer.close()

    def write(self, rows: pa.Table, constants: dict[str, str]) -> None:
        """Append rows to the files of their months."""
        self.malformed += len(rows) - rows["_malformed_line"].null_count
        received = [name for name in rows.column_names if not name.startswith("_")]
        if rows[OTHER_COLUMNS].null_count < len(rows):
            received.append(OTHER_COLUMNS)
        for name, value in constants.items():
            places = pa.array(np.zeros(len(rows), dtype=np.int32))
            rows = rows.append_column(name, pa.DictionaryArray.from_arrays(places, pa.array([value])))
        pieces = by_month(rows) if self.table in MONTHLY else {"all": rows}
        for month, piece in pieces.items():
            self.rows[month] = self.rows.get(month, 0) + len(piece)
            if month not in self._writers:
                self._writers[month] = self._new_file(month, rows.schema)
                self.digests[month] = hashlib.blake2b(digest_size=8)
        list(self._pool.map(lambda month: self._writers[month].write_table(pieces[month]), pieces))
        list(self._pool.map(lambda month: digest_into(self.digests[month], pieces[month].select(received)), pieces))

    def key(self, month: str) -> str:
        return f"{self.table}/{month}.parquet" if self.table in MONTHLY else f"{self.table}.parquet"

    def path(self, month: str) -> Path:
        return self.folder / self.key(month)

    def _new_file(self, month: str, schema: pa.Schema) -> pq.ParquetWriter:
        path = self.path(month)
        path.parent.mkdir(parents=True, exist_ok=True)
        dictionaries = [name for name in schema.names if name.startswith("_") and name not in ("_line", OTHER_COLUMNS)]
        return pq.ParquetWriter(path, schema, compression="zstd", store_schema=False, use_dictionary=dictionaries)


def digest_into(digest: "hashlib.blake2b", rows: pa.Table) -> None:
    """Add the values of string columns, row after row; a line has no character that could be taken for a separator."""
    end_of_row = pa.scalar("\n")
    text = pc.binary_join_element_wise(
        *rows.columns, end_of_row, "\x1f", null_handling="replace", null_replacement="\x00"
    )
    for chunk in text.chunks:
        _, ends, characters = chunk.buffers()
        digest.update(characters[: np.frombuffer(ends, np.int32)[len(chunk)]])


def by_month(rows: pa.Table) -> dict[str, pa.Table]:
    """The rows of each month ("1996-03" or "unknown"), in their order."""
    months = (
        pc.fill_null(rows["_event_month"].cast(pa.int32()), 0)
        .to_numpy()
        .astype("datetime64[D]")
        .astype("datetime64[M]")
    )
    place = months.astype(np.int16)  # numpy sorts 16-bit numbers by radix, in order and fast
    order = np.argsort(place, kind="stable")
    sorted_rows = rows.take(order)
    found, starts = np.unique(place[order], return_index=True)
    ends = [*starts[1:], len(rows)]
    return {
        str(month.astype("datetime64[M]")) if month else UNKNOWN_MONTH: sorted_rows.slice(start, end - start)
        for month, start, end in zip(found, starts, ends, strict=True)
    }

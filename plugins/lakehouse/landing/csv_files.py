"""Check a CSV file of MovieLens byte by byte before anything is made of it.

One line is one record: MovieLens has no line breaks within quotes, so a quote that is never closed spoils its own line
and no other. A line ends with LF or CRLF. A line with nothing on it is no record; it is counted as blank.
"""

import codecs
import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

from lakehouse.datasets import DatasetError

COLUMNS = {
    "ratings": ("userId", "movieId", "rating", "timestamp"),
    "tags": ("userId", "movieId", "tag", "timestamp"),
    "movies": ("movieId", "title", "genres"),
    "links": ("movieId", "imdbId", "tmdbId"),
}
"""The published columns of each file, in order."""

BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class CsvFile:
    """A checked file: UTF-8, no NUL, a header with all columns of its table.

    ``columns`` are those of its header; ``unexpected`` those of them that MovieLens has not. ``lines`` counts the
    header and blank lines too. ``regular``: all lines end alike and none is longer than a block, which DuckDB's reader
    needs to keep to one line, one record.
    """

    table: str
    path: Path
    columns: tuple[str, ...]
    bytes: int
    sha256: str
    lines: int
    regular: bool

    @property
    def unexpected(self) -> tuple[str, ...]:
        return tuple(name for name in self.columns if name not in COLUMNS[self.table])


def checked(table: str, path: Path) -> CsvFile:
    """Read the whole file once and return what landing needs to know about it.

    Raises:
        DatasetError: the file is empty, not UTF-8, holds NUL bytes or has another header.
    """
    digest, decoder = hashlib.sha256(), codecs.getincrementaldecoder("utf-8")()
    size = line_feeds = returns = line_ends = 0  # line_ends: CRLF
    last, regular = b"", True
    with path.open("rb") as file:
        header = file.readline(BLOCK_BYTES)
        file.seek(0)
        while block := file.read(BLOCK_BYTES):
            if (bad := first_bad_byte(block, decoder)) is not None:
                raise not_text(path, size + bad, line_feeds + block.count(b"\n", 0, max(bad, 0)) + 1, header)
            digest.update(block)
            feeds = block.count(b"\n")
            regular = regular and (feeds > 0 or len(block) < BLOCK_BYTES)
            returns += block.count(b"\r")
            line_ends += block.count(b"\r\n") + (last == b"\r" and block[:1] == b"\n")
            line_feeds += feeds
            size += len(block)
            last = block[-1:]
    if unfinished := len(decoder.getstate()[0]):
        raise not_text(path, size - unfinished, line_feeds + 1, header)
    if size == 0:
        raise DatasetError(f"{path} is empty: get the dataset again")
    columns = read_header(table, path, header.decode("utf-8-sig", errors="replace").rstrip("\r\n"))
    lines = line_feeds + (last != b"\n")
    regular = regular and returns == line_ends and returns in (0, line_feeds)
    return CsvFile(table, path, columns, size, digest.hexdigest(), lines, regular)


def first_bad_byte(block: bytes, decoder: codecs.IncrementalDecoder) -> int | None:
    """Where in the block the first NUL or byte that is not UTF-8 lies; below 0 for a character begun before it."""
    begun = len(decoder.getstate()[0])
    nul = block.find(b"\0")
    try:
        decoder.decode(block)
    except UnicodeDecodeError as error:
        return error.start - begun
    return nul if nul >= 0 else None


def not_text(path: Path, offset: int, line: int, header: bytes) -> DatasetError:
    """The error for a byte that cannot be in a UTF-8 text file, with a guess at what the file is."""
    looks_like_utf16 = header.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or header[1:2] == b"\0"
    problem = "the file looks like UTF-16" if looks_like_utf16 else "a byte that is NUL or not UTF-8"
    return DatasetError(f"{path}, line {line} (byte {offset}): {problem}; save the file as UTF-8 or get it again")


def read_header(table: str, path: Path, header: str) -> tuple[str, ...]:
    """The columns of a file: the published ones in their order, and maybe others, which are kept without being read.

    Raises:
        DatasetError: a published column is missing or in another place, or a column has no name or that of another.
    """
    found, wanted = tuple(next(csv.reader([header]), [])), COLUMNS[table]
    published = tuple(name for name in found if name in wanted)
    if published == wanted and len(set(found)) == len(found) and all(name.strip() for name in found):
        return found
    missing, extra = [name for name in wanted if name not in found], [name for name in found if name not in wanted]
    details = [f"missing: {', '.join(missing)}"] * bool(missing)
    details += [f"unknown: {', '.join(extra)}"] * bool(missing and extra)
    raise DatasetError(
        f"{path}, line 1: the header is {header[:200]!r} and must have {','.join(wanted)!r}"
        f" ({'; '.join(details) or 'wrong order, a column twice or one without a name'}): correct the file"
    )

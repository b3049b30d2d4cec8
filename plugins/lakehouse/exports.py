"""Export a release's small gold tables for people and programs: CSV, JSON and Parquet on the static site.

The same release gives the same bytes: rows are sorted by the table's key, and no trace of the day or machine goes in.
CSV holds the data as it is. A title that begins with ``=``, ``+``, ``-`` or ``@`` is not defused for spreadsheets: the
files are read by machines, and a changed title would be a wrong title. Import the columns as text into a spreadsheet.
"""

import csv
import io
import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.site import ASK_AGAIN, FOR_EVER, ReleaseFiles, SiteFile, publish

if TYPE_CHECKING:
    from lakehouse.serving import Release

KEYS = {
    "movies_by_year": "release_year",
    "rating_distribution": "rating_category",
    "top_movies": "rank",
    "genre_stats": "genre",
}


def export(release_id: str) -> list[str]:
    """Put the exports of a release on the site and return their keys.

    A release's own folder is complete before the stable addresses ``data/<name>.<ext>`` move on to it.
    """
    return publish(release_id, export_files)


def export_files(release: "Release") -> ReleaseFiles:
    """The export files of a release."""
    encoded = [
        (f"data/{name}.{extension}", encode(table), content_type)
        for name, key in KEYS.items()
        for table in [release.read(f"gold.{name}").sort_by(key)]
        for extension, (encode, content_type) in FORMATS.items()
    ]
    folder = f"releases/{release.release_id}/"
    return ReleaseFiles(
        own=[SiteFile(folder + path, body, content_type, FOR_EVER) for path, body, content_type in encoded],
        stable=[SiteFile(path, body, content_type, ASK_AGAIN) for path, body, content_type in encoded],
    )


def to_csv(table: pa.Table) -> bytes:
    """UTF-8 after RFC 4180: a header, CRLF, quotes where needed; null is an empty field."""
    text = io.StringIO()
    writer = csv.DictWriter(text, table.column_names)
    writer.writeheader()
    writer.writerows(table.to_pylist())
    return text.getvalue().encode()


def to_json(table: pa.Table) -> bytes:
    """An array with one record a line; decimals are numbers, null is null.

    Raises:
        ValueError: a number is not finite; JSON has no word for it.
    """
    records = [json.dumps(row, ensure_ascii=False, allow_nan=False, default=float) for row in table.to_pylist()]
    return ("[\n" + ",\n".join(records) + "\n]\n").encode()


def to_parquet(table: pa.Table) -> bytes:
    """One row group without the metadata of the engine that the table was read with."""
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(None).combine_chunks(), sink)
    return sink.getvalue()


FORMATS = {
    "csv": (to_csv, "text/csv; charset=utf-8"),
    "json": (to_json, "application/json"),
    "parquet": (to_parquet, "application/vnd.apache.parquet"),
}

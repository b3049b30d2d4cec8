"""The landing tables in the catalog."""

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.landing import tables
from lakehouse.landing.tables import register


def test_a_dataset_without_tags_leaves_a_table_that_can_be_read(catalog, monkeypatch):
    monkeypatch.setattr(tables, "NAMESPACE", "landing_of_no_tags")

    for _ in range(2):
        register(catalog, "tags", {}, "0123456789ab")

    table = catalog.load_table("landing_of_no_tags.tags")
    assert len(table.snapshots()) == 1
    assert table.scan().count() == 0


def test_a_table_of_before_gets_the_columns_of_today_and_can_read_its_older_files(catalog, monkeypatch, tmp_path):
    monkeypatch.setattr(tables, "NAMESPACE", "landing_of_before")
    monkeypatch.setattr(tables, "ADDED", tables.ADDED[1:])
    older = tables.opened(catalog, "links")
    path = f"{older.location()}/older.parquet"
    columns = {"movieId": "1", "imdbId": "0114709", "tmdbId": "862", "_line": 2, "_dataset_version": "0123456789ab"}
    with older.io.new_output(path).create() as file:
        pq.write_table(pa.Table.from_pylist([columns]), file)
    register(catalog, "links", {path: 1}, "0123456789ab")
    monkeypatch.undo()
    monkeypatch.setattr(tables, "NAMESPACE", "landing_of_before")

    today = tables.opened(catalog, "links")

    assert set(today.schema().column_names) == set(tables.schema_of("links").column_names)
    (row,) = today.scan().to_arrow().to_pylist()
    assert (row["imdbId"], row["_other_columns"]) == ("0114709", None)
    assert "_other_columns" in today.properties["schema.name-mapping.default"]
    assert tables.opened(catalog, "links").metadata_location == today.metadata_location

"""The landing tables in the catalog."""

from lakehouse.landing import tables
from lakehouse.landing.tables import register


def test_a_dataset_without_tags_leaves_a_table_that_can_be_read(catalog, monkeypatch):
    monkeypatch.setattr(tables, "NAMESPACE", "landing_of_no_tags")

    for _ in range(2):
        register(catalog, "tags", {}, "0123456789ab")

    table = catalog.load_table("landing_of_no_tags.tags")
    assert len(table.snapshots()) == 1
    assert table.scan().count() == 0

"""Measure the tables: files, bytes, snapshots, and how long it takes to plan a scan of main."""

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pyiceberg.catalog import Catalog
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

from lakehouse import objects
from lakehouse.maintenance import all_tables


@dataclass(frozen=True)
class StoredObject:
    location: str
    bytes: int
    modified_at: datetime


@dataclass(frozen=True)
class Measures:
    """A table at a moment. ``objects`` and ``bytes`` are all that lies in its folder, ``planning_ms`` is one scan."""

    data_files: int
    manifests: int
    snapshots: int
    branches_and_tags: int
    objects: int
    bytes: int
    planning_ms: int


def measure(s3: Any, bucket: str, catalog: Catalog) -> dict[str, dict[str, int]]:
    """The measures of every table that has been written, by name."""
    tables = all_tables(catalog)
    found = objects_of_tables(s3, bucket, tables.values())
    return {
        name: asdict(_measures(table, snapshot, found[table.location()]))
        for name, table in tables.items()
        if (snapshot := table.current_snapshot())
    }


def _measures(table: Table, snapshot: Snapshot, stored: list[StoredObject]) -> Measures:
    started = time.monotonic()
    files = list(table.scan().plan_files())
    planned = time.monotonic() - started
    return Measures(
        data_files=len(files),
        manifests=len(snapshot.manifests(table.io)),
        snapshots=len(table.snapshots()),
        branches_and_tags=len(table.refs()),
        objects=len(stored),
        bytes=sum(each.bytes for each in stored),
        planning_ms=round(planned * 1000),
    )


def objects_of_tables(s3: Any, bucket: str, tables: Iterable[Table]) -> dict[str, list[StoredObject]]:
    """What lies in the folder of each table, by the table's location; nothing outside of these folders is listed."""
    found: dict[str, list[StoredObject]] = {}
    for table in tables:
        prefix = f"{table.location().removeprefix(f's3://{bucket}/')}/"
        found[table.location()] = [
            StoredObject(f"s3://{bucket}/{each['Key']}", each["Size"], each["LastModified"])
            for each in objects.below(s3, bucket, prefix)
        ]
    return found

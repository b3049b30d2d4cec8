"""Register again the tables whose files are in the warehouse and that the catalog has not.

A catalog holds no more of a table than its name and which of its metadata files is the current one. All else, with
snapshots, branches and tags, is in the warehouse, so a catalog that was lost is made again from the files:
``python -m infra.hosts.restore_catalog`` shows what it would do, ``--yes`` does it. It changes no file, and no table
that the catalog has. A commit that died just before it told the catalog counts as done. Views are not restored: whoever
has made them makes them again.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pyarrow.fs import FileSelector, FileType
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.io.pyarrow import PyArrowFileIO

METADATA_FILE = re.compile(r"(?P<number>\d+)-.+\.metadata\.json")
READERS = 16


class RestoreError(Exception):
    """It is not certain what to register; the message says how to choose."""


@dataclass(frozen=True)
class MetadataFile:
    """A metadata file and what is in it. Each commit writes one, with the next ``number`` in its name."""

    location: str
    number: int
    content: dict[str, Any]

    def __str__(self) -> str:
        refs = ", ".join(sorted(self.content.get("refs", {}))) or "none"
        return f"{self.location} with {len(self.content.get('snapshots', []))} snapshots, branches and tags: {refs}"


class Warehouse:
    """The tables of a warehouse as their files tell: ``<warehouse>/<namespace>[.db]/<table>/metadata/``."""

    def __init__(self, location: str, properties: dict[str, str]) -> None:
        self.location = location.rstrip("/")
        self._io = PyArrowFileIO(properties)

    def tables(self) -> dict[str, str]:
        """The folder of each table by name."""
        return {
            f"{namespace.removesuffix('.db')}.{table}": f"{self.location}/{namespace}/{table}"
            for namespace in self._names(self.location, FileType.Directory)
            for table in self._names(f"{self.location}/{namespace}", FileType.Directory)
        }

    def metadata_files(self, folder: str) -> list[MetadataFile]:
        """The metadata files of a table, none for a view."""
        names = self._names(f"{folder}/metadata", FileType.File)
        locations = [f"{folder}/metadata/{name}" for name in names if METADATA_FILE.fullmatch(name)]
        with ThreadPoolExecutor(READERS) as pool:
            return [file for file in pool.map(self.read, locations) if "table-uuid" in file.content]

    def read(self, location: str) -> MetadataFile:
        name = METADATA_FILE.fullmatch(location.rsplit("/", 1)[1])
        if not name:
            raise RestoreError(f"{location} is not named as a metadata file")
        with self._io.new_input(location).open() as file:
            content = file.read()
        text = gzip.decompress(content) if location.endswith(".gz.metadata.json") else content
        return MetadataFile(location, int(name["number"]), json.loads(text))

    def _names(self, location: str, kind: FileType) -> list[str]:
        scheme, host, path = self._io.parse_location(location)
        found = self._io.fs_by_scheme(scheme, host).get_file_info(FileSelector(path, allow_not_found=True))
        return [each.base_name for each in found if each.type == kind]


def newest(name: str, files: list[MetadataFile]) -> MetadataFile:
    """The metadata file that was the current one.

    Raises:
        RestoreError: there is more than one that may have been. A commit that lost against another leaves a file of
            the same number, and a table that was dropped leaves all of its files to the next of its name.
    """
    last: dict[str, int] = {}
    for file in files:
        table = file.content["table-uuid"]
        last[table] = max(file.number, last.get(table, 0))
    possible = [file for file in files if file.number == last[file.content["table-uuid"]]]
    if len(possible) == 1:
        return possible[0]
    listed = "\n  ".join(sorted(map(str, possible)))
    raise RestoreError(
        f"{name} may have been at any of these:\n  {listed}\nLook at them, and choose by --metadata {name}=<location>"
    )


def plan(
    catalog: Catalog, warehouse: Warehouse, wanted: Iterable[str], chosen: dict[str, str]
) -> dict[str, MetadataFile]:
    """The metadata file to register for each table that the catalog has not, by default for all.

    Raises:
        RestoreError: the warehouse is empty, a wanted table is not in it, or its newest metadata file is not certain.
    """
    folders = warehouse.tables()
    if not folders:
        raise RestoreError(f"{warehouse.location} has no table: name the warehouse by --warehouse")
    if unknown := set(wanted) - folders.keys() - chosen.keys():
        raise RestoreError(f"{', '.join(sorted(unknown))}: no such table in the warehouse")
    missing = [name for name in sorted(set(wanted) or folders.keys() | chosen.keys()) if not catalog.table_exists(name)]
    certain = {}
    for name in missing:
        if name in chosen:
            certain[name] = warehouse.read(chosen[name])
        elif files := warehouse.metadata_files(folders[name]):
            certain[name] = newest(name, files)
            if (home := certain[name].content["location"]) != folders[name]:
                raise RestoreError(f"{name} lies in {folders[name]}, but its files are named as in {home}")
    return certain


def restore(catalog: Catalog, tables: dict[str, MetadataFile]) -> None:
    for name, file in tables.items():
        catalog.create_namespace_if_not_exists(name.rsplit(".", 1)[0])
        catalog.register_table(name, file.location)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", nargs="*", help="namespace.table (default: all of the warehouse)")
    parser.add_argument("--warehouse", help="where the tables lie (default: as the catalog is configured)")
    parser.add_argument(
        "--metadata",
        action="append",
        default=[],
        metavar="TABLE=LOCATION",
        help="the metadata file of a table, where the newest is not certain",
    )
    parser.add_argument("--yes", action="store_true", help="register the tables, instead of showing which")
    arguments = parser.parse_args()
    catalog = load_catalog("lake")
    warehouse = Warehouse(arguments.warehouse or catalog.properties["warehouse"], catalog.properties)
    chosen = dict(each.split("=", 1) for each in arguments.metadata)
    try:
        tables = plan(catalog, warehouse, arguments.table, chosen)
    except RestoreError as error:
        sys.exit(str(error))
    for name, file in tables.items():
        print(f"{name}: {file}")
    if arguments.yes:
        restore(catalog, tables)
    print(f"{len(tables)} tables were registered" if arguments.yes else f"{len(tables)} tables to register: add --yes")


if __name__ == "__main__":
    main()

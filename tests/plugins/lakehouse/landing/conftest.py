import itertools

import pytest
from pyiceberg.expressions import EqualTo

from lakehouse.datasets import Dataset
from lakehouse.landing import Manifest, land
from lakehouse.landing.csv_files import COLUMNS
from tests.fixtures.landing import FILES

numbers = itertools.count(1)


@pytest.fixture
def dataset(tmp_path):
    """A small dataset that no other test has landed."""
    number = next(numbers)
    folder = tmp_path / f"small-{number}"
    folder.mkdir()
    for table, text in FILES.items():
        (folder / f"{table}.csv").write_bytes(text.encode())
    with (folder / "links.csv").open("ab") as links:
        links.write(b"4,0000004,%d\r\n" % number)
    (folder / "README.txt").write_text("Notes")
    return Dataset(folder.name, folder)


@pytest.fixture
def land_it(s3, catalog, tmp_path):
    return lambda dataset: land(dataset, s3, "lake", catalog, scratch=tmp_path)


@pytest.fixture
def rows(catalog):
    """How many rows of a version a table has."""

    def rows(manifest: Manifest, *tables: str) -> dict[str, int]:
        condition = EqualTo("_dataset_version", manifest.version)
        names = tables or tuple(COLUMNS)
        return {name: catalog.load_table(f"landing.{name}").scan(condition).count() for name in names}

    return rows

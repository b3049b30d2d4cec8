"""Landing on a real S3 and a real catalog: once, whole, and in spite of crashes and competitors."""

import itertools
import shutil
import threading
import zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import duckdb
import pytest
from pyiceberg.expressions import And, EqualTo, IsNull

from lakehouse import landing
from lakehouse.datasets import Dataset, DatasetError, open_dataset
from lakehouse.landing import Manifest, land, land_dataset, objects, read_manifest, tables
from lakehouse.landing.csv_files import COLUMNS

pytestmark = pytest.mark.integration

FILES = {
    "ratings": "userId,movieId,rating,timestamp\r\n1,1,4.0,964982703\r\n1,3,4.0,964981247\r\n2,1,3.5,1445714994\r\n"
    "2,3,1.0,soon\r\n9\r\n",
    "tags": "userId,movieId,tag,timestamp\r\n2,1,funny,1445714994\r\n",
    "movies": 'movieId,title,genres\r\n1,Toy (1995),Comedy\r\n3,"Old Men, The (1995)",Comedy|Romance\r\n',
    "links": "movieId,imdbId,tmdbId\r\n1,0114709,862\r\n3,0113228,\r\n",
}
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


ROWS = {"ratings": 5, "tags": 1, "movies": 2, "links": 3}


def object_keys(s3, dataset: str) -> dict[str, str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="lake", Prefix=f"landing/{dataset}/")
    return {item["Key"]: item["ETag"] for page in pages for item in page.get("Contents", [])}


def test_a_dataset_is_landed_with_a_manifest(land_it, dataset, rows, s3):
    manifest = land_it(dataset)

    assert (manifest.dataset, len(manifest.version), manifest.synthetic) == (dataset.name, 12, False)
    assert manifest.months == {"ratings": {"2000-07": 2, "2015-10": 1}, "tags": {"2015-10": 1}}
    assert manifest.unknown_month == {"ratings": 2, "tags": 0}
    ratings = manifest.files["ratings.csv"]
    assert (ratings["rows"], ratings["malformed"], ratings["blank"]) == (4, 1, 0)
    assert rows(manifest) == ROWS
    names = {key.removeprefix(f"landing/{dataset.name}/{manifest.version}/") for key in object_keys(s3, dataset.name)}
    assert names == {
        "started.json",
        "manifest.json",
        "README.txt",
        "ratings/2000-07.parquet",
        "ratings/2015-10.parquet",
        "ratings/unknown.parquet",
        "tags/2015-10.parquet",
        "movies.parquet",
        "links.parquet",
    }
    assert manifest.objects == 6


def test_landing_again_writes_nothing(land_it, dataset, rows, s3, catalog, monkeypatch):
    first = land_it(dataset)
    before = (
        object_keys(s3, dataset.name),
        {name: catalog.load_table(f"landing.{name}").metadata_location for name in COLUMNS},
    )
    writes = []
    s3.meta.events.register("before-call.s3.PutObject", lambda **_: writes.append("put"))
    monkeypatch.setattr(landing, "split_file", None)

    again = land_it(dataset)

    assert again == first
    assert writes == []
    assert before == (
        object_keys(s3, dataset.name),
        {name: catalog.load_table(f"landing.{name}").metadata_location for name in COLUMNS},
    )


def crash(*_: object, **__: object) -> None:
    raise ConnectionError("the process dies here")


def die_at(monkeypatch, module, name: str, call: int) -> None:
    """Make one call of a function fail, and let the ones before it work."""
    original, calls, lock = getattr(module, name), itertools.count(1), threading.Lock()

    def dying(*args, **kwargs):
        with lock:
            number = next(calls)
        return crash() if number == call else original(*args, **kwargs)

    monkeypatch.setattr(module, name, dying)


@pytest.mark.parametrize(
    ("module", "name", "call"),
    [
        (landing, "split_file", 1),  # the start is recorded, and nothing else
        (objects, "put_once", 4),  # while files are uploaded
        (landing, "register", 1),  # between upload and registration
        (landing, "register", 3),  # between two tables
        (landing, "store_manifest", 1),  # between registration and manifest
    ],
)
def test_a_crash_is_finished_by_landing_again(land_it, dataset, rows, monkeypatch, module, name, call):
    with monkeypatch.context() as patch:
        die_at(patch, module, name, call)
        with pytest.raises(ConnectionError):
            land_it(dataset)

    manifest = land_it(dataset)

    assert rows(manifest) == ROWS
    assert manifest.months["ratings"] == {"2000-07": 2, "2015-10": 1}


def test_a_commit_whose_answer_is_lost_is_not_repeated(land_it, dataset, rows, monkeypatch):
    add_files = tables.Table.add_files

    def add_and_die(self, *args, **kwargs):
        add_files(self, *args, **kwargs)
        crash()

    with monkeypatch.context() as patch:
        patch.setattr(tables.Table, "add_files", add_and_die)
        with pytest.raises(ConnectionError):
            land_it(dataset)

    assert rows(land_it(dataset)) == ROWS


def test_attempts_agree_on_what_lies_in_the_future(land_it, dataset, rows, monkeypatch):
    """A row dated between two attempts must not be in the file of its month and in the unknown month."""
    with (dataset.folder / "tags.csv").open("ab") as tags:
        tags.write(b"2,1,tomorrow,2000000000\r\n")

    class Clock(landing.datetime):
        year_of_now = 2033

        @classmethod
        def now(cls, tz=None):
            return cls(cls.year_of_now, 1, 1, tzinfo=tz)

    monkeypatch.setattr(landing, "datetime", Clock)
    with monkeypatch.context() as patch:
        die_at(patch, landing, "register", 1)
        with pytest.raises(ConnectionError):
            land_it(dataset)
    Clock.year_of_now = 2034

    manifest = land_it(dataset)

    assert manifest.unknown_month["tags"] == 1
    assert manifest.landed_at == "2033-01-01T00:00:00+00:00"
    assert rows(manifest, "tags") == {"tags": 2}


def test_calls_at_once_register_once(land_it, dataset, rows, monkeypatch):
    callers = 3
    barrier = threading.Barrier(callers)
    files_of_version = tables.files_of_version
    waited = threading.local()

    def look_together(table, version):
        found = files_of_version(table, version)
        if not getattr(waited, "once", False) and table.name()[-1] == "movies":
            waited.once = True
            barrier.wait(60)  # all have seen that the version is missing
            assert found == {}
        return found

    monkeypatch.setattr(tables, "files_of_version", look_together)
    with ThreadPoolExecutor(callers) as pool:
        manifests = list(pool.map(land_it, [dataset] * callers))

    assert manifests == [manifests[0]] * callers
    assert rows(manifests[0]) == ROWS


def test_two_versions_live_side_by_side(land_it, dataset, rows):
    old = land_it(dataset)
    with (dataset.folder / "ratings.csv").open("ab") as ratings:
        ratings.write(b"3,1,2.0,964982703\r\n")

    new = land_it(dataset)

    assert old.version != new.version
    assert rows(old) == ROWS
    assert rows(new) == ROWS | {"ratings": 6}


def test_the_same_files_under_another_name_are_not_registered_twice(land_it, dataset, rows, s3):
    first = land_it(dataset)
    copy = Dataset(f"{dataset.name}-copy", dataset.folder)

    second = land_it(copy)

    assert second == Manifest(**(asdict(first) | {"dataset": copy.name}))
    assert rows(second) == ROWS
    assert list(object_keys(s3, copy.name)) == [f"landing/{copy.name}/{first.version}/manifest.json"]


def test_a_zip_and_a_folder_are_the_same_version(land_it, dataset, tmp_path):
    archive = tmp_path / f"{dataset.name}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zip_file:
        for path in dataset.folder.iterdir():
            zip_file.write(path, f"inner/{path.name}")

    from_zip = land_it(open_dataset(str(archive), tmp_path / "cache"))
    from_folder = land_it(open_dataset(str(dataset.folder), tmp_path / "cache"))

    assert from_zip == from_folder


def test_a_broken_file_lands_nothing(land_it, dataset, s3):
    (dataset.folder / "tags.csv").write_bytes(b"userId,movieId,tag\r\n1,1,funny\r\n")

    with pytest.raises(DatasetError, match=r"tags\.csv, line 1"):
        land_it(dataset)
    assert object_keys(s3, dataset.name) == {}


def test_unknown_months_are_a_partition_of_their_own(land_it, dataset, catalog):
    manifest = land_it(dataset)

    unknown = And(EqualTo("_dataset_version", manifest.version), IsNull("_event_month"))
    scan = catalog.load_table("landing.ratings").scan(unknown)
    (task,) = scan.plan_files()
    assert list(task.file.partition) == [manifest.version, None]
    assert sorted(scan.to_arrow()["_line"].to_pylist()) == [5, 6]
    assert [line for line in scan.to_arrow()["_malformed_line"].to_pylist() if line] == ["9"]


def test_spark_reads_the_files_of_one_month_only(land_it, dataset, spark, s3):
    version = land_it(dataset).version
    other_month = {"Bucket": "lake", "Key": f"landing/{dataset.name}/{version}/ratings/2015-10.parquet"}
    content = s3.get_object(**other_month)["Body"].read()
    s3.delete_object(**other_month)
    ratings = spark.table("lake.landing.ratings").where(f"_dataset_version = '{version}'")

    month = ratings.where("_event_month = DATE '2000-07-01'")
    unknown = ratings.where("_event_month IS NULL")

    assert sorted(
        tuple(row) for row in month.select("userId", "movieId", "rating", "timestamp", "_line").collect()
    ) == [
        ("1", "1", "4.0", "964982703", 2),
        ("1", "3", "4.0", "964981247", 3),
    ]
    assert [row["_malformed_line"] for row in unknown.orderBy("_line").collect()] == [None, "9"]
    with pytest.raises(Exception, match="ratings/2015-10"):
        ratings.collect()
    s3.put_object(**other_month, Body=content)
    assert ratings.count() == 5
    assert dict(ratings.dtypes)["_event_month"] == "date"


def test_movielens_is_landed_whole(land_it, movielens, spark, tmp_path):
    folder = tmp_path / "ml-latest-small"
    shutil.copytree(movielens, folder, copy_function=shutil.copyfile)

    manifest = land_it(Dataset("ml-latest-small", folder))

    facts = {name: (facts["rows"], facts["malformed"], facts["blank"]) for name, facts in manifest.files.items()}
    assert facts == {
        "ratings.csv": (100_836, 0, 0),
        "tags.csv": (3_683, 0, 0),
        "movies.csv": (9_742, 0, 0),
        "links.csv": (9_742, 0, 0),
    }
    for table in ("ratings", "tags"):
        independent = (
            duckdb.connect()
            .sql(
                f"SELECT strftime(make_timestamp(timestamp * 1000000), '%Y-%m') AS month, count(*)"
                f" FROM read_csv('{movielens}/{table}.csv') GROUP BY month ORDER BY month"
            )
            .fetchall()
        )
        assert list(manifest.months[table].items()) == independent
    assert len(manifest.months["ratings"]) == 267
    assert manifest.unknown_month == {"ratings": 0, "tags": 0}
    for table in COLUMNS:
        columns = [f"`{name}`" for name in COLUMNS[table]]
        landed = spark.table(f"lake.landing.{table}").where(f"_dataset_version = '{manifest.version}'").select(*columns)
        received = (
            duckdb.connect()
            .sql(f"FROM read_csv('{movielens}/{table}.csv', all_varchar = true, nullstr = '\x01')")
            .fetchall()
        )
        assert Counter(tuple(row) for row in landed.collect()) == Counter(received)


def test_land_dataset_takes_its_settings_from_airflow(stack, catalog, dataset, s3):
    manifest = land_dataset(str(dataset.folder))

    assert manifest.dataset == dataset.name
    assert read_manifest(dataset.name, manifest.version) == manifest
    with pytest.raises(DatasetError, match=f"Version ffffffffffff of {dataset.name} is not landed"):
        read_manifest(dataset.name, "ffffffffffff")


def test_what_a_killed_landing_left_is_removed(stack, catalog, dataset):
    left = stack.state / "datasets" / ".landing-killed"
    left.mkdir(parents=True)

    land_dataset(str(dataset.folder))

    assert not left.exists()

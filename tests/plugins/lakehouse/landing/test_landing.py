"""Landing on a real S3 and a real catalog: once and whole."""

import shutil
import zipfile
from collections import Counter
from dataclasses import asdict

import duckdb
import pytest
from pyiceberg.expressions import And, EqualTo, IsNull

from lakehouse import landing
from lakehouse.datasets import Dataset, DatasetError, open_dataset
from lakehouse.landing import Manifest, land_dataset, read_manifest
from lakehouse.landing.csv_files import COLUMNS
from tests.fixtures.landing import ROWS, object_keys

pytestmark = pytest.mark.integration


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

"""Land a dataset: store it in S3 once per version, split by month, and register it in the tables ``landing.*``.

A version is named by the content of its four CSV files, so a folder and a zip of the same files are the same version.
All that is written lies under ``landing/<dataset>/<version>/`` and never changes. The manifest comes last: a version
that has one is complete, and one that has none is finished by landing it again.
"""

import hashlib
import json
import logging
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pyiceberg.catalog import Catalog, load_catalog

from lakehouse import objects
from lakehouse.datasets import GROUPLENS, Dataset, DatasetError, one_at_a_time, open_dataset, remove_folders
from lakehouse.defaults import setting
from lakehouse.landing.csv_files import COLUMNS, CsvFile, checked
from lakehouse.landing.manifest import Manifest
from lakehouse.landing.split import MONTHLY, Split, split_file
from lakehouse.landing.tables import dataset_of_version, register

__all__ = ["Dataset", "DatasetError", "Manifest", "land", "land_dataset", "read_manifest"]

log = logging.getLogger(__name__)


def land_dataset(dataset: str) -> Manifest:
    """Land a dataset by name or path, unless this version is landed, and return its manifest.

    Takes the settings ``dataset_folder`` (cache of downloads), ``datasets_url`` (GroupLens or a mirror) and
    ``lake_bucket``.

    Raises:
        DatasetError: the dataset cannot be had or is broken; nothing of it was landed.
    """
    cache = Path(setting("dataset_folder"))
    source = open_dataset(dataset, cache, base_url=setting("datasets_url", GROUPLENS))
    with one_at_a_time(cache / ".landing.lock"):
        remove_folders(cache, ".landing-*")
        return land(source, s3_client(), setting("lake_bucket"), load_catalog("lake"), scratch=cache)


def read_manifest(dataset: str, version: str) -> Manifest:
    """The manifest of a landed version; raises DatasetError if it is not landed."""
    manifest = stored_manifest(s3_client(), setting("lake_bucket"), dataset, version)
    if manifest is None:
        raise DatasetError(f"Version {version} of {dataset} is not landed: run the task `land`")
    return manifest


def s3_client() -> Any:
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    return S3Hook("aws_default").get_conn()


def land(source: Dataset, s3: Any, bucket: str, catalog: Catalog, *, scratch: Path | None = None) -> Manifest:
    """Land the files of a folder. ``scratch`` is the folder for the Parquet files on their way.

    Raises:
        DatasetError: a file is broken, or there are no ratings; nothing was landed.
    """
    started = time.monotonic()
    files = {table: checked(table, source.folder / f"{table}.csv") for table in COLUMNS}
    if files["ratings"].lines == 1:
        raise DatasetError(f"{files['ratings'].path} has no line below its header: get the dataset again")
    for file in files.values():
        if file.unexpected:
            unexpected = ", ".join(file.unexpected)
            log.warning("%s has columns that MovieLens has not: %s; kept in _other_columns", file.path, unexpected)
    version = version_of(files)
    if manifest := stored_manifest(s3, bucket, source.name, version):
        log.info("%s %s is landed already; checked in %.1f s", source.name, version, time.monotonic() - started)
        return manifest
    owner = dataset_of_version(catalog, version) or source.name
    if owner != source.name:
        log.info("The files of %s are those of %s, which is landed already", source.name, owner)
        manifest = land(replace(source, name=owner), s3, bucket, catalog, scratch=scratch)
        return store_manifest(s3, bucket, replace(manifest, dataset=source.name))

    landed_at = landing_time(s3, bucket, source.name, version)
    with tempfile.TemporaryDirectory(prefix=".landing-", dir=scratch) as folder:
        splits = {
            table: split_file(file, Path(folder), dataset=source.name, version=version, landed_at=landed_at)
            for table, file in files.items()
        }
        after_split = time.monotonic()
        prefix = f"landing/{source.name}/{version}"
        parquet = {key: path for part in splits.values() for key, path in part.parquet.items()}
        readme = {"README.txt": source.folder / "README.txt"} if (source.folder / "README.txt").exists() else {}
        objects.upload(s3, bucket, ((f"{prefix}/{key}", path) for key, path in (parquet | readme).items()))
    after_upload = time.monotonic()
    for table, part in splits.items():
        register(catalog, table, {f"s3://{bucket}/{prefix}/{key}": rows for key, rows in part.rows_of.items()}, version)
    manifest = store_manifest(s3, bucket, manifest_of(source, version, landed_at, files, splits))
    done = time.monotonic()
    log.info(
        "Landed %s %s: %s; %d objects in %.1f s (check and split %.1f, upload %.1f, register %.1f)",
        *(
            source.name,
            version,
            ", ".join(f"{part.rows:,} {table}" for table, part in splits.items()),
            manifest.objects,
        ),
        *(done - started, after_split - started, after_upload - after_split, done - after_upload),
    )
    return manifest


def version_of(files: dict[str, CsvFile]) -> str:
    """First 12 hex digits of a SHA-256 over the files' names and digests."""
    names_and_digests = sorted((file.path.name, file.sha256) for file in files.values())
    return hashlib.sha256(json.dumps(names_and_digests).encode()).hexdigest()[:12]


def landing_time(s3: Any, bucket: str, dataset: str, version: str) -> datetime:
    """When the first attempt to land this version began (UTC).

    It decides which timestamps lie in the future, so every attempt must go by the same.
    """
    key = f"landing/{dataset}/{version}/started.json"
    objects.put_once(
        s3, bucket, key, json.dumps({"landed_at": datetime.now(UTC).isoformat(timespec="seconds")}).encode()
    )
    return datetime.fromisoformat(json.loads(objects.get(s3, bucket, key) or b"")["landed_at"])


def manifest_of(
    source: Dataset, version: str, landed_at: datetime, files: dict[str, CsvFile], splits: dict[str, Split]
) -> Manifest:
    return Manifest(
        dataset=source.name,
        version=version,
        synthetic=source.synthetic,
        landed_at=landed_at.isoformat(),
        files={
            f"{table}.csv": {
                "bytes": file.bytes,
                "sha256": file.sha256,
                "rows": splits[table].rows,
                "malformed": splits[table].malformed,
                "blank": splits[table].blank,
                "unexpected_columns": list(file.unexpected),
            }
            for table, file in files.items()
        },
        months={table: splits[table].months for table in MONTHLY},
        unknown_month={table: splits[table].unknown_month for table in MONTHLY},
        digests={table: splits[table].digests for table in MONTHLY},
        objects=sum(len(part.parquet) for part in splits.values()),
    )


def stored_manifest(s3: Any, bucket: str, dataset: str, version: str) -> Manifest | None:
    text = objects.get(s3, bucket, manifest_key(dataset, version))
    return Manifest.from_json(text) if text else None


def store_manifest(s3: Any, bucket: str, manifest: Manifest) -> Manifest:
    """Store the manifest, unless a parallel call has stored it, and return the stored one."""
    objects.put_once(s3, bucket, manifest_key(manifest.dataset, manifest.version), manifest.to_json())
    return stored_manifest(s3, bucket, manifest.dataset, manifest.version) or manifest


def manifest_key(dataset: str, version: str) -> str:
    return f"landing/{dataset}/{version}/manifest.json"

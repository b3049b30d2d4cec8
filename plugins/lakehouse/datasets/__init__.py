"""Turn the name of a dataset, or the path of a folder or zip, into a folder of CSV files.

Named datasets come from GroupLens' file server, checked against the MD5 that it publishes, and are kept in a cache:
once there, no network is needed. Archives are unpacked beside them, under the digest of their bytes.
"""

import fcntl
import logging
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lakehouse import sample
from lakehouse.datasets.archives import folder_when_done, md5_of, require_csv_files, unpacked
from lakehouse.datasets.downloads import GROUPLENS, downloaded
from lakehouse.datasets.errors import DatasetError, DownloadError

__all__ = ["GROUPLENS", "Dataset", "DatasetError", "DownloadError", "one_at_a_time", "open_dataset", "remove_folders"]

log = logging.getLogger(__name__)

GROUPLENS_DATASETS = ("ml-latest-small", "ml-20m", "ml-25m", "ml-32m")
FALLS_BACK_TO_SAMPLE = "ml-latest-small"  # the default, so that a first try works without internet


@dataclass(frozen=True)
class Dataset:
    """A folder with ratings.csv, tags.csv, movies.csv, links.csv and perhaps README.txt."""

    name: str
    folder: Path
    synthetic: bool = False


def open_dataset(dataset: str, cache: Path, *, base_url: str = GROUPLENS) -> Dataset:
    """Return the dataset's folder, downloading, unpacking or generating it into ``cache`` if needed.

    ``ml-latest-small`` becomes ``sample`` when it is neither cached nor reachable.

    Raises:
        DatasetError: there is no such dataset, or it is damaged or incomplete.
        DownloadError: it could not be downloaded.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(cache / ".lock"):
        remove_folders(cache, ".unfinished-*")
        if dataset == "sample":
            return open_sample(cache)
        if dataset in GROUPLENS_DATASETS:
            try:
                archive = downloaded(dataset, cache, base_url)
            except DownloadError as error:
                if dataset != FALLS_BACK_TO_SAMPLE:
                    raise
                log.warning("USING THE SYNTHETIC SAMPLE INSTEAD OF %s: %s", dataset, error)
                return open_sample(cache)
            return Dataset(dataset, unpacked(archive, cache / f"{dataset}-{md5_of(archive)[:12]}"))
        path = Path(dataset).expanduser()
        name = re.sub(r"[^\w.-]+", "-", path.name.removesuffix(".zip"), flags=re.ASCII)
        if path.is_file():
            return Dataset(name, unpacked(path, cache / f"{name}-{md5_of(path)[:12]}"))
        if path.is_dir():
            require_csv_files({file.name for file in path.iterdir()}, path)
            return Dataset(name, path)
    names = ", ".join((*GROUPLENS_DATASETS, "sample"))
    raise DatasetError(f"No dataset {dataset!r}: give one of {names}, or the full path of a folder or zip")


@contextmanager
def one_at_a_time(lock: Path) -> Iterator[None]:
    """Let other processes wait at this lock, so that parallel runs do a dataset's work once."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def remove_folders(parent: Path, pattern: str) -> None:
    """Remove what killed processes left behind; call it under their lock."""
    for left in parent.glob(pattern):
        shutil.rmtree(left)


def open_sample(cache: Path) -> Dataset:
    """Generate the synthetic sample, unless the cache has it."""
    folder = cache / f"sample-{sample.SEED}"
    if not folder.exists():
        with folder_when_done(folder) as unfinished:
            sample.generate(unfinished)
    return Dataset("sample", folder, synthetic=True)

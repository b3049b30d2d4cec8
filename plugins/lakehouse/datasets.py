"""Turn the name of a dataset, or the path of a folder or zip, into a folder of CSV files.

Named datasets come from GroupLens' file server, checked against the MD5 that it publishes, and are kept in a cache:
once there, no network is needed. Archives are unpacked beside them, under the digest of their bytes.
"""

import fcntl
import hashlib
import logging
import re
import shutil
import socket
import tempfile
import threading
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests

from lakehouse import sample

log = logging.getLogger(__name__)

GROUPLENS = "https://files.grouplens.org/datasets/movielens"
GROUPLENS_DATASETS = ("ml-latest-small", "ml-20m", "ml-25m", "ml-32m")
FALLS_BACK_TO_SAMPLE = "ml-latest-small"  # the default, so that a first try works without internet
CSV_FILES = ("ratings.csv", "tags.csv", "movies.csv", "links.csv")
WANTED = (*CSV_FILES, "README.txt")

ATTEMPTS = 4
CONNECT_SECONDS, READ_SECONDS = 3.05, 30
CHUNK_BYTES = 1 << 20
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What zipfile raises on damaged, cut, encrypted and oddly compressed members."""


class DatasetError(Exception):
    """The dataset cannot be used; the message names the file and says what to do."""


class DownloadError(DatasetError):
    """The dataset could not be fetched: the server cannot be reached or does not have it."""


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
            require(CSV_FILES, {file.name for file in path.iterdir()}, path)
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


def require(wanted: tuple[str, ...], present: set[str], where: Path) -> None:
    """Raise DatasetError unless all ``wanted`` files are there."""
    if missing := [name for name in wanted if name not in present]:
        raise DatasetError(f"{where} has no {', '.join(missing)}: a dataset holds {', '.join(CSV_FILES)}")


def open_sample(cache: Path) -> Dataset:
    """Generate the synthetic sample, unless the cache has it."""
    folder = cache / f"sample-{sample.SEED}"
    if not folder.exists():
        with folder_when_done(folder) as unfinished:
            sample.generate(unfinished)
    return Dataset("sample", folder, synthetic=True)


@contextmanager
def folder_when_done(folder: Path) -> Iterator[Path]:
    """A temporary folder that takes its final name when the block succeeds and is deleted when it does not."""
    unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=folder.parent))
    try:
        yield unfinished
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


# -- archives ----------------------------------------------------------------------------------------------------------


def unpacked(archive: Path, folder: Path) -> Path:
    """Unpack the wanted members of an archive into ``folder``, all of them or, on an error, none."""
    if folder.exists():
        return folder
    try:
        with zipfile.ZipFile(archive) as zip_file, folder_when_done(folder) as unfinished:
            for name, member in wanted_members(zip_file, archive).items():
                try:
                    with zip_file.open(member) as source, (unfinished / name).open("wb") as target:
                        shutil.copyfileobj(source, target, CHUNK_BYTES)
                except UNREADABLE as error:
                    raise DatasetError(
                        f"{archive}: {member.filename} cannot be read ({error}): get the zip again"
                    ) from error
    except zipfile.BadZipFile as error:
        raise DatasetError(f"{archive} is not a zip file or is cut short ({error}): get it again") from error
    return folder


def wanted_members(zip_file: zipfile.ZipFile, archive: Path) -> dict[str, zipfile.ZipInfo]:
    """The wanted members by file name; raises DatasetError for an incomplete archive and one not to be trusted."""
    members: dict[str, zipfile.ZipInfo] = {}
    for member in zip_file.infolist():
        *folders, name = re.split(r"[/\\]", member.filename)
        if ".." in folders or re.match(r"[/\\]|[A-Za-z]:", member.filename):
            raise DatasetError(
                f"{archive}: the member {member.filename!r} would be unpacked elsewhere: do not trust this zip"
            )
        if name in WANTED and "__MACOSX" not in folders:
            if name in members:
                raise DatasetError(f"{archive} holds {name} twice: {members[name].filename} and {member.filename}")
            members[name] = member
    require(CSV_FILES, set(members), archive)
    size, free = sum(member.file_size for member in members.values()), shutil.disk_usage(archive.parent).free
    if size > free:
        raise DatasetError(
            f"{archive} unpacks to {size:,} bytes, and {free:,} are free: make room, or do not trust this zip"
        )
    return members


def md5_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


# -- downloads ---------------------------------------------------------------------------------------------------------


def downloaded(dataset: str, cache: Path, base_url: str) -> Path:
    """The zip of a named dataset: from the cache if its MD5 is right, else from the server."""
    archive, published = cache / f"{dataset}.zip", cache / f"{dataset}.zip.md5"
    if archive.exists() and published.exists():
        if md5_of(archive) == published.read_text():
            return archive
        log.warning("%s is damaged and will be downloaded again", archive)
    url = f"{base_url.rstrip('/')}/{dataset}.zip"
    check_name_resolves(url)
    expected = published_md5(f"{url}.md5")
    part = cache / f"{dataset}.zip.part"
    fetch(url, part)
    if (actual := md5_of(part)) != expected:
        part.unlink()
        raise DatasetError(f"{url} has the MD5 {actual}, and GroupLens publishes {expected}: try again later")
    part.replace(archive)
    published.write_text(expected)
    return archive


def check_name_resolves(url: str) -> None:
    """Raise DownloadError within two seconds when the server's name is unknown; a resolver may take half a minute."""
    proxy = requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url))
    host = urlsplit(proxy or url).hostname
    found = threading.Event()

    def resolve() -> None:
        try:
            socket.getaddrinfo(host, None)
            found.set()
        except OSError:
            failed.set()

    failed = threading.Event()
    threading.Thread(target=resolve, daemon=True).start()
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline and not (found.is_set() or failed.is_set()):
        found.wait(0.02)
    if not found.is_set():
        raise DownloadError(f"{url} cannot be downloaded: the name {host} is unknown; is there internet?")


def published_md5(url: str) -> str:
    """The MD5 that the server publishes beside a zip."""
    for attempt in range(ATTEMPTS):
        try:
            response = requests.get(url, timeout=(CONNECT_SECONDS, READ_SECONDS))
            response.raise_for_status()
            if digest := re.search(r"\b[0-9a-f]{32}\b", response.text):
                return digest.group()
            raise DownloadError(f"{url} cannot be used: it holds no MD5 but {response.text[:60]!r}")
        except requests.RequestException as error:
            wait_or_give_up(url, attempt, error)
    raise AssertionError("the last attempt raises")


def fetch(url: str, part: Path) -> None:
    """Download into ``part``, going on where an earlier attempt ended."""
    for attempt in range(ATTEMPTS):
        start = part.stat().st_size if part.exists() else 0
        try:
            with requests.get(
                url, headers={"Range": f"bytes={start}-"}, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS)
            ) as response:
                if response.status_code == requests.codes.requested_range_not_satisfiable:
                    return  # nothing is missing; the MD5 will tell whether it is right
                response.raise_for_status()
                if response.status_code != requests.codes.partial_content:
                    start = 0
                receive(response, part, start)
                return
        except requests.RequestException as error:
            wait_or_give_up(url, attempt, error)


def receive(response: requests.Response, part: Path, start: int) -> None:
    """Write the body to ``part`` from byte ``start`` on and log each tenth; raises when the connection ends early."""
    missing = int(response.headers.get("Content-Length", 0))
    total, received, logged = start + missing, start, 0
    if missing > (free := shutil.disk_usage(part.parent).free):
        raise DatasetError(f"{response.url} has {missing:,} bytes, and {part.parent} has {free:,} free: make room")
    with part.open("r+b" if start else "wb") as file:
        file.seek(start)
        for chunk in response.iter_content(CHUNK_BYTES):
            file.write(chunk)
            received += len(chunk)
            if total and received * 10 // total > logged:
                logged = received * 10 // total
                log.info("%s: %d of %d MB", response.url, received >> 20, total >> 20)


def wait_or_give_up(url: str, attempt: int, error: requests.RequestException) -> None:
    """Sleep 1, 2, 4 ... seconds before the next attempt; raise DownloadError after the last, or where none can help."""
    refused = error.response is not None and error.response.status_code < 500
    if refused or attempt == ATTEMPTS - 1:
        raise DownloadError(f"{url} cannot be downloaded: {error}; try again, or give the path of a zip") from error
    log.warning("%s: attempt %d failed, trying again: %s", url, attempt + 1, error)
    time.sleep(2**attempt)

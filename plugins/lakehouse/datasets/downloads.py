"""Zips from GroupLens' file server: resumed, tried again, and checked against the MD5 that it publishes."""

import logging
import re
import shutil
import socket
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import requests

from lakehouse.datasets.archives import md5_of
from lakehouse.datasets.errors import DatasetError, DownloadError

log = logging.getLogger(__name__)

GROUPLENS = "https://files.grouplens.org/datasets/movielens"
ATTEMPTS = 4
CONNECT_SECONDS, READ_SECONDS = 3.05, 30
CHUNK_BYTES = 1 << 20


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
    time.sleep(2**attempt)  # a server with trouble gets longer each time

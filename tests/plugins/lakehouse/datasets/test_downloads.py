"""Downloads from a loopback server that misbehaves on request."""

import hashlib
import http.server
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lakehouse.datasets import DatasetError, DownloadError, downloads, open_dataset
from lakehouse.datasets.archives import WANTED
from tests.fixtures.datasets import CSV, contents, dataset_zip


class Server:
    """A file server on 127.0.0.1. ``faults`` are used up one per request for a zip: "cut", "500", or "" for none."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.faults: list[str] = []
        self.requests: list[tuple[str, str | None]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def offer(self, name: str, content: bytes, md5: str | None = None) -> None:
        self.files[f"/{name}.zip"] = content
        self.files[f"/{name}.zip.md5"] = f"MD5 ({name}.zip) = {md5 or hashlib.md5(content).hexdigest()}\n".encode()  # noqa: S324

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.requests.append((request.path, wanted))
        fault = self.faults.pop(0) if self.faults and request.path.endswith(".zip") else ""
        content = self.files.get(request.path)
        if content is None or fault == "500":
            request.send_error(404 if content is None else 500)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        request.send_response(206 if start else 200)
        request.send_header("Content-Length", str(len(content) - start))
        request.end_headers()
        request.wfile.write(content[start : start + len(content) // 2] if fault == "cut" else content[start:])

    def downloads(self) -> list[str | None]:
        """The Range header of every request for a zip."""
        return [wanted for path, wanted in self.requests if path.endswith(".zip")]


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(downloads.time, "sleep", lambda _: None)
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


def test_a_named_dataset_is_downloaded_once_and_then_needs_no_network(server, tmp_path):
    server.offer("ml-20m", dataset_zip())

    first = open_dataset("ml-20m", tmp_path, base_url=server.url)
    again = open_dataset("ml-20m", tmp_path, base_url="http://127.0.0.1:1")

    assert first == again
    assert (first.name, first.synthetic) == ("ml-20m", False)
    assert contents(first.folder) == CSV, "only the wanted members are unpacked"
    assert len(server.downloads()) == 1


def test_a_cut_download_goes_on_where_it_ended(server, tmp_path):
    server.offer("ml-20m", dataset_zip())
    server.faults = ["cut"]

    assert contents(open_dataset("ml-20m", tmp_path, base_url=server.url).folder) == CSV
    assert server.downloads() == ["bytes=0-", f"bytes={downloads.CHUNK_BYTES}-"]


def test_a_download_that_an_earlier_process_began_goes_on(server, tmp_path):
    content = dataset_zip()
    server.offer("ml-20m", content)
    (tmp_path / "ml-20m.zip.part").write_bytes(content[:1000])

    assert contents(open_dataset("ml-20m", tmp_path, base_url=server.url).folder) == CSV
    assert server.downloads() == ["bytes=1000-"]


def test_a_server_error_is_tried_again(server, tmp_path):
    server.offer("ml-20m", dataset_zip())
    server.faults = ["500", "500"]

    assert contents(open_dataset("ml-20m", tmp_path, base_url=server.url).folder) == CSV
    assert len(server.downloads()) == 3


def test_a_wrong_md5_is_refused_and_nothing_is_cached(server, tmp_path):
    server.offer("ml-20m", dataset_zip(), md5="0" * 32)

    with pytest.raises(DatasetError, match=r"ml-20m\.zip has the MD5 .* GroupLens publishes 0{32}"):
        open_dataset("ml-20m", tmp_path, base_url=server.url)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_damaged_cached_zip_is_downloaded_again(server, tmp_path):
    server.offer("ml-20m", dataset_zip())
    open_dataset("ml-20m", tmp_path, base_url=server.url)
    (tmp_path / "ml-20m.zip").write_bytes(b"rotten")

    assert contents(open_dataset("ml-20m", tmp_path, base_url=server.url).folder) == CSV
    assert len(server.downloads()) == 2


def test_a_page_instead_of_an_md5_is_no_download(server, tmp_path):
    server.offer("ml-20m", dataset_zip())
    server.files["/ml-20m.zip.md5"] = b"<html>Please log in to the guest network</html>"

    with pytest.raises(DownloadError, match="holds no MD5 but '<html>Please log in"):
        open_dataset("ml-20m", tmp_path, base_url=server.url)


def test_a_dataset_that_the_server_lacks_is_not_tried_again(server, tmp_path):
    with pytest.raises(DownloadError, match=r"ml-32m\.zip\.md5 cannot be downloaded: 404"):
        open_dataset("ml-32m", tmp_path, base_url=server.url)
    assert len(server.requests) == 1


def test_no_internet_is_noticed_within_two_seconds(tmp_path, monkeypatch):
    monkeypatch.setattr(downloads.socket, "getaddrinfo", lambda *_: threading.Event().wait(30))
    started = time.monotonic()

    with pytest.raises(DownloadError, match=r"the name grouplens\.invalid is unknown; is there internet"):
        open_dataset("ml-25m", tmp_path, base_url="http://grouplens.invalid")
    assert time.monotonic() - started < 3


def test_a_disk_too_small_is_noticed_before_the_download(server, tmp_path, monkeypatch):
    server.offer("ml-20m", dataset_zip())
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))

    with pytest.raises(DatasetError, match=r"has [\d,]+ bytes, and .* has 1,000 free: make room"):
        open_dataset("ml-20m", tmp_path, base_url=server.url)


def test_parallel_runs_download_once(server, tmp_path):
    server.offer("ml-20m", dataset_zip())

    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: open_dataset("ml-20m", tmp_path, base_url=server.url), range(4)))

    assert opened == [opened[0]] * 4
    assert len(server.downloads()) == 1


def test_the_default_falls_back_to_the_sample_loudly(server, tmp_path, caplog):
    server.http.shutdown()
    server.http.server_close()

    with caplog.at_level(logging.WARNING):
        opened = open_dataset("ml-latest-small", tmp_path, base_url=server.url)

    assert (opened.name, opened.synthetic) == ("sample", True)
    assert "USING THE SYNTHETIC SAMPLE INSTEAD OF ml-latest-small" in caplog.text
    assert {*WANTED} == {path.name for path in opened.folder.iterdir()}


def test_other_datasets_do_not_fall_back(server, tmp_path):
    server.http.shutdown()
    server.http.server_close()

    with pytest.raises(DatasetError, match=r"ml-25m\.zip\.md5 cannot be downloaded: .*give the path of a zip"):
        open_dataset("ml-25m", tmp_path, base_url=server.url)


def test_a_wrong_md5_does_not_fall_back_to_the_sample(server, tmp_path):
    server.offer("ml-latest-small", dataset_zip(), md5="0" * 32)

    with pytest.raises(DatasetError, match="has the MD5"):
        open_dataset("ml-latest-small", tmp_path, base_url=server.url)

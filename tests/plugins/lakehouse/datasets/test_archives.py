"""Archives of every broken kind, and those that are in order."""

import pytest

from lakehouse.datasets import DatasetError, archives, open_dataset
from tests.fixtures.datasets import CSV, contents, dataset_zip, zip_of


def test_a_folder_and_a_zip_give_the_same_files(tmp_path):
    folder = tmp_path / "my data"
    folder.mkdir()
    for name, content in CSV.items():
        (folder / name).write_bytes(content)
    (tmp_path / "my data.zip").write_bytes(dataset_zip(folder=""))

    from_folder = open_dataset(str(folder), tmp_path / "cache")
    from_zip = open_dataset(str(tmp_path / "my data.zip"), tmp_path / "cache")

    assert contents(from_folder.folder) == contents(from_zip.folder) == CSV
    assert from_folder.name == from_zip.name == "my-data"


def test_a_changed_zip_is_unpacked_anew(tmp_path):
    archive = tmp_path / "mine.zip"
    archive.write_bytes(dataset_zip())
    before = open_dataset(str(archive), tmp_path / "cache")
    archive.write_bytes(zip_of(CSV | {"links.csv": b"changed"}))

    after = open_dataset(str(archive), tmp_path / "cache")

    assert contents(after.folder)["links.csv"] == b"changed"
    assert contents(before.folder) == CSV


def crc_error() -> bytes:
    content = bytearray(dataset_zip())
    content[content.index(b"links.csv\r\n") + 40] ^= 1
    return bytes(content)


def encrypted() -> bytes:
    content = bytearray(dataset_zip())
    for signature, flags in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        position = -1
        while (position := content.find(signature, position + 1)) >= 0:
            content[position + flags] |= 1
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>not found</html>", "is not a zip file or is cut short"),
        (dataset_zip()[:-300], "is not a zip file or is cut short"),
        (b"", "is not a zip file or is cut short"),
        (crc_error(), "links.csv cannot be read .*CRC.*get the zip again"),
        (encrypted(), "cannot be read .*encrypted"),
        (zip_of(CSV | {"../../evil.csv": b"x"}), "'../../evil.csv' would be unpacked elsewhere"),
        (zip_of(CSV | {"/etc/evil.csv": b"x"}), "'/etc/evil.csv' would be unpacked elsewhere"),
        (zip_of(CSV | {"a\\..\\evil.csv": b"x"}), "would be unpacked elsewhere"),
        (zip_of(CSV | {"C:evil.csv": b"x"}), "would be unpacked elsewhere"),
        (zip_of({"ratings.csv": b"x", "movies.csv": b"x"}), "has no tags.csv, links.csv: a dataset holds"),
        (zip_of(CSV | {"old/links.csv": b"x"}), "holds links.csv twice: links.csv and old/links.csv"),
    ],
    ids=["html", "cut", "empty", "crc", "encrypted", "dotdot", "absolute", "backslash", "drive", "incomplete", "twice"],
)
def test_a_broken_zip_is_refused_and_leaves_nothing(tmp_path, content, message):
    archive = tmp_path / "bad.zip"
    archive.write_bytes(content)
    cache = tmp_path / "cache"

    with pytest.raises(DatasetError, match=rf"bad\.zip.*{message}"):
        open_dataset(str(archive), cache)
    assert [path.name for path in cache.iterdir()] == [".lock"]


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    archive = tmp_path / "bomb.zip"
    archive.write_bytes(dataset_zip())
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))

    with pytest.raises(DatasetError, match=r"bomb\.zip unpacks to [\d,]+ bytes, and 1,000 are free"):
        open_dataset(str(archive), tmp_path / "cache")


def test_macos_leftovers_in_a_zip_do_no_harm(tmp_path):
    archive = tmp_path / "mac.zip"
    archive.write_bytes(zip_of(CSV | {"__MACOSX/ratings.csv": b"resource fork"}))

    assert contents(open_dataset(str(archive), tmp_path / "cache").folder) == CSV

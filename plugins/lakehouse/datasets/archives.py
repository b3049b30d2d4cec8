"""Zips of CSV files: unpacked whole or not at all, and refused when they are not to be trusted."""

import hashlib
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lakehouse.datasets.errors import DatasetError

CSV_FILES = ("ratings.csv", "tags.csv", "movies.csv", "links.csv")
WANTED = (*CSV_FILES, "README.txt")
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What zipfile raises on damaged, cut, encrypted and oddly compressed members."""


def unpacked(archive: Path, folder: Path) -> Path:
    """Unpack the wanted members of an archive into ``folder``, all of them or, on an error, none."""
    if folder.exists():
        return folder
    try:
        with zipfile.ZipFile(archive) as zip_file, folder_when_done(folder) as unfinished:
            for name, member in wanted_members(zip_file, archive).items():
                try:
                    with zip_file.open(member) as source, (unfinished / name).open("wb") as target:
                        shutil.copyfileobj(source, target)
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
    require_csv_files(set(members), archive)
    size, free = sum(member.file_size for member in members.values()), shutil.disk_usage(archive.parent).free
    if size > free:
        raise DatasetError(
            f"{archive} unpacks to {size:,} bytes, and {free:,} are free: make room, or do not trust this zip"
        )
    return members


def md5_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def require_csv_files(present: set[str], where: Path) -> None:
    """Raise DatasetError unless all four are there."""
    if missing := [name for name in CSV_FILES if name not in present]:
        raise DatasetError(f"{where} has no {', '.join(missing)}: a dataset holds {', '.join(CSV_FILES)}")


@contextmanager
def folder_when_done(folder: Path) -> Iterator[Path]:
    """A temporary folder that takes its final name when the block succeeds and is deleted when it does not."""
    unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=folder.parent))
    try:
        yield unfinished
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)

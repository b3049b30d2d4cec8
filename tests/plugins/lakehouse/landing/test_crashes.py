"""Landing in spite of crashes and competitors: once and whole."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from lakehouse import landing
from lakehouse.landing import land_dataset, objects, tables
from tests.fixtures.landing import ROWS

pytestmark = pytest.mark.integration


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


def test_what_a_killed_landing_left_is_removed(stack, catalog, dataset):
    left = stack.state / "datasets" / ".landing-killed"
    left.mkdir(parents=True)

    land_dataset(str(dataset.folder))

    assert not left.exists()

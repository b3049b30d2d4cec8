"""Late, corrected and withdrawn rows: which months of the lake a new version of a dataset touches."""

import pytest

from lakehouse.changes import changed_months, months_in_lake
from lakehouse.datasets import Dataset
from lakehouse.landing import land
from lakehouse.landing.csv_files import COLUMNS
from tests.fixtures.lake import append, month, rewind

pytestmark = pytest.mark.integration

MARCH, APRIL, MAY = month("2001-03"), month("2001-04"), month("2001-05")
BRONZE = ("bronze.ratings", "bronze.tags", "bronze.movies")
FILES = {
    "ratings": ["1,7,4.0,983500000", "2,7,3.0,983500001", "1,8,5.0,986200000"],  # two in March, one in April
    "tags": ["1,7,dark,983500000"],
    "movies": ["7,Heat (1995),Crime", "8,Se7en (1995),Crime"],
    "links": ["7,1,1", "8,2,2"],
}


@pytest.fixture
def lake(lake_tables):
    rewind(lake_tables, *BRONZE)
    yield lake_tables
    rewind(lake_tables, *BRONZE)


@pytest.fixture
def landed(lake, s3, tmp_path):
    """A function that lands the files with some of them changed and returns the manifest."""
    versions = []

    def landed(**changed):
        folder = tmp_path / str(len(versions))
        folder.mkdir()
        versions.append(folder)
        for table, lines in (FILES | changed).items():
            text = "\n".join([",".join(COLUMNS[table]), *lines])
            (folder / f"{table}.csv").write_text(f"{text}\n")
        return land(Dataset("changing", folder, synthetic=False), s3, "lake", lake)

    return landed


@pytest.fixture
def loaded(lake, landed):
    """The first version, as bronze has it after a run."""
    manifest = landed()
    dataset = f"{manifest.dataset}@{manifest.version}"
    for each in (MARCH, APRIL):
        append(lake.load_table("bronze.ratings"), [{"_event_month": each, "_dataset": dataset}])
    append(lake.load_table("bronze.tags"), [{"_event_month": MARCH, "_dataset": dataset}])
    append(lake.load_table("bronze.movies"), [{"movieId": movie} for movie in ("7", "8")])
    return {manifest.version: manifest}


@pytest.fixture
def changed(lake, loaded, landed):
    """A function that gives the months that a version with changed files touches."""

    def changed(**files):
        manifest = landed(**files)
        return changed_months(lake, manifest, lambda _, version: loaded[version])

    return changed


def test_the_same_version_touches_no_month(lake, loaded):
    (manifest,) = loaded.values()

    assert changed_months(lake, manifest, lambda *_: manifest) == set()
    assert months_in_lake(lake) == {MARCH, APRIL}


def test_every_month_of_the_first_version_is_new(lake, landed):
    assert changed_months(lake, landed(), lambda *_: None) == {MARCH, APRIL}


@pytest.mark.parametrize(
    ("ratings", "months"),
    [
        (["3,8,1.0,983499999", *FILES["ratings"]], {MARCH}),  # late, and all lines after it move down
        ([*FILES["ratings"], "3,8,1.0,988700000"], {MAY}),
        ([FILES["ratings"][0], FILES["ratings"][1], "1,8,4.5,986200000"], {APRIL}),
        (FILES["ratings"][:2], {APRIL}),
        ([FILES["ratings"][0], "2,7,3.0,986200001", FILES["ratings"][2]], {MARCH, APRIL}),
    ],
    ids=["added", "a new month", "corrected", "withdrawn", "moved"],
)
def test_only_months_with_other_rows_are_touched(changed, ratings, months):
    assert changed(ratings=ratings) == months


def test_a_tag_touches_its_month(changed):
    assert changed(tags=["1,7,dark,983500000", "1,8,bright,986200000"]) == {APRIL}


def test_a_movie_that_came_or_went_touches_the_months_in_which_it_was_rated(changed):
    assert changed(movies=FILES["movies"][:1]) == {APRIL}
    assert changed(movies=[*FILES["movies"], "9,Alien (1979),Horror"]) == set()


def test_a_broken_line_of_the_catalogue_is_no_movie(changed):
    assert changed(movies=[*FILES["movies"], "9,half a line"]) == set()


def test_a_title_alone_touches_no_month(changed):
    assert changed(movies=["7,Heat (1996),Crime", FILES["movies"][1]]) == set()


def test_a_month_that_was_landed_before_there_were_digests_counts_as_changed(lake, loaded, landed):
    (manifest,) = loaded.values()
    manifest.digests["ratings"].pop("2001-03")
    new = landed(links=["7,1,1"])

    assert changed_months(lake, new, lambda *_: manifest) == {MARCH}

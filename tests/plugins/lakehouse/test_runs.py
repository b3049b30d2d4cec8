"""What a run is for: the month of its date, or a range, and the rows without a readable time once."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from pyiceberg.exceptions import NoSuchTableError

from lakehouse.landing import Manifest
from lakehouse.runs import NoMonthsError, is_idle, plan, start_run, unknown_month_is_due
from spark_jobs.common.months import Months
from spark_jobs.common.run import Run
from tests.fixtures.lake import STARTED_AT, VERSION, append, month, new_run, rewind

MARCH, MAY = month("2001-03"), month("2001-05")
TABLES = ("quarantine.ratings", "quarantine.tags", "bronze.ratings", "bronze.tags", "bronze.movies")
MANIFEST = Manifest(
    dataset="tiny",
    version=VERSION,
    synthetic=False,
    landed_at="2026-11-22T12:00:00+00:00",
    files={},
    months={"ratings": {"2001-03": 4}, "tags": {"2001-05": 1}},
    unknown_month={"ratings": 0, "tags": 0},
    objects=4,
)
WITH_UNKNOWN = replace(MANIFEST, unknown_month={"ratings": 2, "tags": 0})


class NoLake:
    """A catalog before the first run."""

    def load_table(self, name):
        raise NoSuchTableError(name)


@pytest.fixture
def lake(lake_tables):
    rewind(lake_tables, *TABLES)
    yield lake_tables
    rewind(lake_tables, *TABLES)


def months_of(catalog, manifest=MANIFEST, *, from_month=None, to_month=None, ds=None, changed=(), only_changed=False):
    options = {
        "from_month": from_month,
        "to_month": to_month,
        "ds": ds,
        "top_movies_min_ratings": 7,
        "code_version": "v1",
    }
    options |= {"changed": changed, "only_changed": only_changed}
    return plan("test", STARTED_AT, manifest, catalog, **options).months


def test_a_run_is_planned_from_its_manifest():
    run = plan(
        "test",
        STARTED_AT,
        MANIFEST,
        NoLake(),
        from_month=None,
        to_month=None,
        ds="2001-03-17",
        changed=(),
        only_changed=False,
        top_movies_min_ratings=7,
        code_version="v1",
    )

    assert run == Run("test", "tiny", VERSION, Months.between(MARCH, MARCH), STARTED_AT, 7, "v1")


@pytest.mark.parametrize(
    ("options", "first", "last"),
    [
        ({"ds": "2001-03-01"}, MARCH, MARCH),
        ({"ds": "2001-03-31"}, MARCH, MARCH),
        ({"from_month": "2001-03", "to_month": "2001-05"}, MARCH, MAY),
        ({"from_month": "2001-03", "to_month": "2001-03"}, MARCH, MARCH),
        ({"from_month": "2001-03", "to_month": "2001-05", "ds": "2010-01-01"}, MARCH, MAY),
        ({"to_month": "2001-05"}, date(1995, 1, 1), MAY),
    ],
    ids=str,
)
def test_a_range_comes_before_the_date_of_the_run(options, first, last):
    assert months_of(NoLake(), **options) == Months.between(first, last)


def test_an_open_range_ends_with_the_current_month():
    before = datetime.now(UTC).date().replace(day=1)
    months = months_of(NoLake(), from_month="2001-03")

    ((first, last),) = months.spans
    assert first == MARCH
    assert last in {before, datetime.now(UTC).date().replace(day=1)}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [MARCH, MAY]),
        ({"ds": "2010-01-01"}, [MARCH, MAY]),
        ({"from_month": "2001-04"}, [MAY]),
        ({"to_month": "2001-03"}, [MARCH]),
        ({"from_month": "2002-01"}, []),
    ],
    ids=str,
)
def test_only_changed_months_of_the_range_are_taken(options, expected):
    months = months_of(NoLake(), changed={MAY, MARCH}, only_changed=True, **options)

    assert months == Months.of_each(expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "no logical date"),
        ({"from_month": "2001-05", "to_month": "2001-03"}, "from_month 2001-05 is later than to_month 2001-03"),
        ({"from_month": "2001-13"}, "'2001-13' is not a month"),
        ({"to_month": "May 2001"}, "'May 2001' is not a month"),
    ],
    ids=str,
)
def test_a_run_without_months_is_refused(options, message):
    with pytest.raises(NoMonthsError, match=message):
        months_of(NoLake(), **options)


def test_before_the_first_run_the_unknown_month_is_due_if_it_has_rows():
    assert months_of(NoLake(), WITH_UNKNOWN, ds="2001-03-01").unknown is True
    assert months_of(NoLake(), ds="2001-03-01").unknown is False


FILED = {"_source": "file", "_dataset": f"tiny@{VERSION}"}


def test_the_unknown_month_is_due_until_quarantine_has_the_rows_of_this_version(lake):
    assert unknown_month_is_due(lake, MANIFEST) is False
    assert unknown_month_is_due(lake, WITH_UNKNOWN) is True

    append(lake.load_table("quarantine.ratings"), [FILED | {"_event_month": MARCH}])
    assert unknown_month_is_due(lake, WITH_UNKNOWN) is True

    append(lake.load_table("quarantine.ratings"), [FILED, FILED | {"_source": "stream", "_dataset": "tiny@another"}])
    assert unknown_month_is_due(lake, WITH_UNKNOWN) is False


def test_rows_without_a_time_of_another_version_have_to_go(lake):
    append(lake.load_table("quarantine.tags"), [FILED | {"_dataset": "tiny@another"}])

    assert unknown_month_is_due(lake, MANIFEST) is True


def test_a_run_is_idle_where_neither_dataset_nor_lake_has_rows(lake):
    of_this_version = {"lakehouse.dataset": f"tiny@{VERSION}"}
    append(lake.load_table("bronze.movies"), [{"movieId": "7"}], **of_this_version)
    assert is_idle(new_run("2001-04"), MANIFEST, lake) is True

    assert is_idle(new_run("2001-03"), MANIFEST, lake) is False  # ratings were landed
    assert is_idle(new_run("2001-05"), MANIFEST, lake) is False  # tags were landed
    assert is_idle(new_run("2001-04", unknown=True), MANIFEST, lake) is False
    assert is_idle(replace(new_run("2001-04"), version="another"), MANIFEST, lake) is False  # a new catalogue
    assert is_idle(new_run("2001-04"), MANIFEST, NoLake()) is True
    assert is_idle(new_run("2001-03"), MANIFEST, NoLake()) is False

    append(lake.load_table("bronze.tags"), [{"_event_month": month("2001-04")}])
    assert is_idle(new_run("2001-04"), MANIFEST, lake) is False  # rows that have to go


@pytest.fixture
def landing(monkeypatch, lake):
    """A landing that only says what it landed."""
    asked = []
    monkeypatch.setenv("AIRFLOW_VAR_LAKEHOUSE_DATASET", "of the settings")
    monkeypatch.setenv("AIRFLOW_VAR_LAKEHOUSE_TOP_MOVIES_MIN_RATINGS", "3")
    monkeypatch.setattr("lakehouse.runs.changed_months", lambda *_: {MARCH, MAY})
    monkeypatch.setattr("lakehouse.runs.land_dataset", lambda dataset: asked.append(dataset) or MANIFEST)
    return asked


NO_PARAMS = {"dataset": None, "from_month": None, "to_month": None, "only_changed": False}


def test_a_run_starts_with_the_dataset_of_its_params_or_of_the_settings(landing):
    started = [start_run("test", NO_PARAMS | {"dataset": name}, "2001-03-01") for name in ("mine", None)]

    assert landing == ["mine", "of the settings"]
    run = Run.from_json(json.loads(json.dumps(started[0])))
    assert (run.run_id, run.months, run.top_movies_min_ratings) == ("test", Months.between(MARCH, MARCH), 3)


def test_a_run_with_nothing_to_do_is_skipped(landing, lake):
    append(lake.load_table("bronze.movies"), [{"movieId": "7"}], **{"lakehouse.dataset": f"tiny@{VERSION}"})

    with pytest.raises(AirflowSkipException, match="No ratings or tags in 2001-04, "):
        start_run("test", NO_PARAMS, "2001-04-01")


def test_a_run_for_changed_months_names_them_and_is_skipped_without_any(landing, lake, monkeypatch, caplog):
    append(lake.load_table("bronze.movies"), [{"movieId": "7"}], **{"lakehouse.dataset": f"tiny@{VERSION}"})
    run = start_run("test", NO_PARAMS | {"only_changed": True}, None)
    assert run["months"] == Months.of_each([MARCH, MAY]).to_json()

    monkeypatch.setattr("lakehouse.runs.changed_months", lambda *_: set())
    with pytest.raises(AirflowSkipException, match=f"The lake has what tiny@{VERSION} has in all months"):
        start_run("test", NO_PARAMS | {"only_changed": True}, None)


def test_a_run_warns_of_other_months_of_the_lake_that_changed(landing, lake, caplog):
    append(lake.load_table("bronze.ratings"), [{"_event_month": MAY, "_dataset": "tiny@old"}])

    start_run("test", NO_PARAMS, "2001-03-01")

    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        f"tiny@{VERSION} has other rows than the lake in 2001-05 too: trigger a run with only_changed for them"
    ]


def test_a_range_is_never_skipped(landing, lake):
    append(lake.load_table("bronze.movies"), [{"movieId": "7"}], **{"lakehouse.dataset": f"tiny@{VERSION}"})

    run = start_run("test", NO_PARAMS | {"from_month": "2001-04", "to_month": "2001-04"}, None)

    assert run["months"] == Months.between(month("2001-04"), month("2001-04")).to_json()


def test_what_trying_again_would_not_mend_fails_at_once(landing):
    with pytest.raises(AirflowFailException, match="no logical date"):
        start_run("test", NO_PARAMS, None)


def test_a_broken_dataset_fails_at_once(stack, catalog):
    with pytest.raises(AirflowFailException, match="nowhere"):
        start_run("test", NO_PARAMS | {"dataset": "/nowhere"}, "2001-03-01")

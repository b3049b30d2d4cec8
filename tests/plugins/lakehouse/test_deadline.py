"""By when a run should have ended. That Airflow notices a missed deadline is tested in integration/test_alerts.py."""

from datetime import UTC, datetime, timedelta

import pytest
from airflow.secrets.metastore import MetastoreBackend

from lakehouse.deadline import EndOfRun

SESSION = object()


@pytest.fixture
def minutes_of(monkeypatch):
    """A function that returns the minutes from now to the end of a run, with a value of the variable."""

    def minutes_of(run_id, value=None):
        variables = {("lakehouse_deadline_minutes", SESSION): value}
        monkeypatch.setattr(MetastoreBackend, "get_variable", lambda _, key, session: variables[key, session])
        end = EndOfRun()._evaluate_with(session=SESSION, run_id=run_id)
        return end and round((end - datetime.now(UTC)) / timedelta(minutes=1), 1)

    return minutes_of


@pytest.mark.parametrize("run_id", ["manual__2026-11-22", "scheduled__2026-12-01"])
def test_a_run_has_two_hours_or_what_the_variable_says(minutes_of, run_id):
    assert minutes_of(run_id) == 120
    assert minutes_of(run_id, "2.5") == 2.5


def test_the_runs_of_a_backfill_wait_for_each_other_and_have_no_deadline(minutes_of):
    assert minutes_of("backfill__2001-06-01") is None


@pytest.mark.parametrize("value", ["soon", "inf", "nan", "1e300"])
def test_a_variable_that_is_no_number_of_minutes_keeps_no_run_from_starting(minutes_of, caplog, value):
    assert minutes_of("manual__2026-11-22", value) == 120

    assert f"lakehouse_deadline_minutes is {value!r}, not a number of minutes: 120 are taken" in caplog.text

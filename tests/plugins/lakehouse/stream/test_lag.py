"""The lag that grows from run to run is told."""

from datetime import datetime, timedelta

import pytest

from lakehouse.stream.lag import BATCHES, growing_lag
from tests.fixtures.lake import append, rewind

pytestmark = pytest.mark.integration


@pytest.fixture
def keep(lake_tables):
    """A function that keeps batches, given as (run, lag), in their order."""
    rewind(lake_tables, BATCHES)

    def keep(*batches):
        start = datetime(2026, 11, 1)
        rows = [
            {"run_id": run, "lag": lag, "published_at": start + timedelta(minutes=number)}
            for number, (run, lag) in enumerate(batches)
        ]
        append(lake_tables.load_table(BATCHES), rows)
        return lake_tables

    yield keep
    rewind(lake_tables, BATCHES)


def test_more_and_more_after_three_runs_is_told(keep):
    catalog = keep(("a", 900), ("a", 0), ("b", 10), ("c", 700), ("c", 20))

    assert growing_lag(catalog, "c", 3) == [0, 10, 20]


@pytest.mark.parametrize(
    "batches",
    [
        [("b", 10), ("c", 20)],
        [("a", 0), ("b", 20), ("c", 20)],
        [("a", 30), ("b", 10), ("c", 20)],
        [("a", 0), ("b", 10), ("c", 20), ("d", 30)],
    ],
)
def test_anything_else_is_not(keep, batches):
    assert growing_lag(keep(*batches), "c", 3) == []

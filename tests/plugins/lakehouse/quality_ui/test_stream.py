"""What the page of the stream says of it."""

from datetime import UTC, datetime, timedelta

import pytest

from lakehouse.quality_ui.stream import read_stream
from lakehouse.stream.lag import BATCHES
from tests.fixtures.lake import append, rewind

pytestmark = pytest.mark.integration
AT = datetime(2026, 11, 1, tzinfo=UTC)


def test_before_the_first_batch_there_is_nothing(lake_tables):
    rewind(lake_tables, BATCHES)

    assert read_stream(lake_tables) is None


def test_batches_are_added_up_and_drawn(lake_tables):
    rewind(lake_tables, BATCHES)
    batch = {"run_id": "a", "topic": "ratings", "newest_at": AT, "started_at": AT, "published_at": AT}
    rows = [
        batch | {"events": 100, "rejected": 5, "lag": 7, "published_at": AT + timedelta(seconds=4)},
        batch | {"events": 300, "rejected": 0, "lag": 0, "newest_at": AT + timedelta(seconds=1)},
    ]
    append(lake_tables.load_table(BATCHES), rows)

    stream = read_stream(lake_tables)

    rewind(lake_tables, BATCHES)
    assert (stream.events, stream.rejected, stream.newest_at) == (400, 5, AT + timedelta(seconds=1))
    assert [(each["events"], each["a_second"]) for each in stream.batches] == [(100, 25.0), (300, 0.0)]
    assert [(chart.title.split()[0], chart.high) for chart in stream.charts] == [
        ("Messages", "7"),
        ("Messages", "25"),
        ("Rejected,", "5.00"),
    ]

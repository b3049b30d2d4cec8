"""How the stream goes, from what is kept of its batches."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyiceberg.catalog import Catalog

from lakehouse.quality_ui.charts import LineChart, line_chart
from lakehouse.stream.lag import BATCHES
from spark_jobs.common.lake import written_table

IN_CHART, LISTED = 120, 30


@dataclass(frozen=True)
class Stream:
    """Messages taken in and rejected in all, the last batches (the latest first), and charts over more of them."""

    events: int
    rejected: int
    batches: list[dict[str, Any]]
    charts: list[LineChart]

    @property
    def newest_at(self) -> datetime:
        """The time of the newest message, UTC."""
        newest: datetime = max(batch["newest_at"] for batch in self.batches)
        return newest


def read_stream(catalog: Catalog) -> Stream | None:
    """The state of the stream; None before its first batch."""
    table = written_table(catalog, BATCHES)
    batches = table.scan().to_arrow().sort_by("published_at").to_pylist() if table else []
    if not batches:
        return None
    for batch in batches:
        seconds = (batch["published_at"] - batch["started_at"]).total_seconds()
        batch |= {"seconds": seconds, "a_second": batch["events"] / seconds if seconds else 0.0}
    recent = [(f"{batch['published_at']:%Y-%m-%d %H:%M:%S}", batch) for batch in batches[-IN_CHART:]]
    return Stream(
        sum(batch["events"] for batch in batches),
        sum(batch["rejected"] for batch in batches),
        batches[::-1][:LISTED],
        [
            line_chart("Messages that waited after each batch", [(at, batch["lag"]) for at, batch in recent]),
            line_chart("Messages a second", [(at, batch["a_second"]) for at, batch in recent]),
            line_chart(
                "Rejected, in percent",
                [(at, 100 * batch["rejected"] / batch["events"]) for at, batch in recent],
                form=".2f",
            ),
        ],
    )

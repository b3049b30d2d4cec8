"""How far a topic has been read, told by the table; which offsets come next, and which are lost."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pyiceberg.catalog import Catalog
from pyiceberg.conversions import from_bytes
from pyiceberg.expressions import EqualTo
from pyiceberg.table import Table
from pyiceberg.table.refs import MAIN_BRANCH
from pyiceberg.types import LongType

from lakehouse.stream.topic import Ranges, Topic, TopicError
from spark_jobs.common.lake import count_rows, head

GAPS = "ops.stream_gaps"


@dataclass(frozen=True)
class Gap:
    """Offsets of a partition that are gone from the topic before they were read.

    With a topic that was made again all are; then there is neither partition nor offset. ``reason`` is a sentence.
    """

    reason: str
    partition: int | None = None
    first_offset: int | None = None
    next_offset: int | None = None

    def as_row(self, topic: Topic, accepted_by: str | None, run_id: str) -> dict[str, Any]:
        """The row of ``ops.stream_gaps``."""
        accepted = {"accepted_by": accepted_by, "accepted_at": datetime.now(UTC), "run_id": run_id}
        return vars(self) | {"topic": topic.name, "topic_id": topic.id} | accepted


@dataclass(frozen=True)
class Progress:
    """The offset to read next, by partition, and what is lost before it."""

    next: dict[int, int]
    gaps: list[Gap]


def progress(catalog: Catalog, table: Table, topic: Topic) -> Progress:
    """What to read next of a topic.

    The first time, reading begins at what the topic still has. What was lost since and accepted as lost is skipped.

    Raises:
        TopicError: the topic ends before what was read of it.
    """
    read = read_so_far(table, topic.id)
    of_topic = EqualTo(term="topic_id", value=topic.id)
    accepted = catalog.load_table(GAPS).scan(row_filter=of_topic).to_arrow().to_pylist()
    gaps = []
    if not read and not accepted:
        if count_rows(table, head(table, MAIN_BRANCH)) == 0:
            return Progress(dict(topic.earliest), [])
        gaps.append(Gap(f"The topic {topic.name} was made again, and what nobody had read of the former one is gone"))
    for gap in accepted:
        if gap["partition"] is not None:
            read[gap["partition"]] = max(read.get(gap["partition"], 0), gap["next_offset"])
    for partition, earliest in sorted(topic.earliest.items()):
        begin, end = read.setdefault(partition, 0), topic.latest[partition]
        if begin < earliest:
            lost = f"offsets {begin} to {earliest - 1} are gone, {earliest - begin} messages"
            gaps.append(Gap(f"{topic.name}/{partition}: {lost}", partition, begin, earliest))
            read[partition] = earliest
        if end < begin:
            raise TopicError(
                f"{topic.name}/{partition} ends at offset {end} and was read up to {begin}: the broker has lost "
                "messages that the lake has. Make the topic again, so that no offset is used twice"
            )
    return Progress({partition: read[partition] for partition in topic.earliest}, gaps)


def read_so_far(table: Table, topic_id: str) -> dict[int, int]:
    """The offset after the last one in the table, by partition, from the bounds that Iceberg keeps of every file."""
    offset = table.schema().find_field("offset").field_id
    found: dict[int, int] = {}
    for task in table.scan(row_filter=EqualTo(term="_topic_id", value=topic_id)).plan_files():
        partition = task.file.partition[1]
        last = int(from_bytes(LongType(), task.file.upper_bounds[offset]))
        found[partition] = max(found.get(partition, 0), last + 1)
    return found


def next_ranges(begin: dict[int, int], until: dict[int, int], most: int) -> Ranges:
    """What to read of the partitions that have something, up to ``most`` messages in all, of each its share."""
    waiting = {each: end - begin[each] for each, end in until.items() if each in begin and end > begin[each]}
    share = min(1.0, most / max(1, sum(waiting.values())))
    return {each: (begin[each], begin[each] + max(1, int(count * share))) for each, count in waiting.items()}

"""Keep the lake small and quick: what the DAG ``movielens_maintenance`` does, one module a step.

Every step decides what to do from the state of the lake, in commits of the catalog that leave it before or after, never
between. So each may be stopped anywhere and repeated, and what a parallel load has changed meanwhile is left for the
next time. A step returns a line for each thing that it did, or would do in a dry run.
"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from pyiceberg.catalog import Catalog
from pyiceberg.table import Table


@dataclass(frozen=True)
class Plan:
    """What a run may remove, decided once for all of its steps. Times are UTC; ``*_before`` are ages.

    ``keep_releases``: so many of the latest releases stay, however old they are.
    """

    dry_run: bool
    keep_releases: int
    releases_before: datetime
    branches_before: datetime
    snapshots_before: datetime
    orphans_before: datetime
    landing_before: datetime
    quality_before: datetime

    @classmethod
    def of(cls, params: dict[str, Any], *, by_hand: bool, now: datetime | None = None) -> Self:
        """The plan of a run with these params; one started by hand is a dry run unless it is asked to be none."""
        now = now or datetime.now(UTC)
        names = ("releases", "branches", "snapshots", "orphans", "landing", "quality")
        ages = {f"{name}_before": now - timedelta(days=params[f"{name}_days"]) for name in names}
        dry_run = by_hand if params["dry_run"] is None else params["dry_run"]
        return cls(dry_run=dry_run, keep_releases=params["keep_releases"], **ages)

    def to_json(self) -> dict[str, Any]:
        return {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        times = {name: datetime.fromisoformat(each) for name, each in value.items() if name.endswith("_before")}
        return cls(**value | times)


def all_tables(catalog: Catalog) -> dict[str, Table]:
    """Every table of the catalog by name, those of people's own schemas too."""
    names = [".".join(name) for space in catalog.list_namespaces() for name in catalog.list_tables(space)]
    return {name: catalog.load_table(name) for name in sorted(names)}


def time_of(milliseconds: int) -> datetime:
    """The time of a snapshot."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)

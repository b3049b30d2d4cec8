"""Read a release: the tables as it pinned them, through pyiceberg. Nothing here reads "the latest"."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.conversions import from_bytes
from pyiceberg.expressions import AlwaysTrue, EqualTo
from pyiceberg.io.pyarrow import ArrowScan
from pyiceberg.types import TimestamptzType

from spark_jobs.common.lake import count_rows, rows_by_month

RELEASES = "ops.releases"


@dataclass(frozen=True)
class KeyFigures:
    """What the dashboard says first. Months are first days; times are UTC."""

    rating_count: int
    user_count: int
    movie_count: int
    first_month: date | None
    last_month: date | None
    last_rated_at: datetime | None


@dataclass(frozen=True)
class Release:
    """One row of ``ops.releases`` that can read its tables."""

    release_id: str
    run_id: str
    created_at: datetime
    dataset: str
    code_version: str
    kind: str
    restored_from: str | None
    tables: dict[str, int]
    quality_status: str
    catalog: Catalog = field(repr=False, compare=False)

    @property
    def synthetic(self) -> bool:
        """Whether the data is generated, not GroupLens'."""
        return self.dataset.startswith("sample@")

    def read(self, table: str, columns: tuple[str, ...] = ()) -> pa.Table:
        """The rows of a table as of this release, with the columns that the table has today."""
        loaded = self.catalog.load_table(table)
        schema = loaded.schema().select(*columns) if columns else loaded.schema()
        files = loaded.scan(snapshot_id=self.tables[table]).plan_files()
        return ArrowScan(loaded.metadata, loaded.io, schema, AlwaysTrue()).to_table(files)

    def row_counts(self) -> dict[str, int]:
        """Rows of every table of the release, from metadata."""
        return {table: count_rows(self.catalog.load_table(table), snapshot) for table, snapshot in self.tables.items()}

    def key_figures(self) -> KeyFigures:
        """Counts and the range of the ratings; users are counted from their ids alone, batch by batch."""
        ratings = self.catalog.load_table("silver.ratings")
        snapshot_id = self.tables["silver.ratings"]
        months = sorted(month for month in rows_by_month(ratings, snapshot_id) if month)
        users: set[int] = set()
        for batch in ratings.scan(snapshot_id=snapshot_id, selected_fields=("user_id",)).to_arrow_batch_reader():
            users.update(batch["user_id"].unique().to_pylist())
        return KeyFigures(
            rating_count=count_rows(ratings, snapshot_id),
            user_count=len(users),
            movie_count=count_rows(self.catalog.load_table("silver.movies"), self.tables["silver.movies"]),
            first_month=months[0] if months else None,
            last_month=months[-1] if months else None,
            last_rated_at=self._last_rated_at(),
        )

    def _last_rated_at(self) -> datetime | None:
        """The latest rating, from the upper bounds that Iceberg keeps of every data file."""
        ratings = self.catalog.load_table("silver.ratings")
        rated_at = ratings.schema().find_field("rated_at").field_id
        files = ratings.scan(snapshot_id=self.tables["silver.ratings"]).plan_files()
        bounds = [(each.file.upper_bounds or {}).get(rated_at) for each in files]
        times = [from_bytes(TimestamptzType(), bound) for bound in bounds if bound is not None]
        return datetime.fromtimestamp(max(map(int, times)) / 1_000_000, UTC) if times else None


def load_release(release_id: str) -> Release:
    """The release of that id.

    Raises:
        LookupError: there is none.
    """
    catalog = load_catalog("lake")
    rows = (
        catalog.load_table(RELEASES)
        .scan(row_filter=EqualTo(term="release_id", value=release_id))
        .to_arrow()
        .to_pylist()
    )
    if not rows:
        raise LookupError(f"There is no release {release_id!r}: ops.releases lists those there are")
    return as_release(rows[0], catalog)


def newest_release() -> Release:
    """The release that was recorded last.

    Raises:
        LookupError: there is none.
    """
    releases = list_releases(load_catalog("lake"))
    if not releases:
        raise LookupError("There is no release: no run has passed all gates yet")
    return releases[0]


def list_releases(catalog: Catalog) -> list[Release]:
    """All releases, the latest first; none before the first run."""
    if not catalog.table_exists(RELEASES):
        return []
    rows = catalog.load_table(RELEASES).scan().to_arrow().sort_by([("created_at", "descending")]).to_pylist()
    return [as_release(row, catalog) for row in rows]


def as_release(row: dict[str, Any], catalog: Catalog) -> Release:
    return Release(**row | {"tables": dict(row["tables"])}, catalog=catalog)

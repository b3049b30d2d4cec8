"""The months that a run is for."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from pyspark.sql import Column
from pyspark.sql import functions as F


def next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


@dataclass(frozen=True)
class Months:
    """A range of UTC calendar months, both ends included, and whether the rows without a readable time belong to it.

    Months are the first day of the month. Without ``first`` and ``last`` the range is empty.
    """

    first: date | None
    last: date | None
    unknown: bool = False

    def __contains__(self, month: date | None) -> bool:
        if month is None:
            return self.unknown
        return self.first is not None and self.last is not None and self.first <= month <= self.last

    def __str__(self) -> str:
        known = "no month" if self.first is None else f"{self.first:%Y-%m} to {self.last:%Y-%m}"
        return f"{known} and the unknown month" if self.unknown else known

    @property
    def is_range(self) -> bool:
        return self.first != self.last or self.unknown

    def of(self, column: str) -> Column:
        """The condition that a date column holds one of the months."""
        known = f"`{column}` BETWEEN DATE '{self.first}' AND DATE '{self.last}'" if self.first else "false"
        return F.expr(f"{known} OR `{column}` IS NULL" if self.unknown else known)

    def of_time(self, column: str) -> Column:
        """The condition that a timestamp column lies in one of the months; Iceberg prunes by it."""
        if self.first is None or self.last is None:
            return F.lit(False)
        start, end = (f"TIMESTAMP '{month} 00:00:00 UTC'" for month in (self.first, next_month(self.last)))
        return F.expr(f"`{column}` >= {start} AND `{column}` < {end}")

    def to_json(self) -> dict[str, Any]:
        return {
            "first": self.first and self.first.isoformat(),
            "last": self.last and self.last.isoformat(),
            "unknown": self.unknown,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        first, last = (value[end] and date.fromisoformat(value[end]) for end in ("first", "last"))
        return cls(first, last, value["unknown"])

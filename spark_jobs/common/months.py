"""The months that a run is for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from pyspark.sql import Column
from pyspark.sql import functions as F

FIRST_MONTH = date(1995, 1, 1)
"""MovieLens began in 1995; nothing is older."""


def next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _each(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first = next_month(first)


@dataclass(frozen=True)
class Months:
    """UTC calendar months, and whether the rows without a readable time belong to them.

    Months are the first day of the month. ``spans`` are the ranges of months that follow one another, both ends
    included and in order, so that the months of a table are told by few comparisons.
    """

    spans: tuple[tuple[date, date], ...]
    unknown: bool = False

    @classmethod
    def between(cls, first: date, last: date, *, unknown: bool = False) -> Self:
        """All months from ``first`` to ``last``."""
        return cls(((first, last),), unknown)

    @classmethod
    def of_each(cls, months: Iterable[date], *, unknown: bool = False) -> Self:
        """The given months, in whatever order."""
        spans: list[tuple[date, date]] = []
        for month in sorted(set(months)):
            if spans and next_month(spans[-1][1]) == month:
                spans[-1] = (spans[-1][0], month)
            else:
                spans.append((month, month))
        return cls(tuple(spans), unknown)

    def with_months(self, months: Iterable[date]) -> "Months":
        """These months and others."""
        others = [month for month in months if month not in self]
        if not others:
            return self
        own = [month for span in self.spans for month in _each(*span)]
        return Months.of_each([*own, *others], unknown=self.unknown)

    def with_year_around(self) -> "Months":
        """These months and those of the year before and after each span of them."""
        return Months(
            tuple((first.replace(year=first.year - 1), last.replace(year=last.year + 1)) for first, last in self.spans)
        )

    def __contains__(self, month: date | None) -> bool:
        if month is None:
            return self.unknown
        return any(first <= month <= last for first, last in self.spans)

    def __str__(self) -> str:
        parts = [f"{first:%Y-%m}" + (f" to {last:%Y-%m}" if first != last else "") for first, last in self.spans]
        if self.unknown:
            parts.append("the unknown month")
        return ", ".join(parts) or "no month"

    @property
    def is_range(self) -> bool:
        """Whether it may be more than one month."""
        return self.unknown or len(self.spans) != 1 or self.spans[0][0] != self.spans[0][1]

    def of(self, column: str) -> Column:
        """The condition that a date column holds one of the months."""
        known = [f"`{column}` BETWEEN DATE '{first}' AND DATE '{last}'" for first, last in self.spans]
        return any_of(known + ([f"`{column}` IS NULL"] if self.unknown else []))

    def of_time(self, column: str) -> Column:
        """The condition that a timestamp column lies in one of the months; Iceberg prunes by it."""
        return any_of(
            f"`{column}` >= {midnight(first)} AND `{column}` < {midnight(next_month(last))}"
            for first, last in self.spans
        )

    def to_json(self) -> dict[str, Any]:
        spans = [[month.isoformat() for month in span] for span in self.spans]
        return {"spans": spans, "unknown": self.unknown}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        spans = ((date.fromisoformat(first), date.fromisoformat(last)) for first, last in value["spans"])
        return cls(tuple(spans), value["unknown"])


EVERY_MONTH = Months.between(FIRST_MONTH, date(9999, 12, 1), unknown=True)


def any_of(conditions: Iterable[str]) -> Column:
    return F.expr(" OR ".join(f"({condition})" for condition in conditions) or "false")


def midnight(day: date) -> str:
    return f"TIMESTAMP '{day} 00:00:00 UTC'"

"""What a release shows: the definitions that the notebook and the insights of the README share.

Tables are pandas frames with the columns of the lake; shares are between 0 and 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from lakehouse.serving import Release


@dataclass(frozen=True)
class PowerLaw:
    """``density`` ~ ``ratings`` ** ``exponent``: movies per whole number of ratings, in bins that double in width.

    ``r_squared`` says how straight the line is in logarithms, 1 being straight. ``factor`` is its height at 1 rating.
    """

    ratings: np.ndarray
    density: np.ndarray
    exponent: float
    factor: float
    r_squared: float

    def line(self) -> np.ndarray:
        """The fitted density at ``ratings``."""
        return self.factor * self.ratings**self.exponent


def power_law(rating_count: pd.Series) -> PowerLaw:
    """Fit how many movies have how many ratings, a movie a value; those without ratings are left out.

    Raises:
        ValueError: the counts fill fewer than three bins, through which any line would go.
    """
    most = int(rating_count.max())
    edges = np.append(2 ** np.arange(most.bit_length()), most + 1)
    movies, _ = np.histogram(rating_count[rating_count > 0], edges)
    filled = movies > 0
    if filled.sum() < 3:
        raise ValueError(f"The ratings of {movies.sum()} movies do not differ enough to fit a line")
    # The whole numbers of a bin, 4 to 7 for one, have their middle between its first and its last.
    ratings = np.sqrt(edges[:-1] * (edges[1:] - 1.0))[filled]
    density = (movies / np.diff(edges))[filled]
    exponent, height = np.polyfit(np.log(ratings), np.log(density), 1)
    r_squared = np.corrcoef(np.log(ratings), np.log(density))[0, 1] ** 2
    return PowerLaw(ratings, density, float(exponent), float(np.exp(height)), float(r_squared))


def share_between(histogram: pd.DataFrame, lowest: float, highest: float) -> float:
    """The share of ratings from ``lowest`` to ``highest`` stars, both included, in ``gold.rating_histogram``."""
    stars = histogram["rating"].astype(float)
    return float(histogram.loc[stars.between(lowest, highest), "rating_count"].sum() / histogram["rating_count"].sum())


def share_of_most_rated(rating_count: pd.Series, share: float) -> float:
    """The share of all ratings that the most rated ``share`` of the rated movies got, a movie a value."""
    most = rating_count[rating_count > 0].sort_values(ascending=False)
    return float(most.head(max(1, round(share * len(most)))).sum() / most.sum())


def ratings_by_month(monthly: pd.DataFrame) -> pd.Series:
    """Ratings by month (first day, UTC) of ``gold.monthly_movie_ratings``, in order; months without any are 0."""
    counts = monthly.filter(like="half_star_").sum(axis=1)
    by_month = counts.groupby(monthly["month"].astype("datetime64[ns]")).sum()
    return by_month.asfreq("MS", fill_value=0).rename("rating_count")


def top_row(table: pd.DataFrame, column: str) -> dict[str, Any]:
    """The row with the highest value of a column; of several, the first."""
    row: dict[str, Any] = table.loc[[table[column].idxmax()]].to_dict("records")[0]
    return row


def frame(release: Release, table: str) -> pd.DataFrame:
    """A table of a release, in an order that does not depend on its files: by its first column."""
    rows = release.read(table).to_pandas()
    return rows.sort_values(rows.columns[0], ignore_index=True)

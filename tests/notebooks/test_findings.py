"""The figures that the notebook and the README share, each on a few rows."""

from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from notebooks.findings import power_law, ratings_by_month, share_between, share_of_most_rated, top_row


def test_a_power_law_is_found_again():
    counts = np.arange(1, 256)

    fit = power_law(pd.Series(np.repeat(counts, np.rint(1e6 * counts**-2.0).astype(int))))
    steep = power_law(pd.Series([1] * 4096 + [2] * 512 + [4] * 64 + [8] * 8 + [0] * 9999))

    assert fit.exponent == pytest.approx(-2, abs=0.05)
    assert fit.r_squared > 0.999
    assert steep.density.tolist() == [4096, 256, 16, 8]  # the last bin ends at the most rated movie
    assert steep.ratings[0] == 1
    assert steep.line()[0] == pytest.approx(steep.factor)


def test_few_counts_are_no_line():
    with pytest.raises(ValueError, match="2 movies do not differ enough"):
        power_law(pd.Series([1, 2, 0]))


def test_the_ends_of_a_range_of_stars_are_in_it():
    histogram = pd.DataFrame({"rating": [Decimal("2.5"), Decimal(3), Decimal(4), Decimal("4.5")]})

    assert share_between(histogram.assign(rating_count=[1, 2, 4, 1]), 3, 4) == 6 / 8


@pytest.mark.parametrize(("share", "expected"), [(0.01, 90 / 100), (0.5, 96 / 100), (1, 1)])
def test_movies_without_ratings_are_not_among_the_most_rated(share, expected):
    assert share_of_most_rated(pd.Series([0] * 100 + [1, 6, 90, 3]), share) == expected


def test_a_month_without_ratings_counts_as_none():
    months = [date(2001, 5, 1), date(2001, 3, 1), date(2001, 3, 1)]
    monthly = pd.DataFrame(
        {"month": months, "movie_id": [7, 7, 8], "half_star_1": [1, 2, 3], "half_star_10": [0, 1, 1]}
    )

    by_month = ratings_by_month(monthly)

    assert {f"{month:%Y-%m}": int(count) for month, count in by_month.items()} == {
        "2001-03": 7,
        "2001-04": 0,
        "2001-05": 1,
    }


def test_a_row_keeps_whole_numbers_whole():
    row = top_row(pd.DataFrame({"year": [1999, 2000], "count": [5, 9], "mean": [4.5, 3.0]}), "count")

    assert repr(row) == "{'year': 2000, 'count': 9, 'mean': 3.0}"

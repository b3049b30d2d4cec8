"""Ratings by half star."""

from decimal import Decimal

from spark_jobs.gold.rating_histogram import transform
from tests.fixtures.histograms import monthly

HALF_STARS = [Decimal(half) / 2 for half in range(1, 11)]


def test_months_and_movies_add_up_and_a_half_star_that_nobody_gave_is_0(spark):
    ratings = monthly(
        spark, ("2001-03", 1, [0.5, 5.0, 5.0]), ("2001-04", 1, [5.0]), ("2001-03", 2, [3.5, 4.0, 4.0, 4.5, 1.0])
    )

    rows = transform(ratings)

    assert rows.dtypes == [("rating", "decimal(2,1)"), ("rating_count", "bigint")]
    assert rows.collect() == list(zip(HALF_STARS, [1, 1, 0, 0, 0, 0, 1, 2, 1, 3], strict=True))


def test_without_ratings_all_ten_half_stars_are_0(spark):
    assert transform(monthly(spark)).collect() == [(stars, 0) for stars in HALF_STARS]

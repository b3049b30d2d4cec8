"""The figures of gold against plain Python, to the last bit where they are means."""

import statistics
from fractions import Fraction

import pytest
from pyspark.sql import functions as F

from spark_jobs.gold.measures import (
    average,
    category,
    sample_deviation,
    summary_of_movies,
    totals_by_movie,
    with_totals,
)
from tests.fixtures.histograms import catalogue, monthly

RATINGS = {
    1: [half / 2 for half in range(1, 11)],
    2: [4.0, 3.5, 5.0],  # a mean that no double holds exactly
    3: [0.5] * 4 + [1.0] * 3,
    4: [5.0],
    5: [3.0, 3.0],
    6: [0.5, 5.0],
}


@pytest.fixture(scope="module")
def figures(spark):
    """The figures of each movie, its ratings being spread over two months."""
    rows = [
        (month, movie_id, part)
        for movie_id, ratings in RATINGS.items()
        for month, part in (("2001-03", ratings[::2]), ("1999-12", ratings[1::2]))
    ]
    count, half_stars, squares = F.col("rating_count"), F.col("half_stars"), F.col("half_star_squares")
    totals = totals_by_movie(monthly(spark, *rows)).select(
        "*",
        average(half_stars, count).alias("average"),
        sample_deviation(squares, half_stars, count).alias("deviation"),
    )
    return {row["movie_id"]: row for row in totals.collect()}


@pytest.mark.parametrize("movie_id", RATINGS)
def test_months_add_up(figures, movie_id):
    half_stars = [int(stars * 2) for stars in RATINGS[movie_id]]

    found = figures[movie_id]
    assert found["rating_count"] == len(half_stars)
    assert found["half_stars"] == sum(half_stars)
    assert found["half_star_squares"] == sum(half**2 for half in half_stars)


@pytest.mark.parametrize("movie_id", RATINGS)
def test_the_mean_is_exact_to_the_last_bit(figures, movie_id):
    exact = sum(map(Fraction, RATINGS[movie_id])) / len(RATINGS[movie_id])

    assert figures[movie_id]["average"].hex() == float(exact).hex()


@pytest.mark.parametrize("movie_id", [movie_id for movie_id, ratings in RATINGS.items() if len(ratings) > 1])
def test_the_deviation_is_that_of_a_sample(figures, movie_id):
    assert figures[movie_id]["deviation"] == pytest.approx(statistics.stdev(RATINGS[movie_id]), rel=1e-15)


def test_one_rating_has_no_deviation(figures):
    assert figures[4]["deviation"] is None


def test_a_figure_without_ratings_is_unknown_not_0(spark):
    movies = catalogue(spark, (1, "Rated", None, ["Drama"]), (2, "Unrated", None, []))
    rows = with_totals(movies, monthly(spark, ("2001-03", 1, [4.0]), ("2001-03", 9, [1.0])))
    count, half_stars = F.col("rating_count"), F.col("half_stars")

    figures = rows.select(
        "movie_id",
        "release_year",
        "rating_count",
        average(half_stars, count),
        sample_deviation(F.col("half_star_squares"), half_stars, count),
    )

    assert sorted(figures.collect()) == [(1, None, 1, 4.0, None), (2, None, 0, None, None)]


def test_a_category_begins_at_its_lower_bound(spark):
    means = [5.0, 4.0, 3.9999999999999996, 3.0, 2.9999999999999996, 0.5, None]
    rows = spark.createDataFrame([(mean,) for mean in means], "mean double")

    found = [name for (name,) in rows.select(category(F.col("mean"))).collect()]

    assert found == ["High", "High", "Medium", "Medium", "Low", "Low", "Unrated"]


def test_the_mean_of_a_group_is_over_ratings_not_over_means(spark):
    rows = spark.createDataFrame(
        [("a", 1, 3, 3), ("a", 2, 1, 10), ("a", 3, 0, 0), ("b", 4, 0, 0)],
        "name string, movie_id bigint, rating_count bigint, half_stars bigint",
    )

    summary = rows.groupBy("name").agg(*summary_of_movies())

    assert summary.columns == ["name", "movie_count", "rated_movie_count", "rating_count", "rating_avg"]
    assert sorted(summary.collect()) == [("a", 3, 2, 4, 13 / 2 / 4), ("b", 1, 0, 0, None)]

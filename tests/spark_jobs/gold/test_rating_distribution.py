"""Movies and ratings by category."""

from spark_jobs.gold.rating_distribution import transform
from tests.fixtures.histograms import catalogue, monthly


def test_all_four_categories_are_there_also_an_empty_one(spark):
    movies = catalogue(
        spark, (1, "High", None, []), (2, "Also high", None, []), (3, "Low", None, []), (4, "Unrated", 1990, [])
    )
    ratings = monthly(
        spark, ("2001-03", 1, [4.0, 3.0]), ("2001-04", 1, [5.0]), ("2001-03", 2, [5.0]), ("2001-03", 3, [2.5])
    )

    rows = transform(movies, ratings)

    assert rows.columns == ["rating_category", "movie_count", "rating_count"]
    assert sorted(rows.collect()) == [("High", 2, 4), ("Low", 1, 1), ("Medium", 0, 0), ("Unrated", 1, 0)]


def test_without_movies_all_four_categories_are_empty(spark):
    rows = transform(catalogue(spark), monthly(spark))

    assert sorted(rows.collect()) == [(name, 0, 0) for name in ("High", "Low", "Medium", "Unrated")]

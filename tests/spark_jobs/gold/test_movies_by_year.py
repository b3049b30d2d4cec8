"""Movies and their ratings by year of release."""

from spark_jobs.gold.movies_by_year import transform
from tests.fixtures.histograms import catalogue, monthly


def test_a_year_has_its_movies_and_their_ratings_whenever_given(spark):
    movies = catalogue(spark, (1, "A", 1990, []), (2, "B", 1990, []), (3, "C", 1991, []), (4, "Without", None, []))
    ratings = monthly(
        spark, ("2001-03", 1, [1.0, 1.0]), ("2015-01", 1, [1.5]), ("2001-03", 2, [5.0]), ("2001-03", 4, [5.0])
    )

    rows = transform(movies, ratings)

    assert rows.columns == ["release_year", "movie_count", "rated_movie_count", "rating_count", "rating_avg"]
    assert sorted(rows.collect()) == [(1990, 2, 2, 4, 8.5 / 4), (1991, 1, 0, 0, None)]

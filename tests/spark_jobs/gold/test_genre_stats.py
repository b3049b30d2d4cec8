"""Movies and ratings by genre."""

from spark_jobs.gold.genre_stats import transform
from tests.fixtures.histograms import catalogue, monthly


def test_a_movie_counts_once_in_each_of_its_genres_and_without_any_in_none(spark):
    movies = catalogue(
        spark,
        (1, "Both", None, ["Comedy", "Drama"]),
        (2, "Comedy twice", None, ["Comedy", "Comedy"]),
        (3, "None", None, []),
        (4, "Unrated", None, ["War", "Comedy"]),
    )
    ratings = monthly(spark, ("2001-03", 1, [1.0, 1.0, 1.5]), ("2001-04", 2, [5.0]), ("2001-03", 3, [2.0]))

    rows = transform(movies, ratings)

    assert rows.columns == ["genre", "movie_count", "rated_movie_count", "rating_count", "rating_avg"]
    assert sorted(rows.collect()) == [
        ("Comedy", 3, 2, 4, 8.5 / 4),
        ("Drama", 1, 1, 3, 3.5 / 3),
        ("War", 1, 0, 0, None),
    ]

"""The best rated movies, in an order that never depends on chance."""

from spark_jobs.gold.top_movies import transform
from tests.fixtures.histograms import catalogue, monthly

RATINGS = {
    5: [4.0, 4.0],  # ties with 3 in mean and count: the smaller id first
    3: [4.0, 4.0],
    4: [4.0, 4.0, 4.0],  # ties in mean: more ratings first
    1: [5.0],  # too few
    2: [4.5, 4.5],
    6: [0.5, 5.0],
}


def test_movies_with_enough_ratings_are_ranked_by_mean_then_count_then_id(spark):
    movies = catalogue(spark, *[(movie_id, f"Movie {movie_id}", 1990, []) for movie_id in [*RATINGS, 8]])
    ratings = monthly(spark, *[("2001-03", movie_id, given) for movie_id, given in RATINGS.items()])

    rows = transform(movies, ratings, min_ratings=2)

    assert rows.columns == ["rank", "movie_id", "title", "release_year", "rating_count", "rating_avg"]
    assert sorted(rows.collect()) == [
        (1, 2, "Movie 2", 1990, 2, 4.5),
        (2, 4, "Movie 4", 1990, 3, 4.0),
        (3, 3, "Movie 3", 1990, 2, 4.0),
        (4, 5, "Movie 5", 1990, 2, 4.0),
        (5, 6, "Movie 6", 1990, 2, 2.75),
    ]

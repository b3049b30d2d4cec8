"""Every movie with its figures, rated or not."""

import statistics

from spark_jobs.gold.movie_analytics import transform
from tests.fixtures.histograms import catalogue, monthly


def test_every_movie_of_the_catalogue_has_one_row(spark):
    movies = catalogue(
        spark,
        (1, "Loved (1990)", 1990, ["Drama", "War"]),
        (2, "Liked (1991)", 1991, ["Drama"]),
        (3, "Hated", None, []),
        (4, "Unrated (1993)", 1993, ["War"]),
    )
    ratings = monthly(
        spark,
        ("2001-03", 1, [5.0, 4.5]),
        ("2001-04", 1, [4.0]),
        ("2001-03", 2, [3.0, 3.5]),
        ("2001-03", 3, [0.5]),
        ("2001-03", 9, [5.0]),  # of no movie
    )

    rows = transform(movies, ratings)

    assert rows.columns[:5] == ["movie_id", "title", "title_clean", "release_year", "genres"]
    assert rows.columns[5:] == ["rating_count", "rating_avg", "rating_stddev", "rating_category"]
    assert [(*row[:2], *row[3:]) for row in sorted(rows.collect())] == [
        (1, "Loved (1990)", 1990, ["Drama", "War"], 3, 4.5, statistics.stdev([5.0, 4.5, 4.0]), "High"),
        (2, "Liked (1991)", 1991, ["Drama"], 2, 3.25, statistics.stdev([3.0, 3.5]), "Medium"),
        (3, "Hated", None, [], 1, 0.5, None, "Low"),
        (4, "Unrated (1993)", 1993, ["War"], 0, None, None, "Unrated"),
    ]

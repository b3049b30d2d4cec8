"""Silver movies: titles without their year, genres as a list."""

import pytest

from spark_jobs.silver.movies import judged, one_row_a_movie, typed

TITLES = {
    "Toy Story (1995)": ("Toy Story (1995)", "Toy Story", 1995),
    "Toy Story (1995) ": ("Toy Story (1995)", "Toy Story", 1995),
    " Heat(1995)": ("Heat(1995)", "Heat", 1995),
    "Babylon 5": ("Babylon 5", "Babylon 5", None),
    "Cosmos (1975-1979)": ("Cosmos (1975-1979)", "Cosmos (1975-1979)", None),
    "Cosmos (1975-)": ("Cosmos (1975-)", "Cosmos (1975-)", None),
    "2001: A Space Odyssey (1968)": ("2001: A Space Odyssey (1968)", "2001: A Space Odyssey", 1968),
    "(500) Days of Summer (2009)": ("(500) Days of Summer (2009)", "(500) Days of Summer", 2009),
    "City (Cité, La) (1995)": ("City (Cité, La) (1995)", "City (Cité, La)", 1995),
    "Twice (1990) (1995)": ("Twice (1990) (1995)", "Twice (1990)", 1995),
    '"Great" Cats, The (1998)': ('"Great" Cats, The (1998)', '"Great" Cats, The', 1998),
    "1408": ("1408", "1408", None),
}
GENRES = {
    "Adventure|Comedy": ["Adventure", "Comedy"],
    "Sci-Fi": ["Sci-Fi"],
    "(no genres listed)": [],
    "": [],
    "|Comedy||": ["Comedy"],
}
CASES = [
    ({}, []),
    ({"movieId": " 7.0 "}, []),
    ({"title": "Babylon 5", "genres": "(no genres listed)"}, []),
    ({"movieId": None, "title": None, "genres": None, "_malformed_line": "7,Toy"}, ["malformed"]),
    ({"title": ""}, ["malformed"]),
    ({"title": "  "}, ["malformed"]),
    ({"movieId": "x"}, ["bad_movie_id"]),
    ({"movieId": "0"}, ["bad_movie_id"]),
    ({"movieId": "-7", "title": ""}, ["malformed", "bad_movie_id"]),
]
GOOD = {"movieId": "7", "title": "Toy Story (1995)", "genres": "Comedy", "_malformed_line": None}
BRONZE = "movieId string, title string, genres string, _malformed_line string"


@pytest.fixture(scope="module")
def typed_rows(spark):
    rows = [GOOD | {"title": title} for title in TITLES] + [GOOD | {"genres": genres} for genres in GENRES]
    return typed(spark.createDataFrame(rows, BRONZE)).collect()


@pytest.mark.parametrize("title", TITLES)
def test_the_year_is_read_from_the_end_of_the_title(typed_rows, title):
    (row,) = (row for row in typed_rows[: len(TITLES)] if row["title"] == title)

    assert (row["clean"], row["title_clean"], row["release_year"]) == TITLES[title]


@pytest.mark.parametrize("genres", GENRES)
def test_genres_are_a_list_without_blanks(typed_rows, genres):
    (row,) = (row for row in typed_rows[len(TITLES) :] if row["genres"] == genres)

    assert row["genre_names"] == GENRES[genres]


def test_a_movie_is_judged_by_every_rule(spark):
    rows = spark.createDataFrame([GOOD | change for change, _ in CASES], BRONZE)

    assert [row["reasons"] for row in judged(typed(rows)).collect()] == [reasons for _, reasons in CASES]


def test_a_movie_that_is_listed_twice_is_the_first_by_title_in_any_order(spark):
    rows = [("7", "B (1995)", "Comedy"), ("7", "A (1996)", "Drama"), ("8", "C", "(no genres listed)")]
    typed_rows = [typed(spark.createDataFrame(each, BRONZE.rpartition(", ")[0])) for each in (rows, rows[::-1])]

    for movies in typed_rows:
        kept = one_row_a_movie(movies)
        assert kept.columns == ["movie_id", "title", "title_clean", "release_year", "genres"]
        assert sorted(kept.collect()) == [(7, "A (1996)", "A", 1996, ["Drama"]), (8, "C", "C", None, [])]

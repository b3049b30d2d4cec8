"""Silver links: IMDb identifiers keep their zeros, TMDB identifiers may be missing."""

from spark_jobs.silver.links import judged, one_row_a_movie, typed

BRONZE = "movieId string, imdbId string, tmdbId string, _malformed_line string"
GOOD = {"movieId": "7", "imdbId": "0114709", "tmdbId": "862", "_malformed_line": None}
CASES = [
    ({}, []),
    ({"imdbId": " 0114709 "}, []),
    ({"tmdbId": ""}, []),
    ({"tmdbId": "  "}, []),
    ({"tmdbId": "862.0"}, []),
    ({"movieId": None, "imdbId": None, "tmdbId": None, "_malformed_line": "7"}, ["malformed"]),
    ({"imdbId": ""}, ["malformed"]),
    ({"imdbId": "tt0114709"}, ["malformed"]),
    ({"tmdbId": "none"}, ["malformed"]),
    ({"movieId": "x"}, ["bad_movie_id"]),
    ({"movieId": "8"}, ["unknown_movie"]),
    ({"movieId": "-8", "imdbId": "x"}, ["malformed", "bad_movie_id", "unknown_movie"]),
]


def test_a_link_is_judged_by_every_rule(spark):
    links = spark.createDataFrame([GOOD | change for change, _ in CASES], BRONZE)
    movies = spark.createDataFrame([(7,)], "movie_id bigint")

    assert [row["reasons"] for row in judged(typed(links), movies).collect()] == [reasons for _, reasons in CASES]


def test_identifiers_are_typed_without_losing_a_zero(spark):
    rows = [GOOD | {"imdbId": " 0114709 "}, GOOD | {"tmdbId": ""}, GOOD | {"tmdbId": "862.0"}]
    links = typed(spark.createDataFrame(rows, BRONZE)).select("movie_id", "imdb_id", "tmdb_id")

    assert links.collect() == [(7, "0114709", 862), (7, "0114709", None), (7, "0114709", 862)]


def test_a_movie_that_is_listed_twice_has_the_smallest_identifiers(spark):
    links = spark.createDataFrame(
        [(7, "0000002", 1), (7, "0000001", 9), (7, "0000001", 3), (8, "0000005", None)],
        "movie_id bigint, imdb_id string, tmdb_id bigint",
    )

    kept = one_row_a_movie(links)

    assert kept.columns == ["movie_id", "imdb_id", "tmdb_id"]
    assert sorted(kept.collect()) == [(7, "0000001", 3), (8, "0000005", None)]

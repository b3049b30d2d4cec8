"""Build ``silver.movies``: one typed row per movie of the catalogue.

The release year stands in parentheses at the end of a title. Some titles have none, some end in a blank, and series
have ranges such as ``(1975-1979)``, which are no single year: all legitimate, the year is then null.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_jobs.common.lake import Lake
from spark_jobs.common.parsing import whole_number
from spark_jobs.silver.judgement import accepted, reasons, rejected

YEAR = r"\(([0-9]{4})\)$"


def genres_of(column: str) -> Column:
    """The genres of ``Adventure|Comedy``; none for ``(no genres listed)`` or an empty field."""
    genres = F.filter(F.split(column, "[|]"), lambda genre: F.trim(genre) != "")
    return F.when(F.col(column) == "(no genres listed)", F.array().cast("array<string>")).otherwise(genres)


def typed(bronze: DataFrame) -> DataFrame:
    """Read id, year and genres out of the strings."""
    title = F.trim("title")
    year = F.regexp_extract(title, YEAR, 1)
    return bronze.select(
        "*",
        whole_number("movieId").alias("movie_id"),
        title.alias("clean"),
        F.rtrim(F.regexp_replace(title, YEAR, "")).alias("title_clean"),
        F.when(year != "", year.cast("int")).alias("release_year"),
        genres_of("genres").alias("genre_names"),
    )


def judged(movies: DataFrame) -> DataFrame:
    """Add ``reasons``: why a row may not enter silver. A movie without a title is malformed."""
    rules = {"malformed": F.col("clean") == "", "bad_movie_id": ~(F.col("movie_id") > 0)}
    return movies.withColumn("reasons", reasons(rules))


def one_row_a_movie(movies: DataFrame) -> DataFrame:
    """Keep one row of a movie that is listed more than once: the first title by alphabet, so always the same."""
    title, genres = F.col("clean").alias("title"), F.col("genre_names").alias("genres")
    first = F.min(F.struct(title, "title_clean", "release_year", genres)).alias("movie")
    return movies.groupBy("movie_id").agg(first).select("movie_id", "movie.*")


def run(lake: Lake) -> None:
    bronze = lake.read("bronze.movies")
    rows = judged(typed(bronze))
    lake.replace("silver.movies", accepted(rows).transform(one_row_a_movie))
    lake.replace("quarantine.movies", rejected(rows, bronze, lake.read("quarantine.movies"), lake.run))

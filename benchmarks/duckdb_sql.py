"""From CSV to the figures of gold with DuckDB."""

from collections.abc import Iterator
from pathlib import Path

import duckdb

HALF_STARS = range(1, 11)
HALF_STAR_COUNTS = ", ".join(f"count(*) FILTER (half_stars = {half}) AS half_star_{half}" for half in HALF_STARS)
SUMS = ", ".join(
    f"{' + '.join(f'sum(half_star_{half})::BIGINT * {half**power}' for half in HALF_STARS)} AS {name}"
    for power, name in enumerate(("rating_count", "half_stars", "half_star_squares"))
)
ALL_HALF_STARS = " UNION ALL ".join(
    f"SELECT ({half} / 2)::DECIMAL(2, 1) AS rating, sum(half_star_{half})::BIGINT AS rating_count FROM monthly"
    for half in HALF_STARS
)

MOVIES = r"""
    WITH movies AS (SELECT movieId, trim(title) AS title, genres FROM read_csv('{path}', header = true, quote = '"',
        columns = {{'movieId': 'BIGINT', 'title': 'VARCHAR', 'genres': 'VARCHAR'}}))
    SELECT DISTINCT ON (movie_id) movieId AS movie_id, title,
        rtrim(regexp_replace(title, '\([0-9]{{4}}\)$', '')) AS title_clean,
        nullif(regexp_extract(title, '\(([0-9]{{4}})\)$', 1), '')::INT AS release_year,
        CASE WHEN genres = '(no genres listed)' THEN []
            ELSE list_filter(string_split(genres, '|'), lambda genre: trim(genre) <> '') END AS genres
    FROM movies ORDER BY ALL
"""
MONTHLY = f"""
    WITH ratings AS (
        SELECT userId AS user_id, movieId AS movie_id, timestamp, (rating * 2)::INT AS half_stars,
            date_trunc('month', make_timestamp(timestamp * 1000000))::DATE AS month
        FROM read_csv('{{path}}', header = true,
            columns = {{{{'userId': 'BIGINT', 'movieId': 'BIGINT', 'rating': 'DOUBLE', 'timestamp': 'BIGINT'}}}})
        SEMI JOIN movies ON movies.movie_id = movieId
    ),
    latest_of_each_month AS (
        SELECT month, movie_id, user_id, max(timestamp * 16 + half_stars) % 16 AS half_stars FROM ratings GROUP BY ALL
    )
    SELECT month, movie_id, {HALF_STAR_COUNTS} FROM latest_of_each_month GROUP BY month, movie_id
"""
WITH_TOTALS = f"""
    WITH totals AS (SELECT movie_id, {SUMS} FROM monthly GROUP BY movie_id)
    SELECT movies.*, coalesce(rating_count, 0) AS rating_count, coalesce(half_stars, 0) AS half_stars,
        coalesce(half_star_squares, 0) AS half_star_squares,
        CASE WHEN rating_count > 0 THEN half_stars::DOUBLE / 2 / rating_count END AS rating_avg,
        CASE WHEN rating_avg >= 4 THEN 'High' WHEN rating_avg >= 3 THEN 'Medium' WHEN rating_avg IS NULL THEN 'Unrated'
            ELSE 'Low' END AS rating_category
    FROM movies LEFT JOIN totals USING (movie_id)
"""
SUMMARY = """
    count(*) AS movie_count, count_if(rating_count > 0)::BIGINT AS rated_movie_count,
    sum(rating_count)::BIGINT AS rating_count,
    CASE WHEN sum(rating_count) > 0 THEN sum(half_stars)::DOUBLE / 2 / sum(rating_count)::BIGINT END AS rating_avg
"""
DERIVED = {
    "movie_analytics": """
        SELECT movie_id, title, title_clean, release_year, genres, rating_count, rating_avg,
            CASE WHEN rating_count > 1 THEN sqrt((rating_count * half_star_squares - half_stars * half_stars)::DOUBLE
                / (4 * rating_count * (rating_count - 1))) END AS rating_stddev, rating_category
        FROM with_totals""",
    "genre_stats": f"""
        SELECT genre, {SUMMARY} FROM (SELECT *, unnest(list_distinct(genres)) AS genre FROM with_totals) GROUP BY genre
    """,
    "movies_by_year": f"SELECT release_year, {SUMMARY} FROM with_totals WHERE release_year > 0 GROUP BY release_year",
    "rating_distribution": """
        SELECT rating_category, count(movie_id) AS movie_count, coalesce(sum(rating_count), 0)::BIGINT AS rating_count
        FROM (VALUES ('High'), ('Medium'), ('Low'), ('Unrated')) AS categories (rating_category)
        LEFT JOIN with_totals USING (rating_category) GROUP BY rating_category""",
    "rating_histogram": ALL_HALF_STARS,
    "top_movies": """
        SELECT row_number() OVER (ORDER BY rating_avg DESC, rating_count DESC, movie_id) AS rank, movie_id, title,
            release_year, rating_count, rating_avg
        FROM with_totals WHERE rating_count >= 50""",
}


def stages(dataset: Path, output: Path) -> Iterator[str]:
    """Write one Parquet file a table."""
    with duckdb.connect() as connection:
        connection.execute(f"SET temp_directory = '{output / 'spilled'}'")
        yield "start"
        connection.execute(f"CREATE TABLE movies AS {MOVIES.format(path=dataset / 'movies.csv')}")
        connection.execute(f"CREATE TABLE monthly AS {MONTHLY.format(path=dataset / 'ratings.csv')}")
        write(connection, "SELECT * FROM monthly", output / "gold.monthly_movie_ratings")
        yield "CSV to monthly_movie_ratings"
        connection.execute(f"CREATE TABLE with_totals AS {WITH_TOTALS}")
        for table, query in DERIVED.items():
            write(connection, query, output / f"gold.{table}")
        yield "the other gold tables"


def write(connection: duckdb.DuckDBPyConnection, query: str, folder: Path) -> None:
    folder.mkdir()
    connection.execute(f"COPY ({query}) TO '{folder / 'rows.parquet'}'")

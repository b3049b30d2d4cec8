CREATE TABLE IF NOT EXISTS lake.silver.movies (
    movie_id bigint COMMENT 'movie',
    title string COMMENT 'title as published, trimmed, usually with the release year in parentheses',
    title_clean string COMMENT 'title without the release year',
    release_year int COMMENT 'year of release; null where the title has none',
    genres array<string> COMMENT 'genres as published; empty for "(no genres listed)"'
)
USING iceberg
COMMENT 'One row per movie of the catalogue.'

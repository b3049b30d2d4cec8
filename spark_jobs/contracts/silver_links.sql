CREATE TABLE IF NOT EXISTS lake.silver.links (
    movie_id bigint COMMENT 'movie; always in silver.movies',
    imdb_id string COMMENT 'identifier at IMDb with its leading zeros, without the prefix tt',
    tmdb_id bigint COMMENT 'identifier at TMDB; null where there is none'
)
USING iceberg
COMMENT 'One row per movie of the catalogue: its identifiers elsewhere.'

CREATE TABLE IF NOT EXISTS lake.gold.movies_by_year (
    release_year int COMMENT 'year of release; movies without a year are left out',
    movie_count bigint COMMENT 'movies released that year',
    rated_movie_count bigint COMMENT 'of these, movies with at least one rating',
    rating_count bigint COMMENT 'ratings of these movies, whenever given',
    rating_avg double COMMENT 'mean rating in stars over these ratings; null without ratings'
)
USING iceberg
COMMENT 'One row per year of release.'

CREATE TABLE IF NOT EXISTS lake.gold.genre_stats (
    genre string COMMENT 'genre; a movie counts in each of its genres',
    movie_count bigint COMMENT 'movies of the genre',
    rated_movie_count bigint COMMENT 'movies of the genre with at least one rating',
    rating_count bigint COMMENT 'ratings of these movies',
    rating_avg double COMMENT 'mean rating in stars over these ratings; null without ratings'
)
USING iceberg
COMMENT 'One row per genre.'

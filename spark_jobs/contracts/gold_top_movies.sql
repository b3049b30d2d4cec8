CREATE TABLE IF NOT EXISTS lake.gold.top_movies (
    rank int COMMENT '1 is the best rated; by rating_avg, then rating_count, then movie_id',
    movie_id bigint COMMENT 'movie',
    title string COMMENT 'title as published, trimmed',
    release_year int COMMENT 'year of release; null where unknown',
    rating_count bigint COMMENT 'number of ratings, at least lakehouse_top_movies_min_ratings',
    rating_avg double COMMENT 'mean rating in stars over all ratings'
)
USING iceberg
COMMENT 'One row per movie with enough ratings, best rated first.'

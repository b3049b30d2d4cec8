CREATE TABLE IF NOT EXISTS lake.marts.gold_movie_analytics (
    movie_id bigint COMMENT 'movie',
    genre string COMMENT 'one of the genres of the movie; movies without genres are not in this table',
    title string COMMENT 'title as published, trimmed',
    release_year int COMMENT 'year of release; null where unknown',
    rating_count bigint COMMENT 'number of ratings, at least 50',
    rating_avg double COMMENT 'mean rating in stars over all ratings',
    rating_category string COMMENT 'High from 4.0, Medium from 3.0, Low below, as gold.movie_analytics has it'
)
USING iceberg
COMMENT 'One row per movie and genre, of the movies with enough ratings to judge them by.'
TBLPROPERTIES ('write.wap.enabled' = 'true')

CREATE TABLE IF NOT EXISTS lake.marts.silver_movie_ratings (
    movie_id bigint COMMENT 'movie',
    title string COMMENT 'title as published, trimmed',
    release_year int COMMENT 'year of release; null where unknown',
    genres array<string> COMMENT 'genres as published',
    rating_count bigint COMMENT 'number of ratings; 0 without ratings',
    rating_avg double COMMENT 'mean rating in stars over all ratings; null without ratings'
)
USING iceberg
COMMENT 'One row per movie of the catalogue, rated or not, with the number and the mean of its ratings.'
TBLPROPERTIES ('write.wap.enabled' = 'true')

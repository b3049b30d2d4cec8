CREATE TABLE IF NOT EXISTS lake.gold.movie_analytics (
    movie_id bigint COMMENT 'movie',
    title string COMMENT 'title as published, trimmed',
    title_clean string COMMENT 'title without the release year',
    release_year int COMMENT 'year of release; null where unknown',
    genres array<string> COMMENT 'genres as published',
    rating_count bigint COMMENT 'number of ratings; 0 without ratings',
    rating_avg double COMMENT 'mean rating in stars over all ratings; null without ratings',
    rating_stddev double COMMENT 'sample standard deviation in stars; null with fewer than two ratings',
    rating_category string COMMENT 'High from 4.0, Medium from 3.0, Low below, Unrated without ratings'
)
USING iceberg
COMMENT 'One row per movie of the catalogue, rated or not.'

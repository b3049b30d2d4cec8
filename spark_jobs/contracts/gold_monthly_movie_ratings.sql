CREATE TABLE IF NOT EXISTS lake.gold.monthly_movie_ratings (
    month date COMMENT 'first day of the UTC month of the ratings',
    movie_id bigint COMMENT 'movie; always in silver.movies',
    half_star_1 bigint COMMENT 'how many ratings equal 0.5',
    half_star_2 bigint COMMENT 'how many ratings equal 1.0',
    half_star_3 bigint COMMENT 'how many ratings equal 1.5',
    half_star_4 bigint COMMENT 'how many ratings equal 2.0',
    half_star_5 bigint COMMENT 'how many ratings equal 2.5',
    half_star_6 bigint COMMENT 'how many ratings equal 3.0',
    half_star_7 bigint COMMENT 'how many ratings equal 3.5',
    half_star_8 bigint COMMENT 'how many ratings equal 4.0',
    half_star_9 bigint COMMENT 'how many ratings equal 4.5',
    half_star_10 bigint COMMENT 'how many ratings equal 5.0'
)
USING iceberg
PARTITIONED BY (month)
COMMENT 'One row per month and movie with ratings: the histogram of its half stars. Counts merge in any order, so every figure derived from them is exact.'

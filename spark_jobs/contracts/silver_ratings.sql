CREATE TABLE IF NOT EXISTS lake.silver.ratings (
    user_id bigint COMMENT 'who rated',
    movie_id bigint COMMENT 'what was rated; always in silver.movies',
    rating decimal(2,1) COMMENT 'stars on the half-star grid, 0.5 to 5.0',
    rated_at timestamp COMMENT 'when, UTC',
    rated_month date COMMENT 'first day of the UTC month of rated_at'
)
USING iceberg
PARTITIONED BY (rated_month)
COMMENT 'One row per user, movie and month; the latest rating of the month counts.'

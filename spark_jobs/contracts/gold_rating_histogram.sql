CREATE TABLE IF NOT EXISTS lake.gold.rating_histogram (
    rating decimal(2,1) COMMENT 'stars on the half-star grid',
    rating_count bigint COMMENT 'number of ratings with exactly these stars'
)
USING iceberg
COMMENT 'One row per half star from 0.5 to 5.0, all ten of them always.'

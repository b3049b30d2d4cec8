CREATE TABLE IF NOT EXISTS lake.gold.rating_distribution (
    rating_category string COMMENT 'High, Medium, Low or Unrated',
    movie_count bigint COMMENT 'movies in the category',
    rating_count bigint COMMENT 'ratings of these movies'
)
USING iceberg
COMMENT 'One row per rating category, all four of them always.'

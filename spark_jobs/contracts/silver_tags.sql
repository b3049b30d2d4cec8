CREATE TABLE IF NOT EXISTS lake.silver.tags (
    user_id bigint COMMENT 'who tagged',
    movie_id bigint COMMENT 'what was tagged; always in silver.movies',
    tag string COMMENT 'free text, trimmed and in lower case; never empty',
    tagged_at timestamp COMMENT 'when, UTC'
)
USING iceberg
PARTITIONED BY (months(tagged_at))
COMMENT 'One row per user, movie, tag and month; the latest of the month counts.'

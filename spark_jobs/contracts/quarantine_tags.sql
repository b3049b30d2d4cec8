CREATE TABLE IF NOT EXISTS lake.quarantine.tags (
    userId string COMMENT 'who tagged, as received',
    movieId string COMMENT 'what was tagged, as received',
    tag string COMMENT 'free text, as received',
    timestamp string COMMENT 'seconds since 1970-01-01 UTC, as received',
    _other_columns string COMMENT 'JSON object of the columns that MovieLens has not, as received; null where the file has none',
    _line bigint COMMENT 'line number in the file, the header being line 1; null where landing did not need it',
    _malformed_line string COMMENT 'the line as received, where it does not have exactly the fields of the header; null elsewhere',
    _event_month date COMMENT 'first day of the UTC month of the event; null where the time cannot be read',
    _source string COMMENT 'file or stream',
    _source_file string COMMENT 'name of the file in the dataset, such as tags.csv',
    _dataset string COMMENT 'dataset and version, such as ml-latest-small@0123456789ab',
    reasons array<string> COMMENT 'every rule that the row breaks: malformed, bad_user_id, bad_movie_id, bad_rating, bad_timestamp, unknown_movie, discarded',
    _run_id string COMMENT 'Airflow run that judged the row',
    _first_seen_at timestamp COMMENT 'start of the first run that judged it, UTC'
)
USING iceberg
PARTITIONED BY (_event_month)
COMMENT 'Rows of bronze.tags that may not enter silver, with the reasons.'

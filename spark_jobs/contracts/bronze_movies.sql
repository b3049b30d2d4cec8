CREATE TABLE IF NOT EXISTS lake.bronze.movies (
    movieId string COMMENT 'movie, as received',
    title string COMMENT 'title with the release year in parentheses, as received',
    genres string COMMENT 'genres separated by a vertical bar, as received',
    _other_columns string COMMENT 'JSON object of the columns that MovieLens has not, as received; null where the file has none',
    _line bigint COMMENT 'line number in the file, the header being line 1; null where landing did not need it',
    _malformed_line string COMMENT 'the line as received, where it does not have exactly the fields of the header; null elsewhere',
    _source string COMMENT 'file or stream',
    _source_file string COMMENT 'name of the file in the dataset, such as movies.csv',
    _dataset string COMMENT 'dataset and version, such as ml-latest-small@0123456789ab',
    _run_id string COMMENT 'Airflow run that wrote the row',
    _ingested_at timestamp COMMENT 'start of that run, UTC'
)
USING iceberg
COMMENT 'One row per line of the movie catalogue of one dataset version, every value as received.'

CREATE TABLE IF NOT EXISTS lake.ops.releases (
    release_id string COMMENT 'release; begins with the start of its run',
    run_id string COMMENT 'Airflow run that made it',
    created_at timestamp COMMENT 'when, UTC',
    dataset string COMMENT 'dataset and version, such as ml-latest-small@0123456789ab',
    code_version string COMMENT 'version of this project that built it',
    kind string COMMENT 'load, replay, stream or rollback',
    restored_from string COMMENT 'release that a rollback brought back; null otherwise',
    tables map<string, bigint> COMMENT 'snapshot id of every table of the release',
    quality_status string COMMENT 'passed, or passed with the number of warnings'
)
USING iceberg
COMMENT 'One row per release: a set of table snapshots that belong together.'

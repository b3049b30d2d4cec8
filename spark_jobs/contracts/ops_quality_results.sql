CREATE TABLE IF NOT EXISTS lake.ops.quality_results (
    dag_id string COMMENT 'its DAG; null in rows written before this column, which are of movielens_lakehouse',
    run_id string COMMENT 'Airflow run that was audited',
    layer string COMMENT 'bronze, silver or gold',
    table string COMMENT 'audited table, such as silver.ratings',
    snapshot bigint COMMENT 'audited snapshot, on the branch of the run',
    expectation string COMMENT 'type of the expectation',
    column string COMMENT 'column or columns it judges; null for the whole table',
    severity string COMMENT 'critical stops the run; warning and info are reported',
    notes string COMMENT 'why the expectation is there; null in rows written before this column',
    success boolean COMMENT 'whether the expectation was met',
    observed string COMMENT 'observed value as text; null where the expectation only counts rows',
    unexpected_count bigint COMMENT 'rows that break the expectation; null for a figure of the whole table',
    evaluated_at timestamp COMMENT 'when, UTC'
)
USING iceberg
COMMENT 'One row per run, table and expectation.'
TBLPROPERTIES ('commit.manifest-merge.enabled' = 'true')

CREATE TABLE IF NOT EXISTS lake.ops.corrections (
    table string COMMENT 'ratings or tags',
    received map<string, string> COMMENT 'the row as received, by column; it names every such row, in later dataset versions too',
    corrected map<string, string> COMMENT 'the values to take instead, by column; empty for a row that is discarded',
    event_month date COMMENT 'first day of the UTC month of the event; null where the time cannot be read',
    decided_by string COMMENT 'Airflow user who decided',
    decided_at timestamp COMMENT 'when, UTC; the latest decision about a row counts',
    why string COMMENT 'the reason given',
    run_id string COMMENT 'Airflow run that recorded it'
)
USING iceberg
COMMENT 'One row per decision about a received row: to correct it, or to discard it.'

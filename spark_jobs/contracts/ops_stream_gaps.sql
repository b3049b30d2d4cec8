CREATE TABLE IF NOT EXISTS lake.ops.stream_gaps (
    topic string COMMENT 'Kafka topic',
    topic_id string COMMENT 'identifier of the topic that is read now',
    partition int COMMENT 'partition of the topic; null where the whole topic was made again',
    first_offset bigint COMMENT 'first offset that was lost; null where the whole topic was made again',
    next_offset bigint COMMENT 'offset at which reading went on; null where the whole topic was made again',
    reason string COMMENT 'what happened, in a sentence',
    accepted_by string COMMENT 'Airflow user who accepted the loss',
    accepted_at timestamp COMMENT 'when, UTC',
    run_id string COMMENT 'run that went on'
)
USING iceberg
COMMENT 'One row per range of offsets that was lost before it could be read, and accepted as lost.'

CREATE TABLE IF NOT EXISTS lake.ops.stream_batches (
    run_id string COMMENT 'run that took the batch in',
    topic string COMMENT 'Kafka topic',
    topic_id string COMMENT 'its identifier',
    first_offsets map<int, bigint> COMMENT 'first offset of the batch, by partition',
    next_offsets map<int, bigint> COMMENT 'offset after the last one of the batch, by partition',
    events bigint COMMENT 'messages in the batch',
    rejected bigint COMMENT 'messages of them that break the schema of their version',
    lag bigint COMMENT 'messages that waited in the topic when the batch was published',
    newest_at timestamp COMMENT 'latest time that Kafka keeps with a message of the batch, UTC',
    started_at timestamp COMMENT 'when the batch was begun, UTC',
    published_at timestamp COMMENT 'when readers could see it, UTC',
    snapshot_id bigint COMMENT 'snapshot of bronze.rating_events that added it'
)
USING iceberg
COMMENT 'One row per batch of messages that was moved from Kafka into bronze.rating_events.'

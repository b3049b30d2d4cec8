CREATE TABLE IF NOT EXISTS lake.bronze.rating_events (
    key binary COMMENT 'key of the message, as received',
    value binary COMMENT 'value of the message, as received; null for a tombstone',
    headers array<struct<key:string,value:binary>> COMMENT 'headers of the message, as received; null where it has none',
    topic string COMMENT 'Kafka topic',
    partition int COMMENT 'partition of the topic',
    offset bigint COMMENT 'place in the partition; a message is known by _topic_id, partition and offset',
    timestamp timestamp COMMENT 'time that Kafka keeps with the message, UTC',
    _topic_id string COMMENT 'identifier of the topic: a topic that was deleted and made again has another',
    _event_month date COMMENT 'first day of the UTC month of the rating; null where the message or its time cannot be read',
    _run_id string COMMENT 'run that took the message in',
    _ingested_at timestamp COMMENT 'start of that run, UTC'
)
USING iceberg
PARTITIONED BY (_topic_id, partition, _event_month)
COMMENT 'One row per Kafka message, raw.'

-- Measurements and presence changes over time, and what makes their ingest exact: cursors and dead letters.
-- The runner sets edge.timeseries: `plain` makes tables partitioned by range, else ordinary ones, which
-- db/timeseries turns into hypertables. There is no foreign key to edge_devices: it would be checked per row and
-- is not allowed with compression. Inserts join the device instead, and the trigger below stands for the cascade.

CREATE SEQUENCE presence_events_id_seq;

DO $$
DECLARE
    plain boolean := current_setting('edge.timeseries') = 'plain';
BEGIN
    EXECUTE $table$
        CREATE TABLE device_metrics (
            device_id       uuid NOT NULL,
            organization_id uuid NOT NULL,
            "timestamp"     timestamptz NOT NULL DEFAULT now(),
            received_at     timestamptz NOT NULL DEFAULT now(),
            metric_type     varchar(50) NOT NULL,
            metric_value    jsonb NOT NULL,
            -- clock_skew_ms and device_timestamp, where the device's clock was too far off to be used.
            metadata        jsonb
        )$table$ || CASE WHEN plain THEN ' PARTITION BY RANGE ("timestamp")' ELSE '' END;
    EXECUTE $table$
        CREATE TABLE presence_events (
            id               bigint NOT NULL DEFAULT nextval('presence_events_id_seq'),
            device_id        uuid NOT NULL,
            organization_id  uuid NOT NULL,
            at               timestamptz NOT NULL,
            from_observation varchar(20),
            to_observation   varchar(20) NOT NULL,
            reason           varchar(200) NOT NULL,
            session_epoch    bigint
        )$table$ || CASE WHEN plain THEN ' PARTITION BY RANGE (at)' ELSE '' END;
END $$;

CREATE INDEX idx_device_metrics_device_time ON device_metrics (device_id, "timestamp" DESC);
CREATE INDEX idx_presence_events_device_time ON presence_events (device_id, at DESC, id DESC);
CREATE INDEX idx_presence_events_org_time ON presence_events (organization_id, at DESC);

CREATE FUNCTION delete_series_of_device() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM device_metrics WHERE device_id = OLD.id;
    DELETE FROM presence_events WHERE device_id = OLD.id;
    RETURN OLD;
END $$;
CREATE TRIGGER edge_devices_delete_series AFTER DELETE ON edge_devices
    FOR EACH ROW EXECUTE FUNCTION delete_series_of_device();

-- Highest contiguous batch number that is committed, per numbering (boot_id) of a device's outbox.
CREATE TABLE ingest_cursors (
    device_id  uuid NOT NULL REFERENCES edge_devices (id) ON DELETE CASCADE,
    stream     varchar(20) NOT NULL,
    boot_id    varchar(64) NOT NULL,
    seq        bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (device_id, stream, boot_id)
) WITH (fillfactor = 50);

-- Messages that could not be decoded: enough bytes to find the fault, never enough to fill the disk.
CREATE TABLE dead_letters (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at timestamptz NOT NULL,
    org_slug    varchar(100),
    device      varchar(100),
    channel     varchar(100),
    topic       varchar(300) NOT NULL,
    reason      varchar(500) NOT NULL,
    sample      bytea NOT NULL CHECK (octet_length(sample) <= 2048)
);
CREATE INDEX idx_dead_letters_received ON dead_letters (received_at);

-- Telemetry: labels of measurements and their sums per minute, hour and day, log lines with a word index, what an
-- organisation decides about both, and counters of ingest. Partitioned or hypertables as in 0003.

ALTER TABLE device_metrics ADD COLUMN labels jsonb;
-- Device clock minus ours at the last heartbeat that told its time.
ALTER TABLE device_presence ADD COLUMN clock_skew_ms bigint;

-- Cached per session: ids break ties within a microsecond, they need not rise over sessions.
CREATE SEQUENCE device_logs_id_seq CACHE 1000;

DO $$
DECLARE
    plain boolean := current_setting('edge.timeseries') = 'plain';
    rollup text;
BEGIN
    FOREACH rollup IN ARRAY ARRAY['device_metrics_1m', 'device_metrics_1h', 'device_metrics_1d'] LOOP
        EXECUTE format($table$
            CREATE TABLE %I (
                device_id       uuid NOT NULL,
                organization_id uuid NOT NULL,
                bucket          timestamptz NOT NULL,
                metric_type     varchar(50) NOT NULL,
                labels          jsonb NOT NULL,
                -- {field: [samples, sum, minimum, maximum]}
                fields          jsonb NOT NULL
            )$table$, rollup) || CASE WHEN plain THEN ' PARTITION BY RANGE (bucket)' ELSE '' END;
        EXECUTE format('CREATE INDEX idx_%1$s_device_type_time ON %1$I (device_id, metric_type, bucket DESC)', rollup);
    END LOOP;
    EXECUTE $table$
        CREATE TABLE device_logs (
            id              bigint NOT NULL DEFAULT nextval('device_logs_id_seq'),
            device_id       uuid NOT NULL,
            organization_id uuid NOT NULL,
            "timestamp"     timestamptz NOT NULL DEFAULT now(),
            received_at     timestamptz NOT NULL DEFAULT now(),
            log_level       varchar(10) NOT NULL
                            CHECK (log_level IN ('debug', 'info', 'warning', 'error', 'critical')),
            service_name    varchar(100) NOT NULL,
            message         text NOT NULL,
            metadata        jsonb
        )$table$ || CASE WHEN plain THEN ' PARTITION BY RANGE ("timestamp")' ELSE '' END;
END $$;

-- What a line can be found by: its words without case, cut at every ASCII character that is neither letter nor digit,
-- so that user=42, /var/log/x and a.b.c are found by their parts. The text parser cuts at most of them by itself; these
-- eight make it see numbers, hosts, paths, addresses and tags. One call of translate would be ten times slower. Only
-- the beginning of a very long message counts.
CREATE FUNCTION log_words(message text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT pg_catalog.to_tsvector('pg_catalog.simple'::pg_catalog.regconfig,
        pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.left(message, 4096),
            '.', ' '), '-', ' '), '+', ' '), '/', ' '), '@', ' '), '<', ' '), '&', ' '), '~', ' '))
$$;

CREATE INDEX idx_device_logs_device_time ON device_logs (device_id, "timestamp" DESC, id DESC);
CREATE INDEX idx_device_logs_org_time ON device_logs (organization_id, "timestamp" DESC, id DESC);
CREATE INDEX idx_device_logs_level ON device_logs (organization_id, "timestamp" DESC, id DESC)
    WHERE log_level IN ('error', 'critical');
CREATE INDEX idx_device_logs_words ON device_logs USING gin (log_words(message));

-- Services of a device with the time of a line of theirs, written at most once an hour each.
CREATE TABLE device_log_services (
    device_id    uuid NOT NULL REFERENCES edge_devices (id) ON DELETE CASCADE,
    service_name varchar(100) NOT NULL,
    last_at      timestamptz NOT NULL,
    PRIMARY KEY (device_id, service_name)
);

-- Hours of a device whose measurements are not summed up yet, or changed since.
CREATE TABLE metric_hours_dirty (
    device_id  uuid NOT NULL REFERENCES edge_devices (id) ON DELETE CASCADE,
    hour       timestamptz NOT NULL,
    touched_at timestamptz NOT NULL,
    PRIMARY KEY (device_id, hour)
) WITH (fillfactor = 50);
CREATE INDEX idx_metric_hours_dirty_hour ON metric_hours_dirty (hour);

-- The numbers of one measurement as rollups count them: an aggregate of the device counts with all of its samples.
-- Values are bounded, so that no sum overflows: an error here would hold up everybody's rollups.
CREATE FUNCTION metric_samples(value jsonb, metadata jsonb)
RETURNS TABLE (field text, samples float8, total float8, low float8, high float8)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 3 AS $$
    SELECT f.key, w.samples, w.samples * x.mean,
           CASE jsonb_typeof(metadata #> ARRAY['aggregate', 'min', f.key]) WHEN 'number'
           THEN greatest(least((metadata #> ARRAY['aggregate', 'min', f.key])::float8, 1e280), -1e280) ELSE x.mean END,
           CASE jsonb_typeof(metadata #> ARRAY['aggregate', 'max', f.key]) WHEN 'number'
           THEN greatest(least((metadata #> ARRAY['aggregate', 'max', f.key])::float8, 1e280), -1e280) ELSE x.mean END
    FROM jsonb_each(value) AS f
    CROSS JOIN LATERAL (
        SELECT CASE jsonb_typeof(f.value) WHEN 'number'
               THEN greatest(least((f.value)::float8, 1e280), -1e280) END AS mean) AS x
    CROSS JOIN LATERAL (
        SELECT CASE jsonb_typeof(metadata #> '{aggregate,count}') WHEN 'number'
               THEN greatest(least((metadata #> '{aggregate,count}')::float8, 1e9), 1) ELSE 1 END AS samples) AS w
    WHERE jsonb_typeof(f.value) = 'number'
$$;

CREATE TABLE telemetry_settings (
    organization_id uuid PRIMARY KEY REFERENCES organizations (id) ON DELETE CASCADE,
    version         integer NOT NULL CHECK (version >= 1),
    settings        jsonb NOT NULL,
    -- Days by class: metrics, metrics_1m, metrics_1h, metrics_1d, logs.
    retention_days  jsonb NOT NULL,
    unknown_metrics varchar(10) NOT NULL CHECK (unknown_metrics IN ('declare', 'reject')),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    updated_by      varchar(300) NOT NULL
);

CREATE TABLE metric_types (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name            varchar(50) NOT NULL,
    origin          varchar(10) NOT NULL CHECK (origin IN ('declared', 'seen')),
    description     varchar(500),
    unit            varchar(20),
    kind            varchar(20) NOT NULL,
    allowed_labels  text[],
    max_series      integer NOT NULL CHECK (max_series >= 1),
    first_seen_at   timestamptz,
    PRIMARY KEY (organization_id, name)
);

-- What each organisation sent, per minute.
CREATE TABLE ingest_minutes (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    at              timestamptz NOT NULL,
    messages        bigint NOT NULL,
    points          bigint NOT NULL,
    log_lines       bigint NOT NULL,
    dead_letters    bigint NOT NULL,
    duplicates      bigint NOT NULL,
    lag_ms_max      bigint,
    commit_ms_max   bigint,
    PRIMARY KEY (organization_id, at)
) WITH (fillfactor = 50);
CREATE INDEX idx_ingest_minutes_at ON ingest_minutes (at);

CREATE INDEX idx_dead_letters_org ON dead_letters (org_slug, id DESC);

CREATE OR REPLACE FUNCTION delete_series_of_device() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM device_metrics WHERE device_id = OLD.id;
    DELETE FROM device_metrics_1m WHERE device_id = OLD.id;
    DELETE FROM device_metrics_1h WHERE device_id = OLD.id;
    DELETE FROM device_metrics_1d WHERE device_id = OLD.id;
    DELETE FROM device_logs WHERE device_id = OLD.id;
    DELETE FROM presence_events WHERE device_id = OLD.id;
    RETURN OLD;
END $$;

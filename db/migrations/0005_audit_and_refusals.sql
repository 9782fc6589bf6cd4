-- What was done and by whom, kept for good; and what the broker refused, kept for a while.

CREATE TABLE audit_log (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- No foreign key: the record outlives the organisation.
    organization_id uuid,
    actor           varchar(350) NOT NULL,
    ip_address      inet,
    action          varchar(100) NOT NULL,
    object          varchar(300) NOT NULL,
    outcome         varchar(10) NOT NULL CHECK (outcome IN ('success', 'refused', 'failed')),
    detail          jsonb
);
CREATE INDEX idx_audit_log_org ON audit_log (organization_id, id DESC);
CREATE INDEX idx_audit_log_object ON audit_log (object, id DESC);

CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_log is append-only';
END $$;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

CREATE TABLE broker_refusals (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at              timestamptz NOT NULL,
    -- Empty where the broker could not tell whose connection it was.
    organization_id uuid REFERENCES organizations (id) ON DELETE CASCADE,
    device_id       uuid,
    reason          varchar(50) NOT NULL,
    detail          varchar(300) NOT NULL,
    count           integer NOT NULL CHECK (count >= 1)
);
CREATE INDEX idx_broker_refusals_org ON broker_refusals (organization_id, id DESC);
CREATE INDEX idx_broker_refusals_device ON broker_refusals (device_id, id DESC);
CREATE INDEX idx_broker_refusals_at ON broker_refusals (at);

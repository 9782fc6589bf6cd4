-- The audit log as evidence: who, what and why in columns of their own, every row chained to the one before it by
-- hash, and signed checkpoints of each chain's head. One chain per organisation, one more for rows without any.

ALTER TABLE audit_log
    -- person, key, service, device, token, system, provider; other: a text of none of these forms.
    ADD COLUMN actor_kind varchar(20),
    ADD COLUMN actor_id varchar(300),
    ADD COLUMN user_agent varchar(300),
    ADD COLUMN request_id varchar(100),
    -- One row per attempt, whatever happens to it: a commit whose answer was lost cannot leave a second row.
    ADD COLUMN attempt_id uuid,
    ADD COLUMN object_kind varchar(60),
    ADD COLUMN object_id varchar(300),
    ADD COLUMN error_code varchar(100),
    ADD COLUMN before jsonb,
    ADD COLUMN after jsonb,
    -- Refusals of one kind that this row stands for.
    ADD COLUMN repeats integer NOT NULL DEFAULT 1 CHECK (repeats >= 1),
    -- From 1, without gaps, per chain.
    ADD COLUMN chain_position bigint,
    ADD COLUMN previous_hash bytea,
    ADD COLUMN hash bytea;

CREATE FUNCTION audit_chain_of(organization_id uuid) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(organization_id, '00000000-0000-0000-0000-000000000000'::uuid)
$$;

-- Length and text, so that no two rows have one encoding; `-` for null.
CREATE FUNCTION audit_field(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(octet_length(value) || ':' || value, '-') || ','
$$;

-- SHA-256 over every column but the hash itself. control-plane/audit/row-hash.ts computes the same.
CREATE FUNCTION audit_row_hash(row_ audit_log) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(convert_to(concat(
        'edge-audit-1,',
        audit_field(encode(row_.previous_hash, 'hex')),
        audit_field(row_.organization_id::text),
        audit_field(row_.chain_position::text),
        audit_field(row_.id::text),
        audit_field(to_char(row_.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')),
        audit_field(row_.attempt_id::text),
        audit_field(row_.actor),
        audit_field(row_.actor_kind),
        audit_field(row_.actor_id),
        audit_field(nullif(format('%s', row_.ip_address), '')),
        audit_field(row_.user_agent),
        audit_field(row_.request_id),
        audit_field(row_.action),
        audit_field(row_.object),
        audit_field(row_.object_kind),
        audit_field(row_.object_id),
        audit_field(row_.outcome),
        audit_field(row_.error_code),
        audit_field(row_.repeats::text),
        audit_field(row_.detail::text),
        audit_field(row_.before::text),
        audit_field(row_.after::text)
    ), 'UTF8'))
$$;

-- The last row of each chain.
CREATE TABLE audit_chains (
    chain    uuid PRIMARY KEY,
    position bigint NOT NULL,
    hash     bytea NOT NULL
) WITH (fillfactor = 50);

-- What of a row follows from its texts, where its writer did not say it. Rows of old have only the texts.
CREATE FUNCTION describe_audit_row(row_ audit_log) RETURNS audit_log LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    kind text := split_part(row_.actor, ':', 1);
BEGIN
    IF row_.actor_kind IS NULL THEN
        row_.actor_kind := CASE
            WHEN kind IN ('person', 'key', 'service', 'device', 'token', 'system', 'provider') THEN kind
            ELSE 'other' END;
        row_.actor_id := coalesce(row_.actor_id, nullif(substr(left(row_.actor, 300), length(kind) + 2), ''));
    END IF;
    IF row_.object_kind IS NULL THEN
        row_.object_kind := left(split_part(row_.object, ':', 1), 60);
        row_.object_id := nullif(substr(row_.object, length(split_part(row_.object, ':', 1)) + 2), '');
    END IF;
    IF jsonb_typeof(row_.detail) = 'object' THEN
        IF row_.error_code IS NULL AND row_.outcome <> 'success' THEN
            row_.error_code := left(row_.detail ->> 'code', 100);
        END IF;
        IF row_.before IS NULL AND row_.after IS NULL
            AND jsonb_typeof(row_.detail -> 'before') = 'object' AND jsonb_typeof(row_.detail -> 'after') = 'object'
        THEN
            row_.before := row_.detail -> 'before';
            row_.after := row_.detail -> 'after';
        END IF;
    END IF;
    RETURN row_;
END $$;

-- Waits for the chain's head, which the transaction then keeps until it ends: append last. No row gets in otherwise,
-- whatever its writer says of position and hash.
CREATE FUNCTION chain_audit_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    own_chain uuid := audit_chain_of(NEW.organization_id);
    head audit_chains;
BEGIN
    LOOP
        SELECT * INTO head FROM audit_chains WHERE chain = own_chain FOR UPDATE;
        EXIT WHEN FOUND;
        INSERT INTO audit_chains VALUES (own_chain, 0, decode(repeat('00', 32), 'hex')) ON CONFLICT DO NOTHING;
    END LOOP;
    NEW := describe_audit_row(NEW);
    NEW.at := clock_timestamp();
    NEW.chain_position := head.position + 1;
    NEW.previous_hash := head.hash;
    NEW.hash := audit_row_hash(NEW);
    UPDATE audit_chains SET position = NEW.chain_position, hash = NEW.hash WHERE chain = own_chain;
    RETURN NEW;
END $$;

-- It writes to audit_chains, which nobody else may.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION chain_audit_row() SET search_path = %I, pg_temp', current_schema());
END $$;

-- Rows of before this migration, in the order in which they were written.
ALTER TABLE audit_log DISABLE TRIGGER audit_log_append_only;
DO $$
DECLARE
    found audit_log;
    head audit_chains;
BEGIN
    FOR found IN SELECT * FROM audit_log ORDER BY organization_id, id LOOP
        IF head.chain IS DISTINCT FROM audit_chain_of(found.organization_id) THEN
            IF head.chain IS NOT NULL THEN INSERT INTO audit_chains SELECT (head).*; END IF;
            head := ROW(audit_chain_of(found.organization_id), 0, decode(repeat('00', 32), 'hex'));
        END IF;
        found := describe_audit_row(found);
        found.chain_position := head.position + 1;
        found.previous_hash := head.hash;
        found.hash := audit_row_hash(found);
        head.position := found.chain_position;
        head.hash := found.hash;
        UPDATE audit_log SET
            actor_kind = found.actor_kind, actor_id = found.actor_id,
            object_kind = found.object_kind, object_id = found.object_id, error_code = found.error_code,
            before = found.before, after = found.after,
            chain_position = found.chain_position, previous_hash = found.previous_hash, hash = found.hash
        WHERE id = found.id;
    END LOOP;
    IF head.chain IS NOT NULL THEN INSERT INTO audit_chains SELECT (head).*; END IF;
END $$;

ALTER TABLE audit_log
    ALTER COLUMN actor_kind SET NOT NULL,
    ALTER COLUMN object_kind SET NOT NULL,
    ALTER COLUMN chain_position SET NOT NULL,
    ALTER COLUMN previous_hash SET NOT NULL,
    ALTER COLUMN hash SET NOT NULL;
CREATE UNIQUE INDEX audit_log_chain_key ON audit_log (audit_chain_of(organization_id), chain_position);
CREATE UNIQUE INDEX audit_log_attempt_key ON audit_log (attempt_id) WHERE attempt_id IS NOT NULL;
CREATE INDEX idx_audit_log_at ON audit_log USING brin (at);

-- ALWAYS: in every mode of replication too.
CREATE TRIGGER audit_log_chain BEFORE INSERT ON audit_log
    FOR EACH ROW EXECUTE FUNCTION chain_audit_row();
ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_log_chain;
ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_log_append_only;

CREATE FUNCTION refuse_chain_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- 1: this trigger alone. Deeper: called by that of audit_log.
    IF pg_trigger_depth() < 2 THEN RAISE EXCEPTION 'audit_chains follows audit_log'; END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER audit_chains_follow BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON audit_chains
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_chain_change();
ALTER TABLE audit_chains ENABLE ALWAYS TRIGGER audit_chains_follow;

-- Heads of chains, signed by the installation: what is missing behind one of these was cut off.
CREATE TABLE audit_checkpoints (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- No foreign key: the record outlives the organisation.
    organization_id uuid,
    at              timestamptz NOT NULL,
    position        bigint NOT NULL CHECK (position >= 1),
    hash            bytea NOT NULL,
    -- SHA-256 of the public key, in hex.
    key_id          varchar(64) NOT NULL,
    signature       bytea NOT NULL
);
CREATE INDEX idx_audit_checkpoints_chain ON audit_checkpoints (audit_chain_of(organization_id), position);
CREATE INDEX idx_audit_checkpoints_org ON audit_checkpoints (organization_id, id DESC);

CREATE FUNCTION refuse_checkpoint_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_checkpoints is append-only';
END $$;
CREATE TRIGGER audit_checkpoints_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_checkpoint_change();
ALTER TABLE audit_checkpoints ENABLE ALWAYS TRIGGER audit_checkpoints_append_only;

SELECT protect_rows('audit_chains', 'chain = ANY ((SELECT tenant_orgs())::uuid[])', 'SELECT');
SELECT protect_organization_rows('audit_checkpoints', 'SELECT');

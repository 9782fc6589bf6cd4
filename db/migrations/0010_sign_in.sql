-- Second factors, API keys and service accounts; sessions that their owner can name.

ALTER TABLE users ADD COLUMN kind varchar(10) NOT NULL DEFAULT 'person' CHECK (kind IN ('person', 'service'));

-- A session is listed and ended by this id; the hash of its secret stays here.
ALTER TABLE sessions ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid();
ALTER TABLE sessions ADD CONSTRAINT sessions_id_key UNIQUE (id);

CREATE TABLE second_factors (
    user_id       uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- Sealed with the installation's key.
    sealed_secret text NOT NULL,
    -- Empty until the first code has been right: nobody is locked out by a QR code that was never scanned.
    confirmed_at  timestamptz,
    -- The last 30 s step whose code was taken; it and earlier ones never count again.
    last_step     bigint NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL
);

CREATE TABLE recovery_codes (
    user_id   uuid NOT NULL REFERENCES second_factors (user_id) ON DELETE CASCADE,
    -- SHA-256 of 80 random bits, hex.
    code_hash varchar(64) NOT NULL,
    used_at   timestamptz,
    CONSTRAINT recovery_codes_pkey PRIMARY KEY (user_id, code_hash)
);

-- A user that signs in nowhere and belongs to one organisation for good.
CREATE TABLE service_accounts (
    user_id         uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name            varchar(40) NOT NULL,
    created_by      varchar(320),
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT service_accounts_name_key UNIQUE (organization_id, name)
);

-- An account's user goes with it, also where the organisation itself is deleted.
CREATE FUNCTION delete_user_of_service_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM users WHERE id = OLD.user_id AND kind = 'service';
    RETURN NULL;
END $$;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION delete_user_of_service_account() SECURITY DEFINER SET search_path = %I, pg_temp',
                   current_schema());
END $$;
CREATE TRIGGER service_accounts_user AFTER DELETE ON service_accounts
    FOR EACH ROW EXECUTE FUNCTION delete_user_of_service_account();

CREATE TABLE api_keys (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    -- What may be shown of the key; the rest is known by its hash alone (SHA-256, hex).
    prefix          varchar(20) NOT NULL CONSTRAINT api_keys_prefix_key UNIQUE,
    secret_hash     varchar(64) NOT NULL,
    user_id         uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- Of a service account's key; empty for a person's own.
    organization_id uuid REFERENCES organizations (id) ON DELETE CASCADE,
    name            varchar(100) NOT NULL,
    scopes          text[] NOT NULL,
    created_by      varchar(320),
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    revoked_at      timestamptz,
    last_used_at    timestamptz,
    last_used_ip    inet
);
CREATE INDEX idx_api_keys_user ON api_keys (user_id, created_at DESC, id DESC);
CREATE INDEX idx_api_keys_expires ON api_keys (expires_at);

SELECT protect_organization_rows('service_accounts');
SELECT protect_rows('api_keys',
    'organization_id = ANY ((SELECT tenant_orgs())::uuid[]) OR user_id = (SELECT tenant_user())',
    'SELECT, INSERT, UPDATE, DELETE');
SELECT protect_person_rows('second_factors');
SELECT protect_person_rows('recovery_codes');
-- Whoever makes a service account makes its user, which can do nothing before it has a membership.
CREATE POLICY tenant_service_users ON users FOR INSERT TO edge_tenant
    WITH CHECK (kind = 'service' AND NOT is_system_admin);

-- Encryption at rest: data keys of organisations, wrapped by a master key outside of the database, and the secrets
-- and configuration bodies that they seal.

-- A data key has 32 random bytes and never lies here but wrapped. No organisation: the installation's own keys.
CREATE TABLE organization_keys (
    id              uuid PRIMARY KEY,
    organization_id uuid REFERENCES organizations (id) ON DELETE CASCADE,
    version         integer NOT NULL CHECK (version >= 1),
    -- active: seals and opens; retiring: opens, its rows are sealed again; retired: no row needs it; destroyed: gone.
    state           varchar(10) NOT NULL CHECK (state IN ('active', 'retiring', 'retired', 'destroyed')),
    provider        varchar(20) NOT NULL CHECK (provider IN ('local', 'vault', 'aws-kms')),
    wrapped         text CHECK (length(wrapped) <= 8192),
    -- Of the master key at the time of wrapping: see encryption_master.
    generation      integer NOT NULL,
    -- Upper bound: processes take them in blocks.
    uses            bigint NOT NULL DEFAULT 0,
    -- Rows that it sealed when its successor came: what the progress of a rotation is measured by.
    rows_at_start   bigint,
    created_at      timestamptz NOT NULL DEFAULT now(),
    superseded_at   timestamptz,
    retired_at      timestamptz,
    destroyed_at    timestamptz,
    CONSTRAINT organization_keys_version_key UNIQUE NULLS NOT DISTINCT (organization_id, version),
    CHECK ((wrapped IS NULL) = (state = 'destroyed'))
);
CREATE UNIQUE INDEX organization_keys_active_key ON organization_keys (organization_id) NULLS NOT DISTINCT
    WHERE state = 'active';
CREATE INDEX idx_organization_keys_generation ON organization_keys (generation) WHERE wrapped IS NOT NULL;
CREATE INDEX idx_organization_keys_retiring ON organization_keys (superseded_at) WHERE state = 'retiring';

-- One row: how often the master key was rotated, and since when data keys are wrapped again.
CREATE TABLE encryption_master (
    id          boolean PRIMARY KEY DEFAULT true CHECK (id),
    generation  integer NOT NULL,
    rotated_at  timestamptz,
    rotated_by  varchar(300),
    keys_total  integer NOT NULL DEFAULT 0
);
INSERT INTO encryption_master (generation) VALUES (1);

CREATE TABLE secrets (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id  uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name             varchar(64) NOT NULL CHECK (name ~ '^[A-Za-z][A-Za-z0-9_.-]*$'),
    provider         varchar(20) NOT NULL CHECK (provider IN ('builtin', 'vault', 'aws')),
    version          integer NOT NULL CHECK (version >= 1),
    -- Where an outside provider has it, below the organisation's own folder; null for our own.
    path             varchar(300),
    field            varchar(100),
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    updated_by       varchar(320) NOT NULL,
    last_resolved_at timestamptz,
    -- A code and a sentence, never a value.
    last_error       varchar(300),
    CONSTRAINT secrets_name_key UNIQUE (organization_id, name),
    CHECK ((provider = 'builtin') = (path IS NULL))
);

-- Sealed values of built-in secrets.
CREATE TABLE secret_versions (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    secret_id       uuid NOT NULL REFERENCES secrets (id) ON DELETE CASCADE,
    version         integer NOT NULL CHECK (version >= 1),
    sealed          text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    created_by      varchar(320) NOT NULL,
    CONSTRAINT secret_versions_version_key UNIQUE (secret_id, version)
);

-- Sealed text is `v1.{key id}.{iv}.{ciphertext}.{tag}`.
CREATE INDEX idx_secret_versions_key ON secret_versions (split_part(sealed, '.', 2));
CREATE INDEX idx_second_factors_key ON second_factors (split_part(sealed_secret, '.', 2));

-- Bodies of configurations are sealed too: a JSON text then; a document that nobody has sealed yet is an object.
CREATE FUNCTION sealing_key_of(body jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE jsonb_typeof(body) WHEN 'string' THEN split_part(body #>> '{}', '.', 2) END
$$;
CREATE INDEX idx_device_config_key ON device_configurations (sealing_key_of(config_data));

-- Keys are no business of a person's request: the role of requests has no right on organization_keys, encryption_master.
SELECT protect_organization_rows('secrets');
SELECT protect_organization_rows('secret_versions');

-- How devices and integrators come in: registration tokens kept as hashes, and the certificates issued for them.

CREATE TABLE registration_tokens (
    id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id    uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    -- SHA-256 of the whole token, hex; the prefix is what people see of it.
    token_hash         varchar(64) NOT NULL CONSTRAINT registration_tokens_hash_key UNIQUE,
    prefix             varchar(30) NOT NULL,
    name               varchar(255) NOT NULL,
    device_type        varchar(50) CHECK (device_type IN ('uc1-pro', 'gateway', 'custom')),
    tags               text[] NOT NULL DEFAULT '{}',
    max_uses           integer NOT NULL CHECK (max_uses >= 1),
    -- The last wall against one use too many, should the row lock ever be forgotten.
    uses               integer NOT NULL DEFAULT 0 CHECK (uses >= 0 AND uses <= max_uses),
    expires_at         timestamptz NOT NULL,
    revoked_at         timestamptz,
    created_at         timestamptz NOT NULL DEFAULT now(),
    created_by         varchar(320),
    -- No foreign key: a token for a replacement must not become one for any device when that device is deleted.
    replaces_device_id uuid
);
CREATE INDEX idx_registration_tokens_org ON registration_tokens (organization_id, created_at DESC, id DESC);

-- One row per (hardware, key) that used a token, so that a device whose reply was lost may ask again.
CREATE TABLE registration_token_uses (
    token_id       uuid NOT NULL REFERENCES registration_tokens (id) ON DELETE CASCADE,
    hardware_id    varchar(255) NOT NULL,
    key_thumbprint varchar(64) NOT NULL,
    device_id      uuid REFERENCES edge_devices (id) ON DELETE SET NULL,
    used_at        timestamptz NOT NULL,
    PRIMARY KEY (token_id, hardware_id, key_thumbprint)
);
CREATE INDEX idx_registration_token_uses_device ON registration_token_uses (device_id);

CREATE TABLE integrators (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name            varchar(20) NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT integrators_name_key UNIQUE (organization_id, name)
);

-- Rows outlive their holder and their organisation: a revoked certificate stays on the list until it expires.
CREATE TABLE device_certificates (
    serial             varchar(40) PRIMARY KEY,
    organization_id    uuid NOT NULL,
    organization_slug  varchar(27) NOT NULL,
    device_id          uuid REFERENCES edge_devices (id) ON DELETE SET NULL,
    integrator_id      uuid REFERENCES integrators (id) ON DELETE SET NULL,
    -- The same id without a foreign key, for the record after a deletion.
    holder_id          uuid NOT NULL,
    state              varchar(20) NOT NULL CHECK (state IN ('pending', 'active', 'superseded', 'revoked')),
    subject            varchar(200) NOT NULL,
    fingerprint_sha256 varchar(64) NOT NULL,
    key_thumbprint     varchar(64) NOT NULL,
    pem                text NOT NULL,
    not_before         timestamptz NOT NULL,
    not_after          timestamptz NOT NULL,
    created_at         timestamptz NOT NULL DEFAULT now(),
    revoked_at         timestamptz,
    revocation_reason  varchar(200),
    CHECK (device_id IS NULL OR integrator_id IS NULL),
    CHECK ((state = 'revoked') = (revoked_at IS NOT NULL))
);
CREATE INDEX idx_device_certificates_device ON device_certificates (device_id);
CREATE INDEX idx_device_certificates_integrator ON device_certificates (integrator_id);
CREATE INDEX idx_device_certificates_holder ON device_certificates (holder_id);
CREATE INDEX idx_device_certificates_pending ON device_certificates (created_at) WHERE state = 'pending';
CREATE INDEX idx_device_certificates_revoked ON device_certificates (not_after) WHERE state = 'revoked';

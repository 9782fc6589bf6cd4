-- Enrolment that people decide on: tokens of narrower reach, registrations that wait for approval, and claim codes by
-- which a device changes its organisation.

ALTER TABLE registration_tokens
    ADD COLUMN requires_approval boolean NOT NULL DEFAULT false,
    -- In CIDR notation; empty = from everywhere.
    ADD COLUMN allowed_networks text[] NOT NULL DEFAULT '{}',
    -- Good for this hardware alone.
    ADD COLUMN hardware_id varchar(255),
    -- Device groups that enrolled devices join. No foreign key: one that is gone is left out.
    ADD COLUMN group_ids uuid[] NOT NULL DEFAULT '{}';

-- Whose tokens still enrol this hardware, for its present owner. No foreign key: an organisation that is gone has no
-- tokens either.
ALTER TABLE edge_devices ADD COLUMN claimed_from_organization_id uuid;

-- One row per (token, hardware, key) that asked while approval was needed.
CREATE TABLE enrollment_requests (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    -- Who decides: the token's organisation, or the one that claimed the hardware.
    organization_id  uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    token_id         uuid NOT NULL REFERENCES registration_tokens (id) ON DELETE CASCADE,
    hardware_id      varchar(255) NOT NULL,
    key_thumbprint   varchar(64) NOT NULL,
    csr              varchar(8192) NOT NULL,
    device_name      varchar(255) NOT NULL,
    device_type      varchar(50) NOT NULL CHECK (device_type IN ('uc1-pro', 'gateway', 'custom')),
    firmware_version varchar(50) NOT NULL,
    ip_address       inet,
    state            varchar(20) NOT NULL DEFAULT 'waiting'
                     CHECK (state IN ('waiting', 'approved', 'enrolled', 'rejected', 'ended')),
    requested_at     timestamptz NOT NULL,
    last_asked_at    timestamptz NOT NULL,
    decided_at       timestamptz,
    decided_by       varchar(320),
    reason           varchar(500),
    device_id        uuid REFERENCES edge_devices (id) ON DELETE SET NULL,
    CONSTRAINT enrollment_requests_key UNIQUE (token_id, hardware_id, key_thumbprint)
);
CREATE INDEX idx_enrollment_requests_org ON enrollment_requests (organization_id, requested_at DESC, id DESC);
CREATE INDEX idx_enrollment_requests_waiting ON enrollment_requests (organization_id) WHERE state = 'waiting';
CREATE INDEX idx_enrollment_requests_hardware ON enrollment_requests (hardware_id);
CREATE INDEX idx_enrollment_requests_device ON enrollment_requests (device_id);

-- At most one code per device: a new one takes the place of the one before.
CREATE TABLE device_claim_codes (
    device_id       uuid PRIMARY KEY REFERENCES edge_devices (id) ON DELETE CASCADE,
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    -- SHA-256 of the code without its hyphens, hex.
    code_hash       varchar(64) NOT NULL CONSTRAINT device_claim_codes_hash_key UNIQUE,
    expires_at      timestamptz NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    created_by      varchar(320)
);
CREATE INDEX idx_device_claim_codes_org ON device_claim_codes (organization_id);

SELECT protect_organization_rows('enrollment_requests');
SELECT protect_organization_rows('device_claim_codes');

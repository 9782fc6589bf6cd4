-- The fleet: devices as the source document has them (SD-T1, SD-T2), with the operator's intent apart from what
-- is observed, their presence in a table of its own that is made for frequent updates, and their configurations.

CREATE TABLE edge_devices (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id  uuid NOT NULL REFERENCES organizations (id),
    device_name      varchar(255) NOT NULL,
    device_type      varchar(50) NOT NULL CHECK (device_type IN ('uc1-pro', 'gateway', 'custom')),
    -- The hardware id; the name is the source document's.
    device_id        varchar(255) NOT NULL,
    intent           varchar(20) NOT NULL DEFAULT 'active' CHECK (intent IN ('active', 'maintenance', 'disabled')),
    observation      varchar(20) NOT NULL DEFAULT 'never_seen'
                     CHECK (observation IN ('never_seen', 'online', 'degraded', 'offline', 'error')),
    status           varchar(20) NOT NULL
                     GENERATED ALWAYS AS (CASE WHEN intent = 'active' THEN observation ELSE intent END) STORED,
    ip_address       inet,
    last_seen        timestamptz,
    firmware_version varchar(50),
    agent_version    varchar(50),
    tags             text[] NOT NULL DEFAULT '{}',
    metadata         jsonb NOT NULL DEFAULT '{}',
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT edge_devices_name_key UNIQUE (organization_id, device_name),
    CONSTRAINT edge_devices_hardware_key UNIQUE (device_id)
);
CREATE INDEX idx_edge_devices_org ON edge_devices (organization_id);
CREATE INDEX idx_edge_devices_status ON edge_devices (status);
CREATE INDEX idx_edge_devices_last_seen ON edge_devices (last_seen DESC);
-- What the device list sorts by; the id breaks ties, so that pages neither repeat nor skip.
CREATE INDEX idx_edge_devices_list_name ON edge_devices (device_name, id);
CREATE INDEX idx_edge_devices_list_created ON edge_devices (created_at, id);

-- What remains of a deleted device: no data, but the proof that this id was one and whose.
CREATE TABLE deleted_devices (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    device_name     varchar(255) NOT NULL,
    device_id       varchar(255) NOT NULL,
    created_at      timestamptz NOT NULL,
    last_seen       timestamptz,
    deleted_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_deleted_devices_org ON deleted_devices (organization_id, deleted_at DESC);

-- One row per device, rewritten with each heartbeat. Half-empty pages and no index on what changes keep these
-- updates heap-only (HOT), so that they touch no index and leave little to vacuum.
CREATE TABLE device_presence (
    device_id         uuid PRIMARY KEY REFERENCES edge_devices (id) ON DELETE CASCADE,
    observation       varchar(20) NOT NULL DEFAULT 'never_seen'
                      CHECK (observation IN ('never_seen', 'online', 'degraded', 'offline', 'error')),
    since             timestamptz,
    session_epoch     bigint NOT NULL DEFAULT 0,
    connected         boolean NOT NULL DEFAULT false,
    last_heartbeat_at timestamptz,
    goodbye_reason    varchar(100),
    heartbeat         jsonb,
    facts             jsonb NOT NULL DEFAULT '{}'
) WITH (fillfactor = 50);

-- SD-T3. Append-only: a rollback is a new version. Author's reason and apply state are ours.
CREATE TABLE device_configurations (
    id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    device_id      uuid NOT NULL REFERENCES edge_devices (id) ON DELETE CASCADE,
    config_version integer NOT NULL CHECK (config_version >= 1),
    config_data    jsonb NOT NULL,
    sha256         varchar(64),
    reason         varchar(500),
    apply_state    varchar(20) NOT NULL DEFAULT 'pending'
                   CHECK (apply_state IN
                     ('pending', 'delivered', 'applying', 'applied', 'failed', 'reverted', 'superseded')),
    apply_detail   varchar(1000),
    applied_at     timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    created_by     uuid REFERENCES users (id) ON DELETE SET NULL,
    is_active      boolean NOT NULL DEFAULT true,
    CONSTRAINT device_configurations_version_key UNIQUE (device_id, config_version)
);
CREATE INDEX idx_device_config_device ON device_configurations (device_id, config_version DESC);
CREATE UNIQUE INDEX device_configurations_active_key ON device_configurations (device_id) WHERE is_active;

-- Generations of the installation's own certificate authority, so that one can follow the other under a running fleet.
-- Keys and certificates lie in the certs folder; the file beside them that processes read follows these rows.

CREATE TABLE installation_authorities (
    -- Also the name of the folder.
    id                      varchar(11) PRIMARY KEY CHECK (id ~ '^ca(-[0-9a-f]{8})?$'),
    state                   varchar(10) NOT NULL CHECK (state IN ('next', 'active', 'retiring', 'retired')),
    subject                 varchar(200) NOT NULL,
    fingerprint_sha256      varchar(64) NOT NULL,
    root_fingerprint_sha256 varchar(64) NOT NULL,
    not_before              timestamptz NOT NULL,
    not_after               timestamptz NOT NULL,
    root_not_after          timestamptz NOT NULL,
    -- Signs our own servers. At most one does; before the first change of authority it is the first generation.
    serves                  boolean NOT NULL DEFAULT false,
    -- Not before this time does it become active: until then every process has learned to trust it.
    activate_at             timestamptz NOT NULL,
    -- From this time on our servers stand under it even where devices have not confirmed its root.
    serve_at                timestamptz NOT NULL,
    created_at              timestamptz NOT NULL DEFAULT now(),
    created_by              varchar(320),
    activated_at            timestamptz,
    served_at               timestamptz,
    retired_at              timestamptz
);
CREATE UNIQUE INDEX installation_authorities_next ON installation_authorities (state) WHERE state = 'next';
CREATE UNIQUE INDEX installation_authorities_active ON installation_authorities (state) WHERE state = 'active';
CREATE UNIQUE INDEX installation_authorities_serves ON installation_authorities (serves) WHERE serves;
-- They belong to no organisation: of all people, system admins alone.
SELECT protect_rows('installation_authorities', 'false', 'SELECT, INSERT, UPDATE');

-- Which generation signed it; null = the first one.
ALTER TABLE device_certificates ADD COLUMN authority_id varchar(11);
-- The board's order, and what a generation waits for before it retires.
CREATE INDEX idx_device_certificates_expiry ON device_certificates (organization_id, not_after, serial);
CREATE INDEX idx_device_certificates_authority ON device_certificates (authority_id, not_after) WHERE state <> 'revoked';

-- Who owns what and who may sign in: organisations, local users, their roles and their cookie sessions.

CREATE TABLE organizations (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    -- Immutable: it stands in topics and certificate subjects (27 characters leave room for a UUID in the CN).
    slug       varchar(27) NOT NULL CONSTRAINT organizations_slug_key UNIQUE
               CHECK (slug ~ '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$'),
    name       varchar(255) NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_organizations_name ON organizations (name, id);

CREATE TABLE users (
    id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email                varchar(320) NOT NULL,
    name                 varchar(255) NOT NULL,
    password_hash        text NOT NULL,
    is_system_admin      boolean NOT NULL DEFAULT false,
    must_change_password boolean NOT NULL DEFAULT false,
    disabled             boolean NOT NULL DEFAULT false,
    -- Of an outside identity provider; empty for local users.
    issuer               varchar(500),
    subject              varchar(255),
    last_login_at        timestamptz,
    created_at           timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_issuer_subject_key UNIQUE (issuer, subject),
    CHECK ((issuer IS NULL) = (subject IS NULL))
);
CREATE UNIQUE INDEX users_email_key ON users (lower(email));

CREATE TABLE memberships (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id         uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role            varchar(20) NOT NULL CHECK (role IN ('org_admin', 'org_member')),
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT memberships_pkey PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX idx_memberships_user ON memberships (user_id);

CREATE TABLE sessions (
    -- SHA-256 of the cookie's secret, hex: the table alone opens no session.
    token_hash   varchar(64) PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    csrf_token   varchar(100) NOT NULL,
    ip_address   inet,
    user_agent   varchar(500),
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX idx_sessions_user ON sessions (user_id);
CREATE INDEX idx_sessions_expires ON sessions (expires_at);

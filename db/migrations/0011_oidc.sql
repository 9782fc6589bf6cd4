-- Sign-in by an identity provider (OpenID Connect): whose account is whose, which roles it gave, and its sessions.

-- An account of the provider is known by (issuer, subject); its e-mail is for show. Only local accounts sign in by
-- e-mail, so among them alone it must be unique.
DROP INDEX users_email_key;
CREATE UNIQUE INDEX users_email_key ON users (lower(email)) WHERE issuer IS NULL;
CREATE INDEX idx_users_email ON users (lower(email), id);
-- True where the provider made the person a system admin, and may take that back.
ALTER TABLE users ADD COLUMN admin_by_provider boolean NOT NULL DEFAULT false;
ALTER TABLE memberships ADD COLUMN source varchar(10) NOT NULL DEFAULT 'local'
    CONSTRAINT memberships_source_check CHECK (source IN ('local', 'provider'));

-- From the click on the provider's button to its answer: one row, used once.
CREATE TABLE provider_sign_ins (
    -- SHA-256, hex, of the state parameter and of the secret in the browser's cookie.
    state_hash    varchar(64) PRIMARY KEY,
    browser_hash  varchar(64) NOT NULL,
    nonce         varchar(100) NOT NULL,
    code_verifier varchar(128) NOT NULL,
    return_to     varchar(1000) NOT NULL,
    expires_at    timestamptz NOT NULL
);
CREATE INDEX idx_provider_sign_ins_expires ON provider_sign_ins (expires_at);

-- Which of our sessions hang on which session of the provider.
CREATE TABLE provider_sessions (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    token_hash    varchar(64) NOT NULL CONSTRAINT provider_sessions_token_key UNIQUE
                  REFERENCES sessions (token_hash) ON DELETE CASCADE ON UPDATE CASCADE,
    issuer        varchar(500) NOT NULL,
    subject       varchar(255) NOT NULL,
    -- Of the provider; null where it names none.
    sid           varchar(255),
    -- Sealed; null where the provider gave none, and nothing can be asked again.
    refresh_token text,
    checked_at    timestamptz NOT NULL
);
CREATE INDEX idx_provider_sessions_sid ON provider_sessions (issuer, sid);
CREATE INDEX idx_provider_sessions_subject ON provider_sessions (issuer, subject);
CREATE INDEX idx_provider_sessions_key ON provider_sessions (split_part(refresh_token, '.', 2));
CREATE INDEX idx_provider_sessions_checked ON provider_sessions (checked_at) WHERE refresh_token IS NOT NULL;

-- Logout tokens that were used: none counts twice.
CREATE TABLE provider_logout_tokens (
    jti_hash   varchar(64) PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
CREATE INDEX idx_provider_logout_tokens_expires ON provider_logout_tokens (expires_at);

-- Times are seconds since 1970. Hashes are SHA-256. Lists and objects are JSON in text.

CREATE TABLE tenant_settings (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    settings TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE signing_keys (
    kid TEXT PRIMARY KEY,
    algorithm TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('current', 'next', 'previous', 'revoked')),
    sealed_private_key BLOB NOT NULL,
    public_jwk TEXT NOT NULL,
    certificate BLOB,
    created_at BIGINT NOT NULL,
    not_after BIGINT,
    revoked_at BIGINT
);
-- There is one key that signs and one that follows it.
CREATE UNIQUE INDEX signing_keys_state ON signing_keys (state) WHERE state IN ('current', 'next');

CREATE TABLE clients (
    client_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    app_type TEXT,
    is_first_party BOOLEAN NOT NULL,
    oidc_conformant BOOLEAN NOT NULL,
    secret_sha256 BLOB,
    secret_phc TEXT,
    authentication_method TEXT NOT NULL,
    callbacks TEXT NOT NULL,
    logout_urls TEXT NOT NULL,
    web_origins TEXT NOT NULL,
    allowed_origins TEXT NOT NULL,
    grant_types TEXT NOT NULL,
    jwt_configuration TEXT NOT NULL,
    refresh_token TEXT NOT NULL,
    metadata TEXT NOT NULL,
    other TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE client_credentials (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    name TEXT,
    kid TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    public_jwk TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    UNIQUE (client_id, kid)
);

CREATE TABLE resource_servers (
    id TEXT PRIMARY KEY,
    identifier TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    signing_algorithm TEXT NOT NULL,
    token_dialect TEXT NOT NULL,
    token_lifetime BIGINT NOT NULL,
    token_lifetime_for_web BIGINT NOT NULL,
    allow_offline_access BOOLEAN NOT NULL,
    skip_consent BOOLEAN NOT NULL,
    enforce_policies BOOLEAN NOT NULL,
    is_system BOOLEAN NOT NULL,
    subject_type_authorization TEXT NOT NULL,
    other TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE client_grants (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE,
    audience TEXT NOT NULL REFERENCES resource_servers (identifier) ON DELETE CASCADE,
    scopes TEXT NOT NULL,
    subject_type TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (client_id, audience, subject_type)
);
CREATE INDEX client_grants_audience ON client_grants (audience);

CREATE TABLE connections (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    strategy TEXT NOT NULL,
    enabled_clients TEXT NOT NULL,
    options TEXT NOT NULL,
    other TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE users (
    user_id TEXT PRIMARY KEY,
    connection TEXT NOT NULL,
    email TEXT,
    email_verified BOOLEAN NOT NULL,
    username TEXT,
    blocked BOOLEAN NOT NULL,
    profile TEXT NOT NULL,
    user_metadata TEXT NOT NULL,
    app_metadata TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    logins_count BIGINT NOT NULL DEFAULT 0,
    last_login_at BIGINT,
    last_ip TEXT,
    UNIQUE (connection, email),
    UNIQUE (connection, username)
);
CREATE INDEX users_email ON users (email);

CREATE TABLE identities (
    user_id TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    provider TEXT NOT NULL,
    connection TEXT NOT NULL,
    provider_user_id TEXT NOT NULL,
    password_phc TEXT,
    password_changed_at BIGINT,
    PRIMARY KEY (provider, connection, provider_user_id)
);
CREATE INDEX identities_user ON identities (user_id);

CREATE TABLE roles (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE role_permissions (
    role_id TEXT NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    audience TEXT NOT NULL REFERENCES resource_servers (identifier) ON DELETE CASCADE,
    permission TEXT NOT NULL,
    PRIMARY KEY (role_id, audience, permission)
);
CREATE INDEX role_permissions_audience ON role_permissions (audience);

CREATE TABLE user_roles (
    user_id TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    role_id TEXT NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    PRIMARY KEY (user_id, role_id)
);
CREATE INDEX user_roles_role ON user_roles (role_id);

CREATE TABLE user_permissions (
    user_id TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    audience TEXT NOT NULL REFERENCES resource_servers (identifier) ON DELETE CASCADE,
    permission TEXT NOT NULL,
    PRIMARY KEY (user_id, audience, permission)
);
CREATE INDEX user_permissions_audience ON user_permissions (audience);

-- An audience of '' is the tenant's own: a consent to `openid profile` alone.
CREATE TABLE user_grants (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    client_id TEXT NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE,
    audience TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (user_id, client_id, audience)
);
CREATE INDEX user_grants_client ON user_grants (client_id);

CREATE TABLE user_grant_scopes (
    grant_id TEXT NOT NULL REFERENCES user_grants (id) ON DELETE CASCADE,
    scope TEXT NOT NULL,
    PRIMARY KEY (grant_id, scope)
);

CREATE TABLE sessions (
    sid TEXT PRIMARY KEY,
    cookie_hash BLOB NOT NULL UNIQUE,
    user_id TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    auth_time BIGINT NOT NULL,
    amr TEXT NOT NULL,
    device TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    idle_expires_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expires ON sessions (expires_at);
CREATE INDEX sessions_idle_expires ON sessions (idle_expires_at);

CREATE TABLE session_clients (
    sid TEXT NOT NULL REFERENCES sessions (sid) ON DELETE CASCADE,
    client_id TEXT NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE,
    PRIMARY KEY (sid, client_id)
);
CREATE INDEX session_clients_client ON session_clients (client_id);

CREATE TABLE auth_transactions (
    id TEXT PRIMARY KEY,
    browser_hash BLOB NOT NULL,
    csrf_hash BLOB NOT NULL,
    step TEXT NOT NULL CHECK (step IN ('login', 'consent', 'confirm', 'done')),
    request TEXT NOT NULL,
    user_id TEXT REFERENCES users (user_id) ON DELETE CASCADE,
    sid TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX auth_transactions_user ON auth_transactions (user_id);
CREATE INDEX auth_transactions_expires ON auth_transactions (expires_at);

CREATE TABLE codes (
    hash BLOB PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    sid TEXT,
    redirect_uri TEXT NOT NULL,
    challenge TEXT,
    nonce TEXT,
    scopes TEXT NOT NULL,
    audience TEXT,
    auth_time BIGINT NOT NULL,
    data TEXT NOT NULL,
    family_id TEXT NOT NULL,
    access_token_id TEXT,
    failures BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX codes_client ON codes (client_id);
CREATE INDEX codes_user ON codes (user_id);
CREATE INDEX codes_expires ON codes (expires_at);

CREATE TABLE rt_families (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    sid TEXT,
    scopes TEXT NOT NULL,
    audience TEXT,
    auth_time BIGINT NOT NULL,
    is_rotating BOOLEAN NOT NULL,
    data TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);
CREATE INDEX rt_families_client ON rt_families (client_id);
CREATE INDEX rt_families_user ON rt_families (user_id);
CREATE INDEX rt_families_sid ON rt_families (sid);
CREATE INDEX rt_families_expires ON rt_families (expires_at);
CREATE INDEX rt_families_revoked ON rt_families (revoked_at);

CREATE TABLE rt_tokens (
    hash BLOB PRIMARY KEY,
    family_id TEXT NOT NULL REFERENCES rt_families (id) ON DELETE CASCADE,
    generation BIGINT NOT NULL,
    successor BLOB,
    used_at BIGINT,
    expires_at BIGINT
);
CREATE INDEX rt_tokens_family ON rt_tokens (family_id);
CREATE INDEX rt_tokens_expires ON rt_tokens (expires_at);
CREATE INDEX rt_tokens_used ON rt_tokens (used_at);

CREATE TABLE opaque_tokens (
    hash BLOB PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE,
    user_id TEXT REFERENCES users (user_id) ON DELETE CASCADE,
    sid TEXT,
    family_id TEXT,
    scopes TEXT NOT NULL,
    audience TEXT,
    data TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX opaque_tokens_client ON opaque_tokens (client_id);
CREATE INDEX opaque_tokens_user ON opaque_tokens (user_id);
CREATE INDEX opaque_tokens_family ON opaque_tokens (family_id);
CREATE INDEX opaque_tokens_expires ON opaque_tokens (expires_at);

CREATE TABLE device_codes (
    hash BLOB PRIMARY KEY,
    user_code TEXT NOT NULL UNIQUE,
    client_id TEXT NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE,
    scopes TEXT NOT NULL,
    audience TEXT,
    state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'redeemed')),
    user_id TEXT REFERENCES users (user_id) ON DELETE CASCADE,
    sid TEXT,
    auth_time BIGINT,
    poll_interval BIGINT NOT NULL,
    last_polled_at BIGINT,
    polled_too_soon BOOLEAN NOT NULL DEFAULT FALSE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX device_codes_client ON device_codes (client_id);
CREATE INDEX device_codes_user ON device_codes (user_id);
CREATE INDEX device_codes_expires ON device_codes (expires_at);

CREATE TABLE login_attempts (
    identifier TEXT NOT NULL,
    ip TEXT NOT NULL,
    count BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (identifier, ip)
);
CREATE INDEX login_attempts_expires ON login_attempts (expires_at);

CREATE TABLE blocks (
    identifier TEXT NOT NULL,
    ip TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (identifier, ip)
);
CREATE INDEX blocks_expires ON blocks (expires_at);

CREATE TABLE revoked_jti (
    jti TEXT PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX revoked_jti_expires ON revoked_jti (expires_at);

CREATE TABLE used_jti (
    issuer TEXT NOT NULL,
    jti TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, jti)
);
CREATE INDEX used_jti_expires ON used_jti (expires_at);

CREATE TABLE logs (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    event TEXT NOT NULL,
    client_id TEXT,
    user_id TEXT,
    ip TEXT,
    description TEXT,
    details TEXT NOT NULL
);
CREATE INDEX logs_at ON logs (at);
CREATE INDEX logs_user ON logs (user_id);

-- Access tokens that APIs check by themselves, so that they are known when what they come from ends.
-- The id is what `revoked_jti` has of them. Of two logins in one second it may be the same.

CREATE TABLE signed_tokens (
    id TEXT NOT NULL,
    client_id TEXT NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    sid TEXT,
    family_id TEXT,
    audience TEXT,
    expires_at BIGINT NOT NULL
);
CREATE INDEX signed_tokens_id ON signed_tokens (id);
CREATE INDEX signed_tokens_client ON signed_tokens (client_id);
CREATE INDEX signed_tokens_user ON signed_tokens (user_id);
CREATE INDEX signed_tokens_sid ON signed_tokens (sid);
CREATE INDEX signed_tokens_family ON signed_tokens (family_id);
CREATE INDEX signed_tokens_expires ON signed_tokens (expires_at);

use std::fmt;

use aws_lc_rs::rand;
use portcullis_token::{SigningError, SigningKey, UnixTime, base64url};
use serde_json::json;

/// How long an assertion is good for, in seconds: longer than a question may take.
const LIFETIME: u64 = 60;

/// What an API signs to show who it is (`private_key_jwt`, RFC 7523 section 2.2).
pub(super) struct Assertion {
    pub(super) key: SigningKey,
    pub(super) audience: String,
}

impl Assertion {
    /// RFC 7523 section 3: who asks, whom, and until when; each has an id of its own.
    pub(super) fn sign(&self, client_id: &str, now: UnixTime) -> Result<String, SigningError> {
        let mut id = [0; 16];
        rand::fill(&mut id).map_err(|_| SigningError::Crypto)?;
        let claims = json!({
            "iss": client_id,
            "sub": client_id,
            "aud": self.audience,
            "jti": base64url::encode(&id),
            "iat": now.0,
            "exp": now.0.saturating_add(LIFETIME),
        });
        self.key.sign("JWT", &claims)
    }
}

impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assertion")
            .field("kid", &self.key.kid())
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

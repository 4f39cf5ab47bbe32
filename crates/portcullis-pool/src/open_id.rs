use std::fmt;

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{self, Key};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use portcullis_token::{
    Algorithm, KeySet, Rules, Sender, TokenType, UnixTime, Unverified, Verified, base64url,
};
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::keys::PoolKeysError;

/// Who issues the tokens of every identity pool, as on AWS.
pub(crate) const ISSUER: &str = "https://cognito-identity.amazonaws.com";
/// Seconds that they are good for.
const LIFETIME: u64 = 600;

/// Signs the tokens of `GetOpenIdToken` with ES256, by a key that is made from the pool's secret.
pub(crate) struct OpenIdKey {
    pair: EcdsaKeyPair,
    jwk: Value,
    keys: KeySet,
}

impl OpenIdKey {
    pub(crate) fn derive(key: &Key) -> Result<Self, PoolKeysError> {
        let crypto = || PoolKeysError::Crypto;
        // All but one number in 2^32 is a key.
        let (private, point) = (0..=254_u8)
            .find_map(|counter| {
                let number = hmac::sign(key, &[b"open id", &[counter][..]].concat());
                let private = PrivateKey::from_private_key(&ECDH_P256, number.as_ref()).ok()?;
                let public = private.compute_public_key().ok()?;
                Some((number, public.as_ref().to_vec()))
            })
            .ok_or_else(crypto)?;
        let signing = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(signing, private.as_ref(), &point);
        let pair = pair.map_err(|_| crypto())?;
        let (x, y) = (point.get(1..33), point.get(33..65));
        let (Some(x), Some(y)) = (x, y) else {
            return Err(crypto());
        };
        let mut kid = base64url::encode(digest(&SHA256, &point).as_ref());
        kid.truncate(21);
        let jwk = json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid,
            "x": base64url::encode(x), "y": base64url::encode(y),
        });
        let published = json!({ "keys": [jwk] }).to_string();
        let keys = KeySet::parse(published.as_bytes()).map_err(|_| crypto())?;
        Ok(Self { pair, jwk, keys })
    }

    /// What others need to check the tokens: a JWK set.
    pub(crate) fn jwks(&self) -> Value {
        json!({ "keys": [self.jwk] })
    }

    /// A token for an identity of `pool`.
    pub(crate) fn sign(
        &self,
        pool: &str,
        identity: &str,
        amr: &[String],
        now: UnixTime,
    ) -> Result<String, Fault> {
        let header = json!({ "alg": "ES256", "typ": "JWS", "kid": self.jwk["kid"] });
        let claims = json!({
            "iss": ISSUER, "sub": identity, "aud": pool, "amr": amr,
            "iat": now.0, "exp": now.0.saturating_add(LIFETIME),
        });
        let part = |json: &Value| base64url::encode(json.to_string().as_bytes());
        let mut token = format!("{}.{}", part(&header), part(&claims));
        let signature = self.pair.sign(&SystemRandom::new(), token.as_bytes());
        let signature = signature.map_err(|_| Fault::internal())?;
        token.push('.');
        token.push_str(&base64url::encode(signature.as_ref()));
        Ok(token)
    }

    /// The token, if this pool has signed it and it is not over.
    pub(crate) fn verify(&self, pool: &str, token: &str, now: UnixTime) -> Option<Verified> {
        let rules = Rules {
            algorithms: vec![Algorithm::Es256],
            token_type: TokenType::Any,
            ..Rules::new(Some(ISSUER.to_owned()), Some(vec![pool.to_owned()]))
        };
        let token = Unverified::parse(token, &rules, &mut ()).ok()?;
        let sender = Sender::default();
        rules.verify(&token, &self.keys, &sender, now, &mut ()).ok()
    }
}

impl fmt::Debug for OpenIdKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenIdKey").finish_non_exhaustive()
    }
}

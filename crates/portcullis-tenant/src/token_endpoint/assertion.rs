//! Client authentication by a signed assertion: `private_key_jwt` (RFC 7523 section 3).

use std::time::Duration;

use portcullis_store::tenant::{Client, ClientCredential};
use portcullis_token::{Algorithm, KeySet, Reason, Rules, Sender, TokenType, UnixTime, Unverified};
use serde_json::{Value, json};

use crate::Tenant;

use super::refusal::{Refusal, Unauthenticated};

/// The `client_assertion_type` of a JWT (RFC 7523 section 2.2).
pub(super) const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The longest time that an assertion may still be valid for: its `jti` is kept until then.
const MAX_LIFETIME: Duration = Duration::from_hours(1);

/// Auth0's three; a credential has one of them.
const ALGORITHMS: [Algorithm; 3] = [Algorithm::Rs256, Algorithm::Rs384, Algorithm::Ps256];

/// Who an assertion says that it is from, before anything about it is checked.
pub(super) fn find_subject(assertion: &str) -> Option<String> {
    let token = Unverified::parse(assertion, TokenType::Any, &mut ()).ok()?;
    token.claims().subject().map(str::to_owned)
}

/// Checks an assertion of the client, and uses it up.
pub(super) async fn verify(
    tenant: &Tenant,
    client: &Client,
    assertion: &str,
) -> Result<(), Refusal> {
    let credentials = tenant.database.client_credentials();
    let credentials = credentials.of_client(&client.client_id).await?;
    let now = tenant.clock.now();
    let checked = check(tenant, client, &credentials, assertion, now);
    let Checked { jti, expires_at } = checked.map_err(|why| why.refuse(client))?;
    let token_ids = tenant.database.token_ids();
    let (now, client_id) = (tenant.now(), &client.client_id);
    if !token_ids.use_once(client_id, &jti, now, expires_at).await? {
        return Err(Wrong::Used.refuse(client));
    }
    Ok(())
}

/// What is to be remembered of an assertion.
struct Checked {
    jti: String,
    /// Until when.
    expires_at: i64,
}

/// What is wrong with an assertion.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum Wrong {
    #[error("the application has no public key that can be used")]
    NoKey,
    #[error("it is not verified: {}", .0.code())]
    Token(Reason),
    #[error("iss and sub are not both the client id")]
    Subject,
    #[error("it has no jti")]
    NoId,
    #[error("it is valid for more than an hour")]
    TooLong,
    #[error("its jti was used before")]
    Used,
}

impl Wrong {
    fn refuse(self, client: &Client) -> Refusal {
        Unauthenticated::Assertion {
            client_id: client.client_id.clone(),
            why: self,
        }
        .in_body()
    }
}

fn check(
    tenant: &Tenant,
    client: &Client,
    credentials: &[ClientCredential],
    assertion: &str,
    now: UnixTime,
) -> Result<Checked, Wrong> {
    let keys = prepare(credentials, now).ok_or(Wrong::NoKey)?;
    let audience = ["", "oauth/token"].map(|path| tenant.issuer.endpoint(path));
    let rules = Rules {
        algorithms: ALGORITHMS.to_vec(),
        token_type: TokenType::Any,
        ..Rules::new(Some(client.client_id.clone()), Some(audience.to_vec()))
    };
    let token = Unverified::parse(assertion, &rules, &mut ()).map_err(Wrong::Token)?;
    rules
        .verify(&token, &keys, &Sender::default(), now, &mut ())
        .map_err(Wrong::Token)?;
    let claims = token.claims();
    let client_id = Some(client.client_id.as_str());
    if claims.issuer() != client_id || claims.subject() != client_id {
        return Err(Wrong::Subject);
    }
    let jti = claims.token_id().ok_or(Wrong::NoId)?;
    let expires_at = claims.expires_at().ok_or(Wrong::TooLong)?;
    if expires_at > now.plus(MAX_LIFETIME) {
        return Err(Wrong::TooLong);
    }
    // It is accepted for the leeway longer, and must not be accepted twice then.
    let remembered = expires_at.plus(rules.leeway).plus(Duration::from_secs(1));
    Ok(Checked {
        jti: jti.to_owned(),
        expires_at: i64::try_from(remembered.0).map_err(|_| Wrong::TooLong)?,
    })
}

/// The keys that have not expired, each for its one algorithm.
fn prepare(credentials: &[ClientCredential], now: UnixTime) -> Option<KeySet> {
    let now = i64::try_from(now.0).unwrap_or(i64::MAX);
    let is_alive = |credential: &&ClientCredential| credential.expires_at.is_none_or(|at| at > now);
    let jwk = |credential: &ClientCredential| {
        let mut jwk = credential.public_jwk.as_object()?.clone();
        for (name, value) in [("kid", &credential.kid), ("alg", &credential.algorithm)] {
            jwk.insert(name.to_owned(), Value::from(value.as_str()));
        }
        jwk.remove("use");
        Some(Value::Object(jwk))
    };
    let keys: Vec<Value> = credentials
        .iter()
        .filter(is_alive)
        .filter_map(jwk)
        .collect();
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).ok()
}

//! Tokens of the tenant's own that come back to it.

use std::time::Duration;

use portcullis_token::{Algorithm, Claims, Reason, Rules, Sender, TokenType, Unverified};

use crate::Tenant;

/// How long after its end an ID token still says whom it was about: RP-Initiated Logout 1.0
/// section 2 has it accepted. A year; sessions do not last longer.
const HINT_LIFETIME: Duration = Duration::from_hours(365 * 24);

/// Whom a logout or a login is about, as an earlier ID token says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    pub(crate) client_id: String,
    pub(crate) user_id: String,
    pub(crate) sid: Option<String>,
}

/// Reads an `id_token_hint`, which may have expired.
pub(crate) fn check_hint(tenant: &Tenant, token: &str) -> Result<Hint, Reason> {
    let rules = Rules {
        algorithms: vec![Algorithm::Rs256],
        leeway: HINT_LIFETIME,
        token_type: TokenType::Any,
        ..Rules::new(Some(tenant.issuer.as_str().to_owned()), None)
    };
    let verified = verify(tenant, &rules, token, |claims| {
        let client_id = claims.audience().next().unwrap_or_default().to_owned();
        let sid = claims
            .find("sid")
            .and_then(|sid| sid.as_str().map(str::to_owned));
        (client_id, sid, claims.subject().map(str::to_owned))
    })?;
    let (client_id, sid, user_id) = verified;
    Ok(Hint {
        client_id,
        user_id: user_id.ok_or(Reason::ClaimMissing)?,
        sid,
    })
}

/// An access token that opens `/userinfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UserInfoToken {
    pub(crate) user_id: String,
    pub(crate) scope: String,
}

/// Reads a JWT whose audience is the user-info endpoint.
pub(crate) fn check_user_info(tenant: &Tenant, token: &str) -> Result<UserInfoToken, Reason> {
    let audience = vec![tenant.issuer.endpoint("userinfo")];
    let rules = Rules {
        algorithms: vec![Algorithm::Rs256],
        leeway: Duration::ZERO,
        ..Rules::new(Some(tenant.issuer.as_str().to_owned()), Some(audience))
    };
    let read = verify(tenant, &rules, token, |claims| {
        let scope = claims.find("scope");
        let scope = scope.and_then(|scope| scope.as_str().map(str::to_owned));
        let owned = |text: Option<&str>| text.map(str::to_owned);
        (scope, owned(claims.subject()))
    })?;
    let (scope, user_id) = read;
    Ok(UserInfoToken {
        user_id: user_id.ok_or(Reason::ClaimMissing)?,
        scope: scope.unwrap_or_default(),
    })
}

fn verify<T>(
    tenant: &Tenant,
    rules: &Rules,
    token: &str,
    read: impl FnOnce(&Claims) -> T,
) -> Result<T, Reason> {
    let unverified = Unverified::parse(token, rules.token_type.clone(), &mut ())?;
    let keys = tenant.keys.load();
    let now = tenant.clock.now();
    rules.verify(&unverified, &keys.key_set, &Sender::default(), now, &mut ())?;
    Ok(read(unverified.claims()))
}

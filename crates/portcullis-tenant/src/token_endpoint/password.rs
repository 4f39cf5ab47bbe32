//! The password grants, of RFC 6749 section 4.3 and of Auth0 with a `realm`.
//!
//! No application has them unless somebody lists them: they give a user's password to it.

use portcullis_store::tenant::{LoginAttempt, LoginLimit, LoginVerdict, User};
use portcullis_token::Secret;

use crate::Tenant;
use crate::access_token::ToldGrant;
use crate::ids::object_id;
use crate::passwords::Verdict;
use crate::settings::GrantType;
use crate::user_access::{UserRequest, default_audience};

use super::issue::{self, Login};
use super::refusal::Refusal;
use super::{ClientRequest, Granted};

/// The connection of users where no `realm` is named.
const DEFAULT_CONNECTION: &str = "Username-Password-Authentication";

const DAY: i64 = 24 * 60 * 60;
/// Auth0's brute-force protection: 10 attempts, then 30 days.
const LIMIT: LoginLimit = LoginLimit {
    attempts: 10,
    window: DAY,
    block: 30 * DAY,
};

pub(super) async fn grant(
    tenant: &Tenant,
    grant_type: GrantType,
    request: &ClientRequest,
) -> Result<Granted, Refusal> {
    let ClientRequest {
        client, parameters, ..
    } = request;
    if !client.row.is_first_party {
        return Err(Refusal::GrantNotAllowed(grant_type));
    }
    let username = parameters.require("username")?;
    let password = Secret::new(parameters.require("password")?.to_owned());
    let connection = match grant_type {
        GrantType::PasswordRealm => parameters.require("realm")?,
        _ => DEFAULT_CONNECTION,
    };
    let audience = default_audience(tenant, parameters.find("audience")?).await?;
    let scope = parameters.find("scope")?.unwrap_or_default();
    let user = authenticate(tenant, request, connection, username, password).await?;
    let asked = UserRequest {
        client: &client.row,
        user_id: &user.user_id,
        audience: audience.as_deref(),
        scope,
    };
    let access = issue::resolve(tenant, &asked).await?;
    let now = tenant.now();
    let id = object_id()?;
    let login = Login {
        client,
        user: &user,
        access: &access,
        sid: None,
        auth_time: now,
        tells_auth_time: false,
        nonce: None,
        grant: Some(ToldGrant::Password),
        family_id: access.has_scope("offline_access").then_some(&*id),
    };
    login.grant_at_once(tenant, &id, now).await
}

/// Counts the attempt, then looks at the password: the same for somebody who does not exist.
async fn authenticate(
    tenant: &Tenant,
    request: &ClientRequest,
    connection: &str,
    username: &str,
    password: Secret<String>,
) -> Result<User, Refusal> {
    let (ip, now) = (request.caller.ip.as_str(), tenant.now());
    let attempts = tenant.database.login_attempts();
    let attempt = LoginAttempt {
        identifier: username,
        ip,
        now,
    };
    if let LoginVerdict::Blocked { .. } = attempts.count(&attempt, LIMIT).await? {
        return Err(Refusal::TooManyAttempts);
    }
    let identities = tenant.database.identities();
    let stored = identities.find_password(connection, username).await?;
    let phc = stored.as_ref().map(|stored| stored.phc.clone());
    let verdict = tenant.passwords.verify(password, phc).await?;
    let (Some(stored), Verdict::Right { rehashed }) = (stored, verdict) else {
        return Err(Refusal::WrongPassword);
    };
    attempts.clear(username, ip).await?;
    if let Some(rehashed) = rehashed {
        let known = &stored.phc;
        identities
            .rehash_password(&stored.user_id, known, &rehashed)
            .await?;
    }
    if stored.is_blocked {
        return Err(Refusal::UserBlocked);
    }
    let users = tenant.database.users();
    let user = users.record_login(&stored.user_id, ip, now).await?;
    user.ok_or(Refusal::WrongPassword)
}

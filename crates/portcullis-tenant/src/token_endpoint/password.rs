//! The password grants, of RFC 6749 section 4.3 and of Auth0 with a `realm`.
//!
//! No application has them unless somebody lists them: they give a user's password to it.

use portcullis_store::tenant::User;
use portcullis_token::Secret;

use crate::Tenant;
use crate::access_token::ToldGrant;
use crate::accounts::{self, Login, Typed};
use crate::ids::object_id;
use crate::passwords::PasswordError;
use crate::settings::GrantType;
use crate::user_access::{UserRequest, default_audience};

use super::issue;
use super::refusal::Refusal;
use super::{ClientRequest, Granted};

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
    let connection = find_connection(tenant, grant_type, request).await?;
    let audience = default_audience(tenant, parameters.find("audience")?).await?;
    let scope = parameters.find("scope")?.unwrap_or_default();
    let user = authenticate(tenant, request, &connection).await?;
    let asked = UserRequest {
        client: &client.row,
        user_id: &user.user_id,
        audience: audience.as_deref(),
        scope,
    };
    let access = issue::resolve(tenant, &asked).await?;
    let now = tenant.now();
    let id = object_id()?;
    let login = issue::Login {
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

/// The connection whose users may log in by the client.
async fn find_connection(
    tenant: &Tenant,
    grant_type: GrantType,
    request: &ClientRequest,
) -> Result<String, Refusal> {
    let client_id = request.client.id();
    let found = match grant_type {
        GrantType::PasswordRealm => {
            let realm = request.parameters.require("realm")?;
            let found = tenant.database.connections().find_by_name(realm).await?;
            found.filter(|found| found.enabled_clients.iter().any(|id| id == client_id))
        }
        _ => accounts::find_connection(&tenant.database, client_id).await?,
    };
    found.map(|found| found.name).ok_or(Refusal::Connection)
}

async fn authenticate(
    tenant: &Tenant,
    request: &ClientRequest,
    connection: &str,
) -> Result<User, Refusal> {
    let parameters = &request.parameters;
    let typed = Typed {
        connection,
        client_id: request.client.id(),
        login: parameters.require("username")?.trim(),
        password: Secret::new(parameters.require("password")?.to_owned()),
    };
    match accounts::log_in(tenant, &request.caller, typed).await? {
        Login::Right(user) => Ok(*user),
        Login::Blocked(_) => Err(Refusal::UserBlocked),
        Login::Wrong => Err(Refusal::WrongPassword),
        Login::TooMany => Err(Refusal::TooManyAttempts),
        Login::Busy => Err(PasswordError::Busy.into()),
    }
}

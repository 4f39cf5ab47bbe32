//! What the tokens of the token endpoint may be used for, by the database as it is.

use portcullis_store::tenant::{Client, DatabaseError, ResourceServer};
use serde_json::{Map, Value};

use crate::fault::Fault;
use crate::scopes::{Audience, resolve_audience};
use crate::user_api::{UserApi, UserApiError};
use crate::{Tenant, custom_claims};

/// What a user's tokens may be used for.
#[derive(Debug)]
pub(crate) struct UserAccess {
    /// Absent for `/userinfo` alone: the access token is opaque.
    pub(crate) api: Option<ResourceServer>,
    /// In the order of the request.
    pub(crate) scopes: Vec<String>,
    /// See [`Allowed`](crate::user_api::Allowed).
    pub(crate) permissions: Vec<String>,
    /// What the tenant's settings have tokens tell of the user.
    pub(crate) custom_claims: Map<String, Value>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UserRequest<'a> {
    pub(crate) client: &'a Client,
    pub(crate) user_id: &'a str,
    /// The `audience`; absent for the user-info endpoint. See [`default_audience`].
    pub(crate) audience: Option<&'a str>,
    /// Separated by spaces; at most 200.
    pub(crate) scope: &'a str,
}

impl UserAccess {
    /// Finds out what of the request may be had. Scopes that may not are left out.
    pub(crate) async fn resolve(
        tenant: &Tenant,
        request: &UserRequest<'_>,
    ) -> Result<Self, UserApiError> {
        let UserRequest {
            client,
            user_id,
            audience,
            scope,
        } = *request;
        let api = UserApi::find(tenant, client, audience).await?;
        let allowed = api.allow(tenant, client, user_id, scope).await?;
        Ok(Self {
            api: api.server,
            scopes: allowed.scopes,
            permissions: allowed.permissions,
            custom_claims: custom_claims(tenant, user_id).await?,
        })
    }

    /// The scopes as one text.
    pub(crate) fn scope(&self) -> String {
        self.scopes.join(" ")
    }

    pub(crate) fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|known| known == scope)
    }
}

async fn custom_claims(tenant: &Tenant, user_id: &str) -> Result<Map<String, Value>, Fault> {
    let claims = &tenant.options.claims;
    if claims.is_empty() {
        return Ok(Map::new());
    }
    match tenant.database.users().find(user_id).await? {
        Some(user) => Ok(custom_claims::of_user(&tenant.database, claims, &user).await?),
        None => Ok(Map::new()),
    }
}

/// Whether applications may have tokens for the API in their own name.
///
/// By Auth0's `subject_type_authorization`; whatever it says, they need a client grant.
pub(crate) fn is_open_to_clients(api: &ResourceServer) -> bool {
    let policy = &api.subject_type_authorization["client"]["policy"];
    policy.is_null() || policy == "require_client_grant"
}

/// The `audience` that a request means: its own, or the tenant's default, or none.
pub(crate) async fn default_audience(
    tenant: &Tenant,
    requested: Option<&str>,
) -> Result<Option<String>, DatabaseError> {
    let saved = match requested {
        Some(_) => None,
        None => tenant.database.settings().load().await?,
    };
    let saved = saved
        .as_ref()
        .and_then(|saved| saved.get("default_audience"));
    let saved = saved.and_then(Value::as_str);
    let default = saved.or(tenant.options.default_audience.as_deref());
    Ok(match resolve_audience(requested, default, &tenant.issuer) {
        Audience::UserInfo => None,
        Audience::Api(identifier) => Some(identifier.to_owned()),
    })
}

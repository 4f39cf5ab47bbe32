//! What a user's tokens may be used for, by the database as it is.

use portcullis_store::tenant::{Client, DatabaseError, ResourceServer};
use serde_json::Value;

use crate::Tenant;
use crate::scopes::{ApiScopes, Audience, ScopeRequest, TooManyScopes, resolve_audience};
use crate::settings::GrantType;

/// What a user's tokens may be used for.
#[derive(Debug)]
pub(crate) struct UserAccess {
    /// Absent for `/userinfo` alone: the access token is opaque.
    pub(crate) api: Option<ResourceServer>,
    /// In the order of the request.
    pub(crate) scopes: Vec<String>,
    /// All that the user may do with the API through this client, where it asks for that (RBAC).
    pub(crate) permissions: Vec<String>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UserRequest<'a> {
    pub(crate) client: &'a Client,
    pub(crate) user_id: &'a str,
    /// The `audience`; absent for the user-info endpoint. See [`default_audience`].
    pub(crate) audience: Option<&'a str>,
    /// Separated by spaces.
    pub(crate) scope: &'a str,
}

/// Why nothing may be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccessError {
    #[error("no API has this identifier")]
    UnknownAudience(String),
    #[error("the API is not open to users of this client")]
    NoClientGrant(String),
    #[error(transparent)]
    TooManyScopes(#[from] TooManyScopes),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Who may use an API, by Auth0's `subject_type_authorization`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccessPolicy {
    AllowAll,
    RequireClientGrant,
    DenyAll,
}

impl AccessPolicy {
    /// That for users; `allow_all` where nothing is said.
    pub(crate) fn for_users(api: &ResourceServer) -> Self {
        Self::read(api, "user").unwrap_or(Self::AllowAll)
    }

    /// That for applications in their own name; `require_client_grant` where nothing is said.
    pub(crate) fn for_clients(api: &ResourceServer) -> Self {
        match Self::read(api, "client") {
            Some(Self::DenyAll) => Self::DenyAll,
            _ => Self::RequireClientGrant,
        }
    }

    /// A word that is not known denies.
    fn read(api: &ResourceServer, subject: &str) -> Option<Self> {
        let policy = api.subject_type_authorization.get(subject)?.get("policy")?;
        Some(match policy.as_str() {
            Some("allow_all") => Self::AllowAll,
            Some("require_client_grant") => Self::RequireClientGrant,
            _ => Self::DenyAll,
        })
    }
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

impl UserAccess {
    /// Finds out what of the request may be had. Scopes that may not are left out.
    pub(crate) async fn resolve(
        tenant: &Tenant,
        request: &UserRequest<'_>,
    ) -> Result<Self, AccessError> {
        let refresh = GrantType::RefreshToken.name();
        let may_refresh = request
            .client
            .grant_types
            .iter()
            .any(|name| name == refresh);
        let Some(audience) = request.audience else {
            let scopes = ScopeRequest {
                requested: request.scope,
                api: None,
                may_refresh,
            };
            return Ok(Self {
                api: None,
                scopes: owned(&scopes.resolve()?),
                permissions: Vec::new(),
            });
        };
        let api = tenant.database.resource_servers();
        let api = api.find_by_identifier(audience).await?;
        let api = api.ok_or_else(|| AccessError::UnknownAudience(audience.to_owned()))?;
        let client_grant = find_client_grant(tenant, request.client, &api).await?;
        let enforced = if api.enforce_policies {
            let permissions = tenant.database.permissions();
            Some(permissions.effective(request.user_id, audience).await?)
        } else {
            None
        };
        let known: Vec<String> = api.scopes.iter().map(|scope| scope.value.clone()).collect();
        let limits = ApiScopes {
            permissions: &known,
            allow_offline_access: api.allow_offline_access,
            enforced: enforced.as_deref(),
            client_grant: client_grant.as_deref(),
        };
        let scopes = ScopeRequest {
            requested: request.scope,
            api: Some(limits),
            may_refresh,
        };
        Ok(Self {
            scopes: owned(&scopes.resolve()?),
            permissions: owned(&limits.permissions()),
            api: Some(api),
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

/// The most that users of the client may have; absent where the API does not limit it.
async fn find_client_grant(
    tenant: &Tenant,
    client: &Client,
    api: &ResourceServer,
) -> Result<Option<Vec<String>>, AccessError> {
    let refused = || AccessError::NoClientGrant(api.identifier.clone());
    match AccessPolicy::for_users(api) {
        AccessPolicy::AllowAll => Ok(None),
        AccessPolicy::DenyAll => Err(refused()),
        AccessPolicy::RequireClientGrant => {
            let grants = tenant.database.client_grants();
            let grant = grants.find_for(&client.client_id, &api.identifier, "user");
            grant
                .await?
                .map(|grant| Some(grant.scopes))
                .ok_or_else(refused)
        }
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

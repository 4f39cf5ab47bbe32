//! What an application may do with an API for a user.

use portcullis_store::tenant::{Client, ResourceServer};
use serde_json::Value;

use crate::Tenant;
use crate::fault::Fault;
use crate::scopes::{ApiScopes, ScopeRequest, parse_scopes};

/// The API that a user's token is for, as the application may have it; or none.
#[derive(Clone, Debug)]
pub(crate) struct UserApi {
    /// Absent for a token that opens `/userinfo` only.
    pub(crate) server: Option<ResourceServer>,
    /// The most that the application may have, where the API wants a client grant.
    client_grant: Option<Vec<String>>,
}

/// Why an application may not have tokens of a user for an API. Texts are Auth0's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UserApiError {
    #[error("Service not found: {0}")]
    Unknown(String),
    #[error(
        "Client is not authorized to access \"{0}\". You need to create a \"client-grant\" \
         associated to this API. See: \
         https://auth0.com/docs/api/v2#!/Client_Grants/post_client_grants"
    )]
    NotGranted(String),
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl UserApi {
    /// Finds the API `audience`, absent for none, and whether the application may have it.
    pub(crate) async fn find(
        tenant: &Tenant,
        client: &Client,
        audience: Option<&str>,
    ) -> Result<Self, UserApiError> {
        let Some(audience) = audience else {
            return Ok(Self {
                server: None,
                client_grant: None,
            });
        };
        let servers = tenant.database.resource_servers();
        let server = servers.find_by_identifier(audience).await;
        let server = server
            .map_err(Fault::from)?
            .ok_or_else(|| UserApiError::Unknown(audience.to_owned()))?;
        let policy = &server.subject_type_authorization["user"]["policy"];
        let client_grant = match policy {
            // What Auth0 has for an API that says nothing.
            Value::Null => None,
            Value::String(policy) if policy == "allow_all" => None,
            Value::String(policy) if policy == "require_client_grant" => {
                let grants = tenant.database.client_grants();
                let grant = grants.find_for(&client.client_id, audience, "user").await;
                let grant = grant.map_err(Fault::from)?;
                let grant = grant.ok_or_else(|| UserApiError::NotGranted(audience.to_owned()))?;
                Some(grant.scopes)
            }
            _ => return Err(UserApiError::NotGranted(audience.to_owned())),
        };
        Ok(Self {
            server: Some(server),
            client_grant,
        })
    }

    /// The scopes to give of those that `requested` names, for this user.
    pub(crate) async fn resolve(
        &self,
        tenant: &Tenant,
        client: &Client,
        user_id: &str,
        requested: &str,
    ) -> Result<Vec<String>, Fault> {
        let permissions: Vec<String> = self.server.as_ref().map_or_else(Vec::new, |server| {
            server
                .scopes
                .iter()
                .map(|scope| scope.value.clone())
                .collect()
        });
        let enforced = match &self.server {
            Some(server) if server.enforce_policies => {
                let permissions = tenant.database.permissions();
                Some(permissions.effective(user_id, &server.identifier).await?)
            }
            _ => None,
        };
        let api = self.server.as_ref().map(|server| ApiScopes {
            permissions: &permissions,
            allow_offline_access: server.allow_offline_access,
            enforced: enforced.as_deref(),
            client_grant: self.client_grant.as_deref(),
        });
        let request = ScopeRequest {
            requested,
            api,
            may_refresh: may_use(client, "refresh_token"),
        };
        // What was kept is within the bound: more was refused when it came.
        let scopes = request.resolve().unwrap_or_default();
        Ok(scopes.into_iter().map(str::to_owned).collect())
    }
}

/// Whether an application may use the grant type.
pub(crate) fn may_use(client: &Client, grant_type: &str) -> bool {
    client.grant_types.iter().any(|known| known == grant_type)
}

/// Whether `scope` names `name`.
pub(crate) fn names_scope(scope: &str, name: &str) -> bool {
    parse_scopes(scope).is_ok_and(|scopes| scopes.contains(&name))
}

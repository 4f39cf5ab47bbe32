//! Auth0's Management API v2, as far as tenants are run by it: `/api/v2/…`.
//!
//! # Life of a request
//!
//! 1. `caller` verifies the bearer token, with the tenant's own keys, for the audience
//!    `{issuer}api/v2/`.
//! 2. `operation` is what the table of the resource's file says: which scopes are enough, and which
//!    parameters the query may have. Nothing runs that has no row there.
//! 3. `members` checks the body against the members that the resource has.
//! 4. The resource's file turns rows of the database into Auth0's objects and back.
//! 5. `refusal` is the one table of what goes wrong, in Auth0's words.

mod actions;
mod attack_protection;
mod caller;
mod client_credentials;
mod client_grants;
mod client_members;
mod clients;
mod connections;
mod grants;
mod ids;
mod logs;
mod members;
mod operation;
mod paging;
mod permissions;
mod public_key;
mod query;
mod refresh_tokens;
mod refusal;
mod resource_servers;
mod roles;
mod sessions;
mod signing_keys;
mod system;
mod tenant_settings;
mod user_blocks;
mod user_members;
mod users;

use std::sync::Arc;

use axum::routing::on;
use axum::{Router, middleware};

use crate::{Issuer, Tenant, cors, guard};

use caller::Api;
use operation::Operation;

pub(crate) use system::write as write_system;

/// Every operation there is, by resource.
const RESOURCES: [&[Operation]; 17] = [
    clients::OPERATIONS,
    client_credentials::OPERATIONS,
    resource_servers::OPERATIONS,
    client_grants::OPERATIONS,
    connections::OPERATIONS,
    users::OPERATIONS,
    permissions::OPERATIONS,
    roles::OPERATIONS,
    grants::OPERATIONS,
    tenant_settings::OPERATIONS,
    signing_keys::OPERATIONS,
    user_blocks::OPERATIONS,
    attack_protection::OPERATIONS,
    refresh_tokens::OPERATIONS,
    sessions::OPERATIONS,
    logs::OPERATIONS,
    actions::OPERATIONS,
];

/// What a user may do with what is theirs, by scopes of Auth0's that this API knows.
const OWN_SCOPES: [&str; 4] = [
    "read:current_user",
    "create:current_user_metadata",
    "update:current_user_metadata",
    "delete:current_user_metadata",
];

/// The audience of the tokens that open this API.
fn audience(issuer: &Issuer) -> String {
    issuer.endpoint("api/v2/")
}

/// The routes, for the root of the issuer's host.
pub(crate) fn router(issuer: &Issuer) -> Router<Arc<Tenant>> {
    let api = Arc::new(Api::new(issuer));
    let mut router = Router::new();
    for operation in RESOURCES.into_iter().flatten() {
        let api = Arc::clone(&api);
        let serve = move |state, request| operation.serve(api, state, request);
        let path = format!("/api/v2{}", operation.path);
        router = router.route(&path, on(operation.verb.filter(), serve));
    }
    router
        .method_not_allowed_fallback(guard::method_not_allowed)
        // Any page: what it sends is a token that it has, and no cookie.
        .route_layer(middleware::from_fn(cors::for_bearers))
}

/// Every scope that opens something here, each once and in order.
fn scopes() -> Vec<&'static str> {
    let operations = RESOURCES.into_iter().flatten();
    let mut scopes: Vec<_> = operations.flat_map(|operation| operation.scopes).collect();
    scopes.extend(&OWN_SCOPES);
    scopes.sort_unstable();
    scopes.dedup();
    scopes.into_iter().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_wants_a_scope_of_its_kind() {
        for operation in RESOURCES.into_iter().flatten() {
            let name = format!("{} {}", operation.verb.name(), operation.path);
            assert!(!operation.scopes.is_empty(), "{name}");
            let action = operation.verb.action();
            for scope in operation.scopes {
                assert!(!scope.contains("current_user"), "{name}: {scope}");
                assert!(!operation.own.contains(scope), "{name}: {scope}");
                let odd = ["/rotate", "/revoke", "/rotate-secret"];
                let is_odd = odd.iter().any(|end| operation.path.ends_with(end));
                // What is assigned to a user or role is a change of it.
                let is_change = scope.starts_with("update:") || scope.starts_with("create:");
                let holds = scope.starts_with(action) || is_odd || is_change && action != "read:";
                assert!(holds, "{name}: {scope}");
            }
            assert!(operation.own.iter().all(|own| OWN_SCOPES.contains(own)));
        }
    }

    #[test]
    fn an_operation_has_one_row() {
        let mut rows: Vec<_> = RESOURCES
            .into_iter()
            .flatten()
            .map(|operation| (operation.path, operation.verb.name()))
            .collect();
        let count = rows.len();
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows.len(), count);
    }
}

//! What every tenant has: this API among its APIs.

use portcullis_store::tenant::{Database, DatabaseError, ResourceServer, Scope};
use portcullis_token::UnixTime;

use crate::Issuer;
use crate::ids::object_id_of;

use super::{audience, resource_servers, scopes};

/// The name by which tools of Auth0's know that it is not theirs to change.
const NAME: &str = "Auth0 Management API";

/// Writes what is missing. What people changed stays as they have it, but for the scopes.
pub(crate) async fn write(
    database: &Database,
    issuer: &Issuer,
    now: UnixTime,
) -> Result<(), DatabaseError> {
    let now = i64::try_from(now.0).unwrap_or(i64::MAX);
    let identifier = &audience(issuer);
    let servers = database.resource_servers();
    let Some(known) = servers.find_by_identifier(identifier).await? else {
        let blank = resource_servers::blank(object_id_of(&[identifier]), identifier, now);
        let api = ResourceServer {
            name: NAME.to_owned(),
            scopes: every_scope(),
            is_system: true,
            ..blank
        };
        return accept_duplicate(servers.insert(&api).await);
    };
    let api = ResourceServer {
        name: NAME.to_owned(),
        scopes: every_scope(),
        is_system: true,
        ..known
    };
    servers.update(&api).await.map(drop)
}

fn every_scope() -> Vec<Scope> {
    let scopes = scopes().into_iter().map(|value| Scope {
        value: value.to_owned(),
        description: None,
    });
    scopes.collect()
}

/// Another process that starts at the same time writes the same.
fn accept_duplicate(outcome: Result<(), DatabaseError>) -> Result<(), DatabaseError> {
    match outcome {
        Err(DatabaseError::Duplicate { .. }) => Ok(()),
        outcome => outcome,
    }
}

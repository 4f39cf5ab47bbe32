//! `grants`: what users have consented to.

use portcullis_store::tenant::{UserGrant, UserGrantFilter};
use serde_json::{Value, json};

use super::operation::{Answer, Answered, Call, Operation, Verb};
use super::paging::Paging;
use super::refusal::{Object, Refusal};

const DELETE: &[&str] = &["delete:grants"];

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(Verb::Get, "/grants", &["read:grants"], |call| {
        Box::pin(list(call))
    })
    .paged()
    .with_query(&["user_id", "client_id", "audience"]),
    Operation::new(Verb::Delete, "/grants/{id}", DELETE, |call| {
        Box::pin(delete(call))
    }),
    Operation::new(Verb::Delete, "/grants", DELETE, |call| {
        Box::pin(delete_of_user(call))
    })
    .with_query(&["user_id"]),
];

async fn list(call: &Call) -> Answered {
    let paging = Paging::of(call)?;
    let filter = |name| call.query.find(name).map(str::to_owned);
    let filter = UserGrantFilter {
        user_id: filter("user_id"),
        client_id: filter("client_id"),
        audience: filter("audience"),
    };
    let grants = call.database().user_grants();
    let listing = grants.list(&filter, &paging.slice()).await?;
    paging.answer_listing(call, "grants", listing, show)
}

/// Consent is asked for again, and the refresh tokens that it allowed are good no more.
async fn delete(call: &Call) -> Answered {
    let grants = call.database().user_grants();
    if grants.delete(call.id(), call.now()).await? {
        Ok(Answer::Done)
    } else {
        Err(Refusal::Absent(Object::Grant))
    }
}

async fn delete_of_user(call: &Call) -> Answered {
    let user_id = call.query.require("user_id")?;
    let grants = call.database().user_grants();
    grants.delete_of_user(user_id, call.now()).await?;
    Ok(Answer::Done)
}

fn show(grant: &UserGrant) -> Value {
    json!({
        "id": grant.id,
        "clientID": grant.client_id,
        "user_id": grant.user_id,
        "audience": grant.audience,
        "scope": grant.scopes,
    })
}

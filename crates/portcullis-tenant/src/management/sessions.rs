//! `sessions`: the logins that browsers are remembered by.

use portcullis_store::tenant::Session;
use serde_json::{Value, json};

use super::ids::date;
use super::operation::{Answer, Answered, Call, Operation, Verb};
use super::paging::{Paging, one};
use super::refusal::{Object, Refusal};
use super::users;

const READ: &[&str] = &["read:sessions"];
const DELETE: &[&str] = &["delete:sessions"];
const ONE: &str = "/sessions/{id}";
const OF_USER: &str = "/users/{id}/sessions";

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(Verb::Get, ONE, READ, |call| Box::pin(read(call))),
    Operation::new(Verb::Delete, ONE, DELETE, |call| Box::pin(delete(call))),
    Operation::new(Verb::Post, "/sessions/{id}/revoke", DELETE, |call| {
        Box::pin(revoke(call))
    }),
    Operation::new(Verb::Get, OF_USER, READ, |call| {
        Box::pin(list_of_user(call))
    })
    .paged(),
    Operation::new(Verb::Delete, OF_USER, DELETE, |call| {
        Box::pin(delete_of_user(call))
    }),
];

async fn read(call: &Call) -> Answered {
    let sessions = call.database().sessions();
    let session = sessions.find(call.id(), call.now()).await?;
    let session = session.ok_or(Refusal::Absent(Object::Session))?;
    one(call, show(&session, &sessions.clients(&session.sid).await?))
}

async fn delete(call: &Call) -> Answered {
    let ended = call.database().sessions().delete(call.id()).await?;
    ended.ok_or(Refusal::Absent(Object::Session))?;
    Ok(Answer::Done)
}

/// Ends a session and the tokens that began in it.
async fn revoke(call: &Call) -> Answered {
    let sessions = call.database().sessions();
    let ended = sessions.revoke(call.id(), call.now()).await?;
    ended.ok_or(Refusal::Absent(Object::Session))?;
    Ok(Answer::Content(json!({})))
}

async fn list_of_user(call: &Call) -> Answered {
    let paging = Paging::of(call)?;
    let user = users::find(call, call.id()).await?;
    let sessions = call.database().sessions();
    let listing = sessions
        .of_user(&user.user_id, call.now(), &paging.slice())
        .await?;
    let mut rows = Vec::with_capacity(listing.rows.len());
    for session in &listing.rows {
        rows.push(show(session, &sessions.clients(&session.sid).await?));
    }
    paging.answer(call, "sessions", listing.next, listing.total, rows)
}

async fn delete_of_user(call: &Call) -> Answered {
    let user = users::find(call, call.id()).await?;
    call.database()
        .sessions()
        .delete_of_user(&user.user_id)
        .await?;
    Ok(Answer::Done)
}

fn show(session: &Session, clients: &[String]) -> Value {
    let clients: Vec<_> = clients
        .iter()
        .map(|id| json!({ "client_id": id }))
        .collect();
    let methods = session.amr.iter();
    let authenticated_at = date(session.auth_time);
    let methods: Vec<_> = methods
        .map(|name| json!({ "name": name, "timestamp": authenticated_at }))
        .collect();
    json!({
        "id": session.sid,
        "user_id": session.user_id,
        "created_at": date(session.created_at),
        "updated_at": date(session.last_used_at),
        "authenticated_at": authenticated_at,
        "last_interacted_at": date(session.last_used_at),
        "idle_expires_at": date(session.idle_expires_at),
        "expires_at": date(session.expires_at),
        "device": session.device,
        "clients": clients,
        "authentication": { "methods": methods },
    })
}

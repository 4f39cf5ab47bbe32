//! `refresh-tokens`: a family is one of them, whichever of its tokens is the present one.

use portcullis_store::tenant::{RefreshFamily, RefreshFamilyFilter};
use serde_json::{Value, json};

use super::ids::date;
use super::operation::{Answer, Answered, Call, Operation, Verb};
use super::paging::{Paging, one};
use super::refusal::{Object, Refusal};
use super::users;

const READ: &[&str] = &["read:refresh_tokens"];
const DELETE: &[&str] = &["delete:refresh_tokens"];
const ONE: &str = "/refresh-tokens/{id}";
const OF_USER: &str = "/users/{id}/refresh-tokens";

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(Verb::Get, "/refresh-tokens", READ, |call| {
        Box::pin(list(call))
    })
    .paged()
    .with_query(&["user_id", "client_id"]),
    Operation::new(Verb::Get, ONE, READ, |call| Box::pin(read(call))),
    Operation::new(Verb::Delete, ONE, DELETE, |call| Box::pin(delete(call))),
    Operation::new(Verb::Get, OF_USER, READ, |call| {
        Box::pin(list_of_user(call))
    })
    .paged(),
    Operation::new(Verb::Delete, OF_USER, DELETE, |call| {
        Box::pin(delete_of_user(call))
    }),
];

async fn list(call: &Call) -> Answered {
    let filter = RefreshFamilyFilter {
        user_id: Some(call.query.require("user_id")?.to_owned()),
        client_id: call.query.find("client_id").map(str::to_owned),
        sid: None,
    };
    answer(call, &filter).await
}

async fn list_of_user(call: &Call) -> Answered {
    let user = users::find(call, call.id()).await?;
    let filter = RefreshFamilyFilter {
        user_id: Some(user.user_id),
        ..RefreshFamilyFilter::default()
    };
    answer(call, &filter).await
}

async fn answer(call: &Call, filter: &RefreshFamilyFilter) -> Answered {
    let paging = Paging::of(call)?;
    let tokens = call.database().refresh_tokens();
    let listing = tokens.list(filter, &paging.slice()).await?;
    paging.answer_listing(call, "tokens", listing, show)
}

async fn read(call: &Call) -> Answered {
    let family = call
        .database()
        .refresh_tokens()
        .find_family(call.id())
        .await?;
    let family = family.filter(|family| family.revoked_at.is_none());
    one(
        call,
        show(&family.ok_or(Refusal::Absent(Object::RefreshToken))?),
    )
}

async fn delete(call: &Call) -> Answered {
    let tokens = call.database().refresh_tokens();
    if tokens.revoke_family(call.id(), call.now()).await? {
        Ok(Answer::Done)
    } else {
        Err(Refusal::Absent(Object::RefreshToken))
    }
}

async fn delete_of_user(call: &Call) -> Answered {
    let user = users::find(call, call.id()).await?;
    let tokens = call.database().refresh_tokens();
    tokens
        .revoke_of_user(&user.user_id, None, None, call.now())
        .await?;
    Ok(Answer::Done)
}

fn show(family: &RefreshFamily) -> Value {
    let scopes = family.scopes.join(" ");
    let mut object = json!({
        "id": family.id,
        "user_id": family.user_id,
        "client_id": family.client_id,
        "session_id": family.sid,
        "rotating": family.is_rotating,
        "created_at": date(family.created_at),
        "last_exchanged_at": date(family.last_used_at),
        "resource_servers": [{ "audience": family.audience, "scopes": scopes }],
    });
    if let Some(at) = family.expires_at {
        object["expires_at"] = date(at).into();
    }
    object
}

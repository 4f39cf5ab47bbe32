//! `user-blocks`: who has failed to log in too often.

use portcullis_store::tenant::Block;
use serde_json::{Value, json};

use super::operation::{Answer, Answered, Call, Operation, Verb};
use super::refusal::Refusal;
use super::users;

const READ: &[&str] = &["read:users"];
const UPDATE: &[&str] = &["update:users"];
const ALL: &str = "/user-blocks";
const ONE: &str = "/user-blocks/{id}";

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(Verb::Get, ALL, READ, |call| Box::pin(list(call)))
        .with_query(&["identifier", "consider_brute_force_enablement"]),
    Operation::new(Verb::Delete, ALL, UPDATE, |call| Box::pin(unblock(call)))
        .with_query(&["identifier"]),
    Operation::new(Verb::Get, ONE, READ, |call| Box::pin(list_of_user(call)))
        .with_query(&["consider_brute_force_enablement"]),
    Operation::new(Verb::Delete, ONE, UPDATE, |call| {
        Box::pin(unblock_user(call))
    }),
];

async fn list(call: &Call) -> Answered {
    let identifier = call.query.require("identifier")?;
    let blocks = call.database().login_attempts();
    let blocks = blocks.blocks(identifier, call.now()).await?;
    Ok(show(&blocks))
}

async fn unblock(call: &Call) -> Answered {
    let identifier = call.query.require("identifier")?;
    call.database().login_attempts().unblock(identifier).await?;
    Ok(Answer::Done)
}

async fn list_of_user(call: &Call) -> Answered {
    let mut all = Vec::new();
    for identifier in identifiers(call).await? {
        let blocks = call.database().login_attempts();
        all.extend(blocks.blocks(&identifier, call.now()).await?);
    }
    Ok(show(&all))
}

async fn unblock_user(call: &Call) -> Answered {
    for identifier in identifiers(call).await? {
        call.database()
            .login_attempts()
            .unblock(&identifier)
            .await?;
    }
    Ok(Answer::Done)
}

/// What the user may have typed.
async fn identifiers(call: &Call) -> Result<Vec<String>, Refusal> {
    let user = users::find(call, call.id()).await?;
    Ok(user.email.into_iter().chain(user.username).collect())
}

fn show(blocks: &[Block]) -> Answer {
    let blocks: Vec<Value> = blocks
        .iter()
        .map(|block| json!({ "identifier": block.identifier, "ip": block.ip }))
        .collect();
    Answer::Content(json!({ "blocked_for": blocks }))
}

//! `clients/{id}/credentials`: the keys with which applications sign their assertions.

use portcullis_store::tenant::{ClientCredential, DatabaseError};
use serde_json::Value;

use super::client_members::{CREDENTIAL, show_credential};
use super::members::{Kind, Member, Presence, member};
use super::operation::{Answer, Answered, Call, Operation, Verb};
use super::paging::one;
use super::refusal::{Object, Refusal};
use super::{clients, ids, public_key};

const READ: &[&str] = &["read:client_credentials"];
const PATH: &str = "/clients/{id}/credentials";
const ONE: &str = "/clients/{id}/credentials/{credential_id}";

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(Verb::Get, PATH, READ, |call| Box::pin(list(call))),
    Operation::new(Verb::Post, PATH, &["create:client_credentials"], |call| {
        Box::pin(create(call))
    }),
    Operation::new(Verb::Get, ONE, READ, |call| Box::pin(read(call))),
    Operation::new(Verb::Patch, ONE, &["update:client_credentials"], |call| {
        Box::pin(update(call))
    }),
    Operation::new(Verb::Delete, ONE, &["delete:client_credentials"], |call| {
        Box::pin(delete(call))
    }),
];

const UPDATE: &[Member] = &[member("expires_at", Kind::Text(1, 64)).required().or_null()];

async fn list(call: &Call) -> Answered {
    let client = clients::find(call, call.id()).await?;
    let keys = call.database().client_credentials();
    let keys = keys.of_client(&client.client_id).await?;
    let keys: Vec<Value> = keys.iter().map(show_credential).collect();
    Ok(Answer::Content(keys.into()))
}

async fn read(call: &Call) -> Answered {
    one(call, show_credential(&find(call).await?))
}

async fn create(call: &Call) -> Answered {
    let members = call.object(CREDENTIAL, Presence::Whole)?;
    let client = clients::find(call, call.id()).await?;
    let key = parse_credential(&members.into(), &client.client_id, call.now())?;
    let keys = call.database().client_credentials();
    keys.insert(&key).await.map_err(refuse_taken_kid)?;
    Ok(Answer::Created(show_credential(&key)))
}

async fn update(call: &Call) -> Answered {
    let members = call.object(UPDATE, Presence::Whole)?;
    let expires_at = parse_expiry(&members["expires_at"])?;
    let keys = call.database().client_credentials();
    if !keys.expire(call.id(), call.second_id(), expires_at).await? {
        return Err(Refusal::Absent(Object::Credential));
    }
    one(call, show_credential(&find(call).await?))
}

async fn delete(call: &Call) -> Answered {
    let keys = call.database().client_credentials();
    if keys.delete(call.id(), call.second_id()).await? {
        Ok(Answer::Done)
    } else {
        Err(Refusal::Absent(Object::Credential))
    }
}

async fn find(call: &Call) -> Result<ClientCredential, Refusal> {
    let client = clients::find(call, call.id()).await?;
    let keys = call.database().client_credentials();
    let keys = keys.of_client(&client.client_id).await?;
    keys.into_iter()
        .find(|key| key.id == call.second_id())
        .ok_or(Refusal::Absent(Object::Credential))
}

/// A credential of a request, as it is kept.
pub(super) fn parse_credential(
    members: &Value,
    client_id: &str,
    now: i64,
) -> Result<ClientCredential, Refusal> {
    let algorithm = members["alg"].as_str().unwrap_or("RS256");
    let pem = members["pem"].as_str().unwrap_or_default();
    let jwk = public_key::parse(pem, algorithm).map_err(|_| {
        let text = "'Object didn't pass validation for format public-key' on property pem";
        Refusal::Body(text.to_owned())
    })?;
    Ok(ClientCredential {
        id: ids::letters("cred_", 22)?,
        client_id: client_id.to_owned(),
        kind: "public_key".to_owned(),
        name: members["name"].as_str().map(str::to_owned),
        kid: jwk["kid"].as_str().unwrap_or_default().to_owned(),
        algorithm: algorithm.to_owned(),
        public_jwk: jwk,
        created_at: now,
        expires_at: parse_expiry(&members["expires_at"])?,
    })
}

/// A time as RFC 3339 has it; absent for never.
fn parse_expiry(value: &Value) -> Result<Option<i64>, Refusal> {
    let Some(text) = value.as_str() else {
        return Ok(None);
    };
    let time: Result<jiff::Timestamp, _> = text.parse();
    time.map(|time| Some(time.as_second())).map_err(|_| {
        Refusal::Body(format!(
            "'Object didn't pass validation for format date-time: {text}' on property expires_at"
        ))
    })
}

/// The id is the key's own, so the same key is meant.
pub(super) fn refuse_taken_kid(error: DatabaseError) -> Refusal {
    match error {
        DatabaseError::Duplicate { .. } => Refusal::Conflict {
            message: "The client has a credential with this key already.",
            code: "credential_conflict",
        },
        DatabaseError::Reference { .. } => Refusal::Absent(Object::Client),
        error => error.into(),
    }
}

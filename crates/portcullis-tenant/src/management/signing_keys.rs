//! `keys/signing`: the keys that the tenant signs with.

use std::future::ready;

use portcullis_token::base64url;
use serde_json::{Value, json};

use crate::keys::kept::{self, KeptError};
use crate::{KeyState, ListedKey};

use super::operation::{Answer, Answered, Call, Operation, Verb};
use super::paging::one;
use super::refusal::{Object, Refusal};

const READ: &[&str] = &["read:signing_keys"];

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(Verb::Get, "/keys/signing", READ, |call| {
        Box::pin(ready(Ok(list(call))))
    }),
    Operation::new(Verb::Get, "/keys/signing/{kid}", READ, |call| {
        Box::pin(ready(read(call)))
    }),
    Operation::new(
        Verb::Post,
        "/keys/signing/rotate",
        &["create:signing_keys"],
        |call| Box::pin(rotate(call)),
    ),
    Operation::new(
        Verb::Put,
        "/keys/signing/{kid}/revoke",
        &["update:signing_keys"],
        |call| Box::pin(revoke(call)),
    ),
];

fn list(call: &Call) -> Answer {
    let keys = call.tenant.keys.load().ring.list();
    let keys: Vec<Value> = keys.iter().map(show).collect();
    Answer::Content(keys.into())
}

fn read(call: &Call) -> Answered {
    one(call, show(&find(call, call.id())?))
}

/// The next key signs from here on, and one more is published to follow it.
async fn rotate(call: &Call) -> Answered {
    // One that waited would rotate once more than was meant.
    let Ok(_turn) = call.api.rotations.try_acquire() else {
        return Err(Refusal::Busy);
    };
    let ring = kept::rotate(&call.tenant, call.now()).await;
    call.tenant.keys.replace(ring.map_err(refuse)?);
    let keys = call.tenant.keys.load().ring.list();
    let next = keys.iter().find(|key| key.state == KeyState::Next);
    Ok(Answer::Created(next.map(created).unwrap_or_default()))
}

/// Tokens of the key are good no more, as soon as their verifiers read the key set again.
async fn revoke(call: &Call) -> Answered {
    let Ok(_turn) = call.api.rotations.try_acquire() else {
        return Err(Refusal::Busy);
    };
    let key = find(call, call.id())?;
    if key.state != KeyState::Previous {
        return Err(Refusal::NotAllowed(
            "Only a key that signed before can be revoked: rotate first.",
        ));
    }
    let ring = kept::revoke(&call.tenant, &key.kid, call.now()).await;
    call.tenant.keys.replace(ring.map_err(refuse)?);
    Ok(Answer::Content(created(&key)))
}

fn find(call: &Call, kid: &str) -> Result<ListedKey, Refusal> {
    let keys = call.tenant.keys.load().ring.list();
    let mut keys = keys.into_iter();
    keys.find(|key| key.kid == kid)
        .ok_or(Refusal::Absent(Object::SigningKey))
}

fn refuse(error: KeptError) -> Refusal {
    match error {
        KeptError::NotKept => Refusal::NotAllowed(
            "The tenant's keys are in a file, where they are not rotated by this API.",
        ),
        KeptError::TooMany => Refusal::NotAllowed(
            "Too many keys that signed before are published: revoke those that are not needed.",
        ),
        KeptError::Raced => Refusal::Conflict {
            message: "The keys were changed at the same time.",
            code: "signing_key_conflict",
        },
        KeptError::Database(error) => error.into(),
        error => Refusal::internal(error),
    }
}

fn created(key: &ListedKey) -> Value {
    json!({ "kid": key.kid, "cert": key.certificate.pem })
}

fn show(key: &ListedKey) -> Value {
    let thumbprint = hexadecimal(&key.certificate.thumbprint);
    let pairs: Vec<&str> = thumbprint
        .as_bytes()
        .chunks(2)
        .filter_map(|pair| std::str::from_utf8(pair).ok())
        .collect();
    let mut object = json!({
        "kid": key.kid,
        "cert": key.certificate.pem,
        "fingerprint": pairs.join(":"),
        "thumbprint": thumbprint,
        "revoked": key.state == KeyState::Revoked,
    });
    match key.state {
        KeyState::Current => object["current"] = true.into(),
        KeyState::Next => object["next"] = true.into(),
        KeyState::Previous => object["previous"] = true.into(),
        KeyState::Revoked => {}
    }
    object
}

/// The same SHA-1 as Auth0 writes it here: hexadecimal digits, not base64url.
fn hexadecimal(thumbprint: &str) -> String {
    let bytes = base64url::decode(thumbprint.as_bytes()).unwrap_or_default();
    bytes.iter().fold(String::new(), |mut digits, byte| {
        digits.push_str(&format!("{byte:02X}"));
        digits
    })
}

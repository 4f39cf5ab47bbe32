//! `clients`: the tenant's applications.

use portcullis_store::tenant::{Client, ClientCredential, ClientFilter, ClientSecret};
use portcullis_token::Secret;
use serde_json::{Map, Value};

use crate::ids::sha256;

use super::client_credentials::{parse_credential, refuse_taken_kid};
use super::client_members::{MEMBERS, PRIVATE_KEY, apply, blank, show};
use super::ids;
use super::members::Presence;
use super::operation::{Answer, Answered, Call, Operation, Verb};
use super::paging::{Paging, one};
use super::refusal::{Object, Refusal};

const READ: &[&str] = &["read:clients", "read:client_keys"];

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(Verb::Get, "/clients", READ, |call| Box::pin(list(call)))
        .paged()
        .with_query(&["app_type", "is_first_party", "is_global"]),
    Operation::new(Verb::Post, "/clients", &["create:clients"], |call| {
        Box::pin(create(call))
    }),
    Operation::new(Verb::Get, "/clients/{id}", READ, |call| {
        Box::pin(read(call))
    }),
    Operation::new(
        Verb::Patch,
        "/clients/{id}",
        &["update:clients", "update:client_keys"],
        |call| Box::pin(update(call)),
    ),
    Operation::new(Verb::Delete, "/clients/{id}", &["delete:clients"], |call| {
        Box::pin(delete(call))
    }),
    Operation::new(
        Verb::Post,
        "/clients/{id}/rotate-secret",
        &["update:client_keys"],
        |call| Box::pin(rotate_secret(call)),
    ),
];

async fn list(call: &Call) -> Answered {
    let paging = Paging::of(call)?;
    let filter = ClientFilter {
        app_type: call.query.find("app_type").map(str::to_owned),
        is_first_party: call.query.boolean("is_first_party")?,
    };
    let clients = call.database().clients();
    let mut listing = clients.list(&filter, &paging.slice()).await?;
    // Auth0's global client is none that this tenant has.
    if call.query.boolean("is_global")? == Some(true) {
        (listing.rows, listing.next, listing.total) = (Vec::new(), None, Some(0));
    }
    let mut rows = Vec::with_capacity(listing.rows.len());
    for client in &listing.rows {
        rows.push(show(client, &keys_of(call, client).await?));
    }
    paging.answer(call, "clients", listing.next, listing.total, rows)
}

async fn read(call: &Call) -> Answered {
    let client = find(call, call.id()).await?;
    one(call, show(&client, &keys_of(call, &client).await?))
}

async fn create(call: &Call) -> Answered {
    let members = call.object(MEMBERS, Presence::Whole)?;
    let app_type = members.get("app_type").and_then(Value::as_str);
    let mut client = blank(ids::letters("", 32)?, app_type, call.now());
    let keys = parse_keys(call, &client.client_id, &members).await?;
    let secret = NextSecret::choose(call, &members).await?;
    apply(&mut client, &members);
    let secret = secret.give(&mut client);
    call.database().clients().insert(&client).await?;
    add_keys(call, &keys).await?;
    let kept = keys_of(call, &client).await?;
    Ok(Answer::Created(with_secret(show(&client, &kept), secret)))
}

async fn update(call: &Call) -> Answered {
    let members = call.object(MEMBERS, Presence::Partial)?;
    find(call, call.id()).await?;
    let keys = parse_keys(call, call.id(), &members).await?;
    let next = NextSecret::choose(call, &members).await?;
    // Not written as it was read above: a secret that was rotated meanwhile would be back.
    let mut told = None;
    let clients = call.database().clients();
    let changed = clients.change(call.id(), |client| {
        apply(client, &members);
        told = next.give(client);
        client.updated_at = call.now();
        Ok::<_, Refusal>(())
    });
    let client = changed.await?.ok_or(Refusal::Absent(Object::Client))?;
    add_keys(call, &keys).await?;
    let kept = keys_of(call, &client).await?;
    Ok(Answer::Content(with_secret(show(&client, &kept), told)))
}

async fn rotate_secret(call: &Call) -> Answered {
    let secret = ids::secret()?;
    let clients = call.database().clients();
    let changed = clients.change(call.id(), |client| {
        if !has_secret(client) {
            return Err(Refusal::NotAllowed(
                "The client does not authenticate with a secret.",
            ));
        }
        client.secret = Some(hash(&secret));
        client.updated_at = call.now();
        Ok(())
    });
    let client = changed.await?.ok_or(Refusal::Absent(Object::Client))?;
    let shown = with_secret(show(&client, &[]), Some(secret));
    Ok(Answer::Content(shown))
}

async fn delete(call: &Call) -> Answered {
    if call.database().clients().delete(call.id()).await? {
        Ok(Answer::Done)
    } else {
        Err(Refusal::Absent(Object::Client))
    }
}

/// The client with this id, or Auth0's 404.
pub(super) async fn find(call: &Call, id: &str) -> Result<Client, Refusal> {
    let found = call.database().clients().find(id).await?;
    found.ok_or(Refusal::Absent(Object::Client))
}

async fn keys_of(call: &Call, client: &Client) -> Result<Vec<ClientCredential>, Refusal> {
    if client.authentication_method != PRIVATE_KEY {
        return Ok(Vec::new());
    }
    let keys = call.database().client_credentials();
    Ok(keys.of_client(&client.client_id).await?)
}

/// Reads the keys that are to be added; those that are named by their ids must be there already.
async fn parse_keys(
    call: &Call,
    client_id: &str,
    members: &Map<String, Value>,
) -> Result<Vec<ClientCredential>, Refusal> {
    let methods = members.get("client_authentication_methods");
    let listed = methods.and_then(|methods| methods["private_key_jwt"]["credentials"].as_array());
    let known = call
        .database()
        .client_credentials()
        .of_client(client_id)
        .await?;
    let mut keys = Vec::new();
    for credential in listed.into_iter().flatten() {
        match credential["id"].as_str() {
            Some(id) if known.iter().any(|key| key.id == id) => {}
            Some(_) => return Err(Refusal::Dangling(Object::Credential)),
            None => keys.push(parse_credential(credential, client_id, call.now())?),
        }
    }
    Ok(keys)
}

async fn add_keys(call: &Call, keys: &[ClientCredential]) -> Result<(), Refusal> {
    for key in keys {
        let credentials = call.database().client_credentials();
        credentials.insert(key).await.map_err(refuse_taken_kid)?;
    }
    Ok(())
}

fn has_secret(client: &Client) -> bool {
    !matches!(client.authentication_method.as_str(), "none" | PRIVATE_KEY)
}

/// The secret that a client gets if it needs one: that of the request, or one that is made.
struct NextSecret {
    text: Secret<String>,
    hashed: ClientSecret,
    is_named: bool,
}

impl NextSecret {
    async fn choose(call: &Call, members: &Map<String, Value>) -> Result<Self, Refusal> {
        let Some(text) = members.get("client_secret").and_then(Value::as_str) else {
            let text = ids::secret()?;
            return Ok(Self {
                hashed: hash(&text),
                text,
                is_named: false,
            });
        };
        let text = Secret::new(text.to_owned());
        let hashed = call.tenant.client_secrets.hash(text.clone()).await;
        Ok(Self {
            hashed: ClientSecret::Phc(hashed.map_err(super::users::refuse_password)?),
            text,
            is_named: true,
        })
    }

    /// Gives it to the client, which needs one, and says so: the answer is where it is told.
    fn give(self, client: &mut Client) -> Option<Secret<String>> {
        if !has_secret(client) {
            client.secret = None;
            return None;
        }
        if client.secret.is_some() && !self.is_named {
            return None;
        }
        client.secret = Some(self.hashed);
        Some(self.text)
    }
}

fn with_secret(mut object: Value, secret: Option<Secret<String>>) -> Value {
    if let Some(secret) = secret {
        object["client_secret"] = secret.expose().as_str().into();
    }
    object
}

/// What was made here has bits enough for a plain hash.
fn hash(secret: &Secret<String>) -> ClientSecret {
    ClientSecret::Sha256(Secret::new(sha256(secret.expose())))
}

//! `clients`: the tenant's applications.

use aws_lc_rs::digest::{SHA256, digest};
use portcullis_store::tenant::{Client, ClientCredential, ClientFilter, ClientSecret};
use portcullis_token::Secret;
use serde_json::{Map, Value};

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
    apply(&mut client, &members);
    let keys = choose_keys(call, &mut client, &members).await?;
    let secret = choose_secret(call, &mut client, &members).await?;
    call.database().clients().insert(&client).await?;
    add_keys(call, &keys).await?;
    let kept = keys_of(call, &client).await?;
    Ok(Answer::Created(with_secret(show(&client, &kept), secret)))
}

async fn update(call: &Call) -> Answered {
    let members = call.object(MEMBERS, Presence::Partial)?;
    let mut client = find(call, call.id()).await?;
    apply(&mut client, &members);
    let keys = choose_keys(call, &mut client, &members).await?;
    let secret = choose_secret(call, &mut client, &members).await?;
    save(call, &mut client).await?;
    add_keys(call, &keys).await?;
    let kept = keys_of(call, &client).await?;
    Ok(Answer::Content(with_secret(show(&client, &kept), secret)))
}

async fn rotate_secret(call: &Call) -> Answered {
    let mut client = find(call, call.id()).await?;
    if matches!(client.authentication_method.as_str(), "none" | PRIVATE_KEY) {
        return Err(Refusal::NotAllowed(
            "The client does not authenticate with a secret.",
        ));
    }
    let secret = ids::secret()?;
    client.secret = Some(hash(&secret));
    save(call, &mut client).await?;
    let kept = keys_of(call, &client).await?;
    let shown = with_secret(show(&client, &kept), Some(secret));
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

async fn save(call: &Call, client: &mut Client) -> Result<(), Refusal> {
    client.updated_at = call.now();
    if call.database().clients().update(client).await? {
        Ok(())
    } else {
        Err(Refusal::Absent(Object::Client))
    }
}

async fn keys_of(call: &Call, client: &Client) -> Result<Vec<ClientCredential>, Refusal> {
    if client.authentication_method != PRIVATE_KEY {
        return Ok(Vec::new());
    }
    let keys = call.database().client_credentials();
    Ok(keys.of_client(&client.client_id).await?)
}

/// Reads how the client signs: keys to be added, and those that it has already.
async fn choose_keys(
    call: &Call,
    client: &mut Client,
    members: &Map<String, Value>,
) -> Result<Vec<ClientCredential>, Refusal> {
    let Some(methods) = members.get("client_authentication_methods") else {
        return Ok(Vec::new());
    };
    if methods.is_null() {
        if client.authentication_method == PRIVATE_KEY {
            "client_secret_post".clone_into(&mut client.authentication_method);
        }
        return Ok(Vec::new());
    }
    PRIVATE_KEY.clone_into(&mut client.authentication_method);
    let known = call.database().client_credentials();
    let known = known.of_client(&client.client_id).await?;
    let listed = methods["private_key_jwt"]["credentials"].as_array();
    let mut keys = Vec::new();
    for credential in listed.into_iter().flatten() {
        match credential["id"].as_str() {
            Some(id) if known.iter().any(|key| key.id == id) => {}
            Some(_) => return Err(Refusal::Dangling(Object::Credential)),
            None => keys.push(parse_credential(credential, &client.client_id, call.now())?),
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

/// Gives the client the secret of the request, or one that is made where it needs one.
///
/// The answer is the one place in which a secret that was made is told.
async fn choose_secret(
    call: &Call,
    client: &mut Client,
    members: &Map<String, Value>,
) -> Result<Option<Secret<String>>, Refusal> {
    if matches!(client.authentication_method.as_str(), "none" | PRIVATE_KEY) {
        client.secret = None;
        return Ok(None);
    }
    if let Some(secret) = members.get("client_secret").and_then(Value::as_str) {
        let secret = Secret::new(secret.to_owned());
        let hashed = call.tenant.passwords.hash(secret.clone()).await;
        let phc = hashed.map_err(super::users::refuse_password)?;
        client.secret = Some(ClientSecret::Phc(phc));
        return Ok(Some(secret));
    }
    if client.secret.is_some() {
        return Ok(None);
    }
    let secret = ids::secret()?;
    client.secret = Some(hash(&secret));
    Ok(Some(secret))
}

fn with_secret(mut object: Value, secret: Option<Secret<String>>) -> Value {
    if let Some(secret) = secret {
        object["client_secret"] = secret.expose().as_str().into();
    }
    object
}

/// What was made here has bits enough for a plain hash.
fn hash(secret: &Secret<String>) -> ClientSecret {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, secret.expose().as_bytes()).as_ref());
    ClientSecret::Sha256(Secret::new(hash))
}

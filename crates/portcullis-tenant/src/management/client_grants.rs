//! `client-grants`: which APIs an application may call, and with which scopes.

use portcullis_store::tenant::{ClientGrant, ClientGrantFilter, DatabaseError, ResourceServer};
use serde_json::{Map, Value, json};

use super::members::{Kind, Member, Presence, member, texts};
use super::operation::{Answer, Answered, Call, Operation, Verb};
use super::paging::{Paging, one};
use super::refusal::{Object, Refusal};
use super::{clients, ids};

const READ: &[&str] = &["read:client_grants"];
const ONE: &str = "/client-grants/{id}";

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(Verb::Get, "/client-grants", READ, |call| {
        Box::pin(list(call))
    })
    .paged()
    .with_query(&[
        "client_id",
        "audience",
        "subject_type",
        "allow_any_organization",
    ]),
    Operation::new(
        Verb::Post,
        "/client-grants",
        &["create:client_grants"],
        |call| Box::pin(create(call)),
    ),
    Operation::new(Verb::Get, ONE, READ, |call| Box::pin(read(call))),
    Operation::new(Verb::Patch, ONE, &["update:client_grants"], |call| {
        Box::pin(update(call))
    }),
    Operation::new(Verb::Delete, ONE, &["delete:client_grants"], |call| {
        Box::pin(delete(call))
    }),
];

const MEMBERS: &[Member] = &[
    member("client_id", Kind::Text(1, 255)).required(),
    member("audience", Kind::Text(1, 600)).required(),
    member("scope", Kind::Texts(1000, 280)),
    member("subject_type", Kind::Word(&["client", "user"])),
    member("allow_all_scopes", Kind::Boolean),
];

const UPDATE: &[Member] = &[
    member("scope", Kind::Texts(1000, 280)),
    member("allow_all_scopes", Kind::Boolean),
];

async fn list(call: &Call) -> Answered {
    let paging = Paging::of(call)?;
    let filter = |name| call.query.find(name).map(str::to_owned);
    let filter = ClientGrantFilter {
        client_id: filter("client_id"),
        audience: filter("audience"),
        subject_type: filter("subject_type"),
    };
    let grants = call.database().client_grants();
    let listing = grants.list(&filter, &paging.slice()).await?;
    paging.answer_listing(call, "client_grants", listing, show)
}

async fn read(call: &Call) -> Answered {
    let found = call.database().client_grants().find(call.id()).await?;
    one(
        call,
        show(&found.ok_or(Refusal::Absent(Object::ClientGrant))?),
    )
}

async fn create(call: &Call) -> Answered {
    let members = call.object(MEMBERS, Presence::Whole)?;
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let client = clients::find(call, text("client_id").unwrap_or_default()).await?;
    let audience = text("audience").unwrap_or_default();
    let servers = call.database().resource_servers();
    let server = servers.find_by_identifier(audience).await?;
    let server = server.ok_or(Refusal::Absent(Object::ResourceServer))?;
    let grant = ClientGrant {
        id: ids::letters("cgr_", 16)?,
        client_id: client.client_id,
        audience: audience.to_owned(),
        scopes: choose_scopes(&server, &members)?.unwrap_or_default(),
        subject_type: text("subject_type").unwrap_or("client").to_owned(),
        created_at: call.now(),
    };
    let inserted = call.database().client_grants().insert(&grant).await;
    inserted.map_err(|error| match error {
        DatabaseError::Duplicate { .. } => Refusal::Conflict {
            message: "A resource with the same identifier already exists: client_grant",
            code: "resource_conflict",
        },
        DatabaseError::Reference { .. } => Refusal::Absent(Object::Client),
        error => error.into(),
    })?;
    Ok(Answer::Created(show(&grant)))
}

async fn update(call: &Call) -> Answered {
    let members = call.object(UPDATE, Presence::Partial)?;
    let grants = call.database().client_grants();
    let grant = grants.find(call.id()).await?;
    let grant = grant.ok_or(Refusal::Absent(Object::ClientGrant))?;
    let servers = call.database().resource_servers();
    let server = servers.find_by_identifier(&grant.audience).await?;
    let server = server.ok_or(Refusal::Absent(Object::ResourceServer))?;
    let Some(scopes) = choose_scopes(&server, &members)? else {
        return one(call, show(&grant));
    };
    let grant = grants.replace_scopes(&grant.id, &scopes).await?;
    one(
        call,
        show(&grant.ok_or(Refusal::Absent(Object::ClientGrant))?),
    )
}

async fn delete(call: &Call) -> Answered {
    if call.database().client_grants().delete(call.id()).await? {
        Ok(Answer::Done)
    } else {
        Err(Refusal::Absent(Object::ClientGrant))
    }
}

/// The scopes that a request names, each once; what the API does not have cannot be granted.
fn choose_scopes(
    server: &ResourceServer,
    members: &Map<String, Value>,
) -> Result<Option<Vec<String>>, Refusal> {
    if members.get("allow_all_scopes").and_then(Value::as_bool) == Some(true) {
        let scopes = server.scopes.iter().map(|scope| scope.value.clone());
        return Ok(Some(scopes.collect()));
    }
    let Some(listed) = members.get("scope") else {
        return Ok(None);
    };
    let mut scopes: Vec<String> = Vec::new();
    for scope in texts(listed) {
        if !server.scopes.iter().any(|known| known.value == scope) {
            return Err(Refusal::Body(format!(
                "'One or more scopes are not supported by the API: {scope}' on property scope"
            )));
        }
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    Ok(Some(scopes))
}

fn show(grant: &ClientGrant) -> Value {
    json!({
        "id": grant.id,
        "client_id": grant.client_id,
        "audience": grant.audience,
        "scope": grant.scopes,
        "subject_type": grant.subject_type,
    })
}

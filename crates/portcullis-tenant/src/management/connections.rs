//! `connections`: the stores of users.

use portcullis_store::tenant::{Connection, DatabaseError};
use serde_json::{Map, Value, json};

use super::ids;
use super::members::{Kind, Member, Presence, member, merge, texts};
use super::operation::{Answer, Answered, Call, Operation, Verb};
use super::paging::{Paging, one};
use super::refusal::{Object, Refusal};

const READ: &[&str] = &["read:connections"];
const UPDATE_SCOPE: &[&str] = &["update:connections"];
const ONE: &str = "/connections/{id}";
const CLIENTS: &str = "/connections/{id}/clients";

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(Verb::Get, "/connections", READ, |call| Box::pin(list(call)))
        .paged()
        .with_query(&["strategy", "name"]),
    Operation::new(
        Verb::Post,
        "/connections",
        &["create:connections"],
        |call| Box::pin(create(call)),
    ),
    Operation::new(Verb::Get, ONE, READ, |call| Box::pin(read(call))),
    Operation::new(Verb::Patch, ONE, UPDATE_SCOPE, |call| {
        Box::pin(update(call))
    }),
    Operation::new(Verb::Delete, ONE, &["delete:connections"], |call| {
        Box::pin(delete(call))
    }),
    Operation::new(Verb::Get, CLIENTS, READ, |call| {
        Box::pin(list_clients(call))
    })
    .paged(),
    Operation::new(Verb::Patch, CLIENTS, UPDATE_SCOPE, |call| {
        Box::pin(update_clients(call))
    }),
];

const CLIENT: &[Member] = &[
    member("client_id", Kind::Text(1, 255)).required(),
    member("status", Kind::Boolean).required(),
];
const CLIENT_LIST: Member = member("clients", Kind::Objects(50, CLIENT));

/// The most clients that one connection lists.
const MAX_CLIENTS: usize = 1000;

const MEMBERS: &[Member] = &[
    member("name", Kind::Text(1, 128)).required(),
    member("strategy", Kind::Word(&["auth0"])).required(),
    member("display_name", Kind::Text(1, 128)),
    member("options", Kind::AnyObject),
    member("enabled_clients", Kind::Texts(MAX_CLIENTS, 255)),
    member("is_domain_connection", Kind::Boolean),
    member("show_as_button", Kind::Boolean),
    member("realms", Kind::Texts(10, 128)),
    member("metadata", Kind::AnyObject),
    member("authentication", Kind::AnyObject),
    member("connected_accounts", Kind::AnyObject),
];

async fn list(call: &Call) -> Answered {
    let paging = Paging::of(call)?;
    let connections = call.database().connections();
    if let Some(name) = call.query.find("name") {
        let found = connections.find_by_name(name).await?;
        let listing = paging.cut(found.into_iter().collect())?;
        return paging.answer_listing(call, "connections", listing, show);
    }
    let strategy = call.query.find("strategy");
    let listing = connections.list(strategy, &paging.slice()).await?;
    paging.answer_listing(call, "connections", listing, show)
}

async fn read(call: &Call) -> Answered {
    one(call, show(&find(call).await?))
}

async fn create(call: &Call) -> Answered {
    let members = call.object(MEMBERS, Presence::Whole)?;
    let name = members["name"].as_str().unwrap_or_default();
    let mut connection = database(ids::letters("con_", 16)?, name, call.now());
    apply(&mut connection, &members);
    let inserted = call.database().connections().insert(&connection).await;
    inserted.map_err(|error| match error {
        DatabaseError::Duplicate { .. } => Refusal::Conflict {
            message: "A connection with the same name already exists",
            code: "connection_conflict",
        },
        error => error.into(),
    })?;
    Ok(Answer::Created(show(&connection)))
}

async fn update(call: &Call) -> Answered {
    let members = call.object(MEMBERS, Presence::Partial)?;
    let fixed: Vec<_> = ["name", "strategy"]
        .into_iter()
        .filter(|name| members.contains_key(*name))
        .collect();
    if !fixed.is_empty() {
        let fixed = fixed.join(",");
        let text = format!("'Additional properties not allowed: {fixed}'");
        return Err(Refusal::Body(text));
    }
    let connections = call.database().connections();
    let changed = connections.change(call.id(), |connection| {
        apply(connection, &members);
        connection.updated_at = call.now();
        Ok::<_, Refusal>(())
    });
    one(
        call,
        show(&changed.await?.ok_or(Refusal::Absent(Object::Connection))?),
    )
}

async fn delete(call: &Call) -> Answered {
    if call.database().connections().delete(call.id()).await? {
        Ok(Answer::Done)
    } else {
        Err(Refusal::Absent(Object::Connection))
    }
}

async fn list_clients(call: &Call) -> Answered {
    let paging = Paging::of(call)?;
    let listing = paging.cut(find(call).await?.enabled_clients)?;
    // Auth0 has this list in an object, however it is asked for.
    let rows: Vec<_> = listing
        .rows
        .iter()
        .map(|id| json!({ "client_id": id }))
        .collect();
    let mut answer = json!({ "clients": rows });
    if let Some(next) = listing.next {
        answer["next"] = next.into();
    }
    Ok(Answer::Content(answer))
}

/// Lets applications' users come from here, or no longer.
async fn update_clients(call: &Call) -> Answered {
    let changes = call.list(&CLIENT_LIST)?;
    let connections = call.database().connections();
    let changed = connections.change(call.id(), |connection| {
        let enabled = &mut connection.enabled_clients;
        for change in changes.as_array().into_iter().flatten() {
            let id = change["client_id"].as_str().unwrap_or_default();
            enabled.retain(|known| known != id);
            if change["status"] == true {
                enabled.push(id.to_owned());
            }
        }
        let length = enabled.len();
        if length > MAX_CLIENTS {
            let text = format!("'Array is too long ({length}), maximum {MAX_CLIENTS}'");
            return Err(Refusal::Body(text));
        }
        connection.updated_at = call.now();
        Ok(())
    });
    changed.await?.ok_or(Refusal::Absent(Object::Connection))?;
    Ok(Answer::Done)
}

async fn find(call: &Call) -> Result<Connection, Refusal> {
    let found = call.database().connections().find(call.id()).await?;
    found.ok_or(Refusal::Absent(Object::Connection))
}

/// A store of users with passwords here, as it is before anybody says anything about it.
pub(super) fn database(id: String, name: &str, now: i64) -> Connection {
    Connection {
        id,
        name: name.to_owned(),
        strategy: "auth0".to_owned(),
        enabled_clients: Vec::new(),
        options: json!({}),
        other: json!({}),
        created_at: now,
        updated_at: now,
    }
}

fn apply(connection: &mut Connection, members: &Map<String, Value>) {
    let mut other = Map::new();
    for (name, value) in members {
        match name.as_str() {
            "name" | "strategy" => {}
            "options" => connection.options = value.clone(),
            "enabled_clients" => connection.enabled_clients = texts(value),
            _ => drop(other.insert(name.clone(), value.clone())),
        }
    }
    merge(&mut connection.other, &other.into());
}

/// A connection as Auth0 shows it, with what holds where nobody said anything.
fn show(connection: &Connection) -> Value {
    let mut options =
        json!({ "disable_signup": false, "disable_self_service_change_password": false });
    merge(&mut options, &connection.options);
    let mut object = json!({
        "id": connection.id,
        "name": connection.name,
        "strategy": connection.strategy,
        "options": options,
        "enabled_clients": connection.enabled_clients,
        "is_domain_connection": false,
        "realms": [connection.name],
    });
    merge(&mut object, &connection.other);
    object
}

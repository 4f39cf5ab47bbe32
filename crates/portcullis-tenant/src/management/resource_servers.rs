//! `resource-servers`: the APIs that tokens are for.

use portcullis_store::tenant::{DatabaseError, ResourceServer, Scope};
use serde_json::{Map, Value, json};

use crate::ids::object_id;

use super::members::{Kind, Member, Presence, member, merge};
use super::operation::{Answer, Answered, Call, Operation, Verb};
use super::paging::{Paging, one};
use super::refusal::{Object, Refusal};

const READ: &[&str] = &["read:resource_servers"];
const ONE: &str = "/resource-servers/{id}";

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(Verb::Get, "/resource-servers", READ, |call| {
        Box::pin(list(call))
    })
    .paged()
    .with_query(&["identifiers"]),
    Operation::new(
        Verb::Post,
        "/resource-servers",
        &["create:resource_servers"],
        |call| Box::pin(create(call)),
    ),
    Operation::new(Verb::Get, ONE, READ, |call| Box::pin(read(call))),
    Operation::new(Verb::Patch, ONE, &["update:resource_servers"], |call| {
        Box::pin(update(call))
    }),
    Operation::new(Verb::Delete, ONE, &["delete:resource_servers"], |call| {
        Box::pin(delete(call))
    }),
];

const MAX_LIFETIME: i64 = 2_592_000;

const SCOPE: &[Member] = &[
    member("value", Kind::Text(1, 280)).required(),
    member("description", Kind::Text(0, 500)),
];

const USER_POLICY: &[Member] = &[member(
    "policy",
    Kind::Word(&["allow_all", "require_client_grant", "deny_all"]),
)];
const CLIENT_POLICY: &[Member] = &[member(
    "policy",
    Kind::Word(&["require_client_grant", "deny_all"]),
)];
const SUBJECT_TYPES: &[Member] = &[
    member("user", Kind::Object(USER_POLICY)),
    member("client", Kind::Object(CLIENT_POLICY)),
];

const MEMBERS: &[Member] = &[
    member("name", Kind::Text(1, 200)),
    member("identifier", Kind::Text(1, 600)).required(),
    member("scopes", Kind::Objects(1000, SCOPE)),
    member("signing_alg", Kind::Word(&["RS256"])),
    member(
        "token_dialect",
        Kind::Word(&[
            "access_token",
            "access_token_authz",
            "rfc9068_profile",
            "rfc9068_profile_authz",
        ]),
    ),
    member("token_lifetime", Kind::Integer(1, MAX_LIFETIME)),
    member("token_lifetime_for_web", Kind::Integer(1, MAX_LIFETIME)),
    member("allow_offline_access", Kind::Boolean),
    member(
        "skip_consent_for_verifiable_first_party_clients",
        Kind::Boolean,
    ),
    member("enforce_policies", Kind::Boolean),
    member("subject_type_authorization", Kind::Object(SUBJECT_TYPES)),
    member("signing_secret", Kind::Text(16, 128)),
    member("token_encryption", Kind::Any),
    member("consent_policy", Kind::Any),
    member("authorization_details", Kind::Any),
    member("proof_of_possession", Kind::Any),
    member("verificationLocation", Kind::Any),
];

async fn list(call: &Call) -> Answered {
    let paging = Paging::of(call)?;
    let servers = call.database().resource_servers();
    if let Some(identifiers) = call.query.find("identifiers") {
        let mut found = Vec::new();
        for identifier in identifiers.split(',').take(100) {
            found.extend(servers.find_by_identifier(identifier).await?);
        }
        let listing = paging.cut(found)?;
        return paging.answer_listing(call, "resource_servers", listing, show);
    }
    let listing = servers.list(&paging.slice()).await?;
    paging.answer_listing(call, "resource_servers", listing, show)
}

async fn read(call: &Call) -> Answered {
    one(call, show(&find(call).await?))
}

async fn create(call: &Call) -> Answered {
    let members = call.object(MEMBERS, Presence::Whole)?;
    let identifier = members["identifier"].as_str().unwrap_or_default();
    let mut server = blank(object_id()?, identifier, call.now());
    apply(&mut server, &members)?;
    let inserted = call.database().resource_servers().insert(&server).await;
    inserted.map_err(|error| match error {
        DatabaseError::Duplicate { .. } => Refusal::Conflict {
            message: "A resource server with the specified identifier already exists",
            code: "resource_server_conflict",
        },
        error => error.into(),
    })?;
    Ok(Answer::Created(show(&server)))
}

async fn update(call: &Call) -> Answered {
    let members = call.object(MEMBERS, Presence::Partial)?;
    if members.contains_key("identifier") {
        let text = "'Additional properties not allowed: identifier'";
        return Err(Refusal::Body(text.to_owned()));
    }
    let mut server = find(call).await?;
    if server.is_system && members.contains_key("scopes") {
        return Err(Refusal::NotAllowed(
            "The scopes of a system API cannot be changed.",
        ));
    }
    apply(&mut server, &members)?;
    server.updated_at = call.now();
    if !call.database().resource_servers().update(&server).await? {
        return Err(Refusal::Absent(Object::ResourceServer));
    }
    one(call, show(&server))
}

async fn delete(call: &Call) -> Answered {
    let server = find(call).await?;
    if server.is_system {
        return Err(Refusal::NotAllowed("System APIs cannot be deleted."));
    }
    if call
        .database()
        .resource_servers()
        .delete(&server.id)
        .await?
    {
        Ok(Answer::Done)
    } else {
        Err(Refusal::Absent(Object::ResourceServer))
    }
}

async fn find(call: &Call) -> Result<ResourceServer, Refusal> {
    let found = call.database().resource_servers().find(call.id()).await?;
    found.ok_or(Refusal::Absent(Object::ResourceServer))
}

/// An API as it is before anybody says anything about it: Auth0's defaults.
pub(super) fn blank(id: String, identifier: &str, now: i64) -> ResourceServer {
    ResourceServer {
        id,
        identifier: identifier.to_owned(),
        name: identifier.to_owned(),
        scopes: Vec::new(),
        signing_algorithm: "RS256".to_owned(),
        token_dialect: "access_token".to_owned(),
        token_lifetime: 86_400,
        token_lifetime_for_web: 7200,
        allow_offline_access: false,
        skip_consent: false,
        enforce_policies: false,
        is_system: false,
        subject_type_authorization: json!({
            "user": { "policy": "allow_all" },
            "client": { "policy": "require_client_grant" },
        }),
        other: json!({}),
        created_at: now,
        updated_at: now,
    }
}

fn apply(server: &mut ResourceServer, members: &Map<String, Value>) -> Result<(), Refusal> {
    let mut other = Map::new();
    for (name, value) in members {
        let text = || value.as_str().unwrap_or_default().to_owned();
        let (flag, number) = (value.as_bool().unwrap_or(false), value.as_i64());
        match name.as_str() {
            "name" => server.name = text(),
            "scopes" => server.scopes = parse_scopes(value)?,
            "signing_alg" => server.signing_algorithm = text(),
            "token_dialect" => server.token_dialect = text(),
            "token_lifetime" => server.token_lifetime = number.unwrap_or(86_400),
            "token_lifetime_for_web" => server.token_lifetime_for_web = number.unwrap_or(7200),
            "allow_offline_access" => server.allow_offline_access = flag,
            "skip_consent_for_verifiable_first_party_clients" => server.skip_consent = flag,
            "enforce_policies" => server.enforce_policies = flag,
            "subject_type_authorization" => merge(&mut server.subject_type_authorization, value),
            // No token is signed with it, so it is not kept.
            "identifier" | "signing_secret" => {}
            _ => drop(other.insert(name.clone(), value.clone())),
        }
    }
    merge(&mut server.other, &other.into());
    Ok(())
}

/// Scopes are words in a list between spaces (RFC 6749 section 3.3).
fn parse_scopes(value: &Value) -> Result<Vec<Scope>, Refusal> {
    let is_scope = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    let mut scopes: Vec<Scope> = Vec::new();
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        let text = item["value"].as_str().unwrap_or_default();
        if !text.bytes().all(is_scope) {
            return Err(Refusal::Body(format!(
                "'Object didn't pass validation for format scope: {text}' \
                 on property scopes[{index}].value"
            )));
        }
        if !scopes.iter().any(|scope| scope.value == text) {
            scopes.push(Scope {
                value: text.to_owned(),
                description: item["description"].as_str().map(str::to_owned),
            });
        }
    }
    Ok(scopes)
}

fn show(server: &ResourceServer) -> Value {
    let mut object = json!({
        "id": server.id,
        "name": server.name,
        "identifier": server.identifier,
        "scopes": server.scopes,
        "signing_alg": server.signing_algorithm,
        "allow_offline_access": server.allow_offline_access,
        "token_lifetime": server.token_lifetime,
        "token_lifetime_for_web": server.token_lifetime_for_web,
        "skip_consent_for_verifiable_first_party_clients": server.skip_consent,
        "enforce_policies": server.enforce_policies,
        "token_dialect": server.token_dialect,
        "subject_type_authorization": server.subject_type_authorization,
        "is_system": server.is_system,
    });
    merge(&mut object, &server.other);
    object
}

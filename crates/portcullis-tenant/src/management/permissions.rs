//! `users/{id}/permissions` and `roles/{id}/permissions`: who may do what.

use std::collections::{BTreeMap, HashMap};

use portcullis_store::tenant::{DatabaseError, Permission, ResourceServer};
use serde_json::{Value, json};

use super::members::{Kind, Member, Presence, member};
use super::operation::{Answer, Answered, Call, Operation, Verb};
use super::paging::Paging;
use super::refusal::{Object, Refusal};
use super::{roles, users};

const OF_USER: &str = "/users/{id}/permissions";
const OF_ROLE: &str = "/roles/{id}/permissions";

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(Verb::Get, OF_USER, &["read:users"], |call| {
        Box::pin(list_of_user(call))
    })
    .paged(),
    Operation::new(Verb::Post, OF_USER, &["update:users"], |call| {
        Box::pin(add_to_user(call))
    }),
    Operation::new(Verb::Delete, OF_USER, &["update:users"], |call| {
        Box::pin(remove_from_user(call))
    }),
    Operation::new(Verb::Get, OF_ROLE, &["read:roles"], |call| {
        Box::pin(list_of_role(call))
    })
    .paged(),
    Operation::new(Verb::Post, OF_ROLE, &["update:roles"], |call| {
        Box::pin(add_to_role(call))
    }),
    Operation::new(Verb::Delete, OF_ROLE, &["update:roles"], |call| {
        Box::pin(remove_from_role(call))
    }),
];

const PERMISSION: &[Member] = &[
    member("resource_server_identifier", Kind::Text(1, 600)).required(),
    member("permission_name", Kind::Text(1, 280)).required(),
];
const MEMBERS: &[Member] = &[member("permissions", Kind::Objects(1000, PERMISSION)).required()];

/// Where a list ends: as many as the database reads at once of one role or user.
const MAX_PERMISSIONS: usize = 10_000;

async fn list_of_user(call: &Call) -> Answered {
    let paging = Paging::of(call)?;
    let user = users::find(call, call.id()).await?;
    let permissions = call.database().permissions();
    // By permission, from where it comes.
    let mut sources: BTreeMap<Permission, Vec<Value>> = BTreeMap::new();
    let direct = json!({ "source_id": "", "source_name": "", "source_type": "DIRECT" });
    for permission in permissions.of_user(&user.user_id).await? {
        sources.entry(permission).or_default().push(direct.clone());
    }
    for role in roles::all_of_user(call, &user.user_id).await? {
        if sources.len() >= MAX_PERMISSIONS {
            break;
        }
        for permission in permissions.of_role(&role.id).await? {
            sources.entry(permission).or_default().push(json!({
                "source_id": role.id,
                "source_name": role.name,
                "source_type": "ROLE",
            }));
        }
    }
    let listing = paging.cut(sources.into_iter().collect())?;
    let mut apis = Apis::default();
    let mut rows = Vec::with_capacity(listing.rows.len());
    for (permission, sources) in listing.rows {
        let mut row = apis.show(call, &permission).await?;
        row["sources"] = sources.into();
        rows.push(row);
    }
    paging.answer(call, "permissions", listing.next, listing.total, rows)
}

async fn list_of_role(call: &Call) -> Answered {
    let paging = Paging::of(call)?;
    let role = roles::find(call, call.id()).await?;
    let permissions = call.database().permissions().of_role(&role.id).await?;
    let listing = paging.cut(permissions)?;
    let mut apis = Apis::default();
    let mut rows = Vec::with_capacity(listing.rows.len());
    for permission in &listing.rows {
        rows.push(apis.show(call, permission).await?);
    }
    paging.answer(call, "permissions", listing.next, listing.total, rows)
}

async fn add_to_user(call: &Call) -> Answered {
    let wanted = read(call)?;
    let user = users::find(call, call.id()).await?;
    check_existence(call, &wanted).await?;
    let permissions = call.database().permissions();
    let added = permissions.add_to_user(&user.user_id, &wanted).await;
    added.map_err(refuse_dangling)?;
    Ok(Answer::Created(json!({})))
}

async fn remove_from_user(call: &Call) -> Answered {
    let wanted = read(call)?;
    let user = users::find(call, call.id()).await?;
    let permissions = call.database().permissions();
    permissions.remove_from_user(&user.user_id, &wanted).await?;
    Ok(Answer::Done)
}

async fn add_to_role(call: &Call) -> Answered {
    let wanted = read(call)?;
    let role = roles::find(call, call.id()).await?;
    check_existence(call, &wanted).await?;
    let permissions = call.database().permissions();
    let added = permissions.add_to_role(&role.id, &wanted).await;
    added.map_err(refuse_dangling)?;
    Ok(Answer::Created(json!({})))
}

async fn remove_from_role(call: &Call) -> Answered {
    let wanted = read(call)?;
    let role = roles::find(call, call.id()).await?;
    let permissions = call.database().permissions();
    permissions.remove_from_role(&role.id, &wanted).await?;
    Ok(Answer::Done)
}

fn read(call: &Call) -> Result<Vec<Permission>, Refusal> {
    let members = call.object(MEMBERS, Presence::Whole)?;
    let text = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
    let items = members["permissions"].as_array().into_iter().flatten();
    let permissions = items.map(|item| Permission {
        audience: text(item, "resource_server_identifier"),
        permission: text(item, "permission_name"),
    });
    Ok(permissions.collect())
}

/// What an API does not have would only look as if it were granted.
async fn check_existence(call: &Call, wanted: &[Permission]) -> Result<(), Refusal> {
    let mut apis = Apis::default();
    for permission in wanted {
        let api = apis.find(call, &permission.audience).await?;
        let api = api.ok_or(Refusal::Absent(Object::ResourceServer))?;
        let name = &permission.permission;
        if !api.scopes.iter().any(|scope| scope.value == *name) {
            return Err(Refusal::Body(format!(
                "'The permission {name} does not exist on the resource server'"
            )));
        }
    }
    Ok(())
}

fn refuse_dangling(error: DatabaseError) -> Refusal {
    match error {
        DatabaseError::Reference { .. } => Refusal::Absent(Object::ResourceServer),
        error => error.into(),
    }
}

/// The APIs of the permissions of one answer, each looked up once.
#[derive(Default)]
struct Apis(HashMap<String, Option<ResourceServer>>);

impl Apis {
    async fn find(
        &mut self,
        call: &Call,
        identifier: &str,
    ) -> Result<Option<&ResourceServer>, Refusal> {
        if !self.0.contains_key(identifier) {
            let servers = call.database().resource_servers();
            let server = servers.find_by_identifier(identifier).await?;
            self.0.insert(identifier.to_owned(), server);
        }
        Ok(self.0.get(identifier).and_then(Option::as_ref))
    }

    async fn show(&mut self, call: &Call, permission: &Permission) -> Result<Value, Refusal> {
        let api = self.find(call, &permission.audience).await?;
        let name = api.map(|api| api.name.as_str()).unwrap_or_default();
        let scopes = api.map(|api| api.scopes.as_slice()).unwrap_or_default();
        let scope = scopes
            .iter()
            .find(|scope| scope.value == permission.permission);
        let description = scope.and_then(|scope| scope.description.as_deref());
        Ok(json!({
            "permission_name": permission.permission,
            "description": description.unwrap_or_default(),
            "resource_server_name": name,
            "resource_server_identifier": permission.audience,
        }))
    }
}

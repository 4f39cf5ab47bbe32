//! `roles`: names for permissions, and who has them.

use portcullis_store::tenant::{DatabaseError, Role, Slice, User};
use serde_json::{Value, json};

use super::members::{Kind, Member, Presence, member, texts};
use super::operation::{Answer, Answered, Call, Operation, Verb};
use super::paging::{Paging, one};
use super::refusal::{Object, Refusal};
use super::user_members::{name_of, picture_of};
use super::{ids, users};

const READ: &[&str] = &["read:roles"];
const UPDATE: &[&str] = &["update:roles"];
const ONE: &str = "/roles/{id}";
const USERS: &str = "/roles/{id}/users";
const OF_USER: &str = "/users/{id}/roles";

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(Verb::Get, "/roles", READ, |call| Box::pin(list(call)))
        .paged()
        .with_query(&["name_filter", "type"]),
    Operation::new(Verb::Post, "/roles", &["create:roles"], |call| {
        Box::pin(create(call))
    }),
    Operation::new(Verb::Get, ONE, READ, |call| Box::pin(read(call))),
    Operation::new(Verb::Patch, ONE, UPDATE, |call| Box::pin(update(call))),
    Operation::new(Verb::Delete, ONE, &["delete:roles"], |call| {
        Box::pin(delete(call))
    }),
    Operation::new(Verb::Get, USERS, &["read:role_members"], |call| {
        Box::pin(list_users(call))
    })
    .paged(),
    Operation::new(Verb::Post, USERS, &["create:role_members"], |call| {
        Box::pin(add_users(call))
    }),
    Operation::new(Verb::Get, OF_USER, &["read:users"], |call| {
        Box::pin(list_of_user(call))
    })
    .paged(),
    Operation::new(Verb::Post, OF_USER, &["update:users"], |call| {
        Box::pin(assign(call))
    }),
    Operation::new(Verb::Delete, OF_USER, &["update:users"], |call| {
        Box::pin(unassign(call))
    }),
];

const MEMBERS: &[Member] = &[
    member("name", Kind::Text(1, 64)).required(),
    member("description", Kind::Text(0, 255)),
    member("type", Kind::Word(&["tenant"])),
];
const USER_IDS: &[Member] = &[member("users", Kind::Texts(50, 300)).required()];
const ROLE_IDS: &[Member] = &[member("roles", Kind::Texts(50, 300)).required()];

/// No user has more roles than this read.
const MAX_ROLES: usize = 1000;

async fn list(call: &Call) -> Answered {
    let paging = Paging::of(call)?;
    let name = call.query.find("name_filter");
    // The other kind is that of organizations, which this tenant does not have.
    if call.query.find("type").is_some_and(|kind| kind != "tenant") {
        return paging.answer_listing(call, "roles", paging.cut(Vec::new())?, show);
    }
    let listing = call.database().roles().list(name, &paging.slice()).await?;
    paging.answer_listing(call, "roles", listing, show)
}

async fn read(call: &Call) -> Answered {
    one(call, show(&find(call, call.id()).await?))
}

async fn create(call: &Call) -> Answered {
    let members = call.object(MEMBERS, Presence::Whole)?;
    let text = |name: &str| {
        members
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let role = Role {
        id: ids::letters("rol_", 16)?,
        name: text("name").to_owned(),
        description: text("description").to_owned(),
        created_at: call.now(),
    };
    call.database()
        .roles()
        .insert(&role)
        .await
        .map_err(refuse_taken_name)?;
    // Unlike others, Auth0 answers 200 to what it made.
    Ok(Answer::Content(show(&role)))
}

async fn update(call: &Call) -> Answered {
    let members = call.object(MEMBERS, Presence::Partial)?;
    let mut role = find(call, call.id()).await?;
    if let Some(name) = members.get("name").and_then(Value::as_str) {
        name.clone_into(&mut role.name);
    }
    if let Some(description) = members.get("description").and_then(Value::as_str) {
        description.clone_into(&mut role.description);
    }
    let updated = call.database().roles().update(&role).await;
    if !updated.map_err(refuse_taken_name)? {
        return Err(Refusal::Absent(Object::Role));
    }
    one(call, show(&role))
}

async fn delete(call: &Call) -> Answered {
    if call.database().roles().delete(call.id()).await? {
        Ok(Answer::Content(json!({})))
    } else {
        Err(Refusal::Absent(Object::Role))
    }
}

async fn list_users(call: &Call) -> Answered {
    let paging = Paging::of(call)?;
    let role = find(call, call.id()).await?;
    let users = call.database().users();
    let listing = users.with_role(&role.id, &paging.slice()).await?;
    paging.answer_listing(call, "users", listing, |user: &User| {
        json!({
            "user_id": user.user_id,
            "email": user.email,
            "name": name_of(user),
            "picture": picture_of(user),
        })
    })
}

async fn add_users(call: &Call) -> Answered {
    let members = call.object(USER_IDS, Presence::Whole)?;
    let role = find(call, call.id()).await?;
    let user_ids = texts(&members["users"]);
    for id in &user_ids {
        users::find(call, id).await?;
    }
    for id in &user_ids {
        let roles = call.database().roles();
        let assigned = roles.assign(id, std::slice::from_ref(&role.id)).await;
        assigned.map_err(refuse_dangling)?;
    }
    Ok(Answer::Content(json!({})))
}

async fn list_of_user(call: &Call) -> Answered {
    let paging = Paging::of(call)?;
    let user = users::find(call, call.id()).await?;
    let roles = call.database().roles();
    let listing = roles.of_user(&user.user_id, &paging.slice()).await?;
    paging.answer_listing(call, "roles", listing, show)
}

async fn assign(call: &Call) -> Answered {
    let members = call.object(ROLE_IDS, Presence::Whole)?;
    let user = users::find(call, call.id()).await?;
    let roles = call.database().roles();
    let assigned = roles.assign(&user.user_id, &texts(&members["roles"])).await;
    assigned.map_err(refuse_dangling)?;
    Ok(Answer::Done)
}

async fn unassign(call: &Call) -> Answered {
    let members = call.object(ROLE_IDS, Presence::Whole)?;
    let user = users::find(call, call.id()).await?;
    let roles = call.database().roles();
    roles
        .unassign(&user.user_id, &texts(&members["roles"]))
        .await?;
    Ok(Answer::Done)
}

/// The role with this id, or Auth0's 404.
pub(super) async fn find(call: &Call, id: &str) -> Result<Role, Refusal> {
    let found = call.database().roles().find(id).await?;
    found.ok_or(Refusal::Absent(Object::Role))
}

/// Every role of a user.
pub(super) async fn all_of_user(call: &Call, user_id: &str) -> Result<Vec<Role>, Refusal> {
    let (mut all, mut from) = (Vec::new(), None);
    while all.len() < MAX_ROLES {
        let slice = Slice::after(from, 100);
        let listing = call.database().roles().of_user(user_id, &slice).await?;
        all.extend(listing.rows);
        from = listing.next;
        if from.is_none() {
            break;
        }
    }
    Ok(all)
}

fn refuse_taken_name(error: DatabaseError) -> Refusal {
    match error {
        DatabaseError::Duplicate { .. } => Refusal::Conflict {
            message: "The role name is already in use by another role.",
            code: "role_conflict",
        },
        error => error.into(),
    }
}

/// The user was there a moment ago, so it is the role that is not.
fn refuse_dangling(error: DatabaseError) -> Refusal {
    match error {
        DatabaseError::Reference { .. } => Refusal::Absent(Object::Role),
        error => error.into(),
    }
}

fn show(role: &Role) -> Value {
    json!({ "id": role.id, "name": role.name, "description": role.description })
}

use std::collections::BTreeMap;

use portcullis_store::tenant::{
    Database, DatabaseError, Identity, MAX_ROWS, Permission, Role, Slice, User,
};
use portcullis_token::Secret;
use serde_json::{Map, Value, json};

use super::CONNECTION;
use crate::TenantError;
use crate::ids::object_id_of;
use crate::passwords::{PasswordError, Passwords, Verdict};
use crate::settings::{self, People};

/// Writes roles and users; what these are given is what the settings say, and no more.
pub(super) async fn write(
    database: &Database,
    people: &People,
    passwords: &Passwords,
    now: i64,
) -> Result<(), TenantError> {
    for role in &people.roles {
        write_role(database, role, now).await?;
    }
    for user in &people.users {
        let user_id = write_user(database, user, passwords, now).await?;
        write_roles_of(database, &user_id, &user.roles).await?;
        let permissions = database.permissions();
        let wanted = flat(&user.permissions);
        let known = permissions.of_user(&user_id).await?;
        let gone = missing_from(&wanted, known);
        permissions.remove_from_user(&user_id, &gone).await?;
        permissions.add_to_user(&user_id, &wanted).await?;
    }
    Ok(())
}

async fn write_role(
    database: &Database,
    role: &settings::Role,
    now: i64,
) -> Result<(), DatabaseError> {
    let row = Role {
        id: format!("rol_{}", object_id_of(&["role", &role.name])),
        name: role.name.clone(),
        description: role.description.clone(),
        created_at: now,
    };
    database.roles().upsert(&row).await?;
    // One that the management API has made has an id of its own.
    let Some(role_id) = find_role(database, &role.name).await? else {
        return Ok(());
    };
    let permissions = database.permissions();
    let wanted = flat(&role.permissions);
    let known = permissions.of_role(&role_id).await?;
    let gone = missing_from(&wanted, known);
    permissions.remove_from_role(&role_id, &gone).await?;
    permissions.add_to_role(&role_id, &wanted).await
}

/// The id of the role with this name, by way of those that contain it.
pub(super) async fn find_role(
    database: &Database,
    name: &str,
) -> Result<Option<String>, DatabaseError> {
    let mut from = None;
    loop {
        let slice = Slice::after(from, MAX_ROWS);
        let page = database.roles().list(Some(name), &slice).await?;
        if let Some(role) = page.rows.into_iter().find(|role| role.name == name) {
            return Ok(Some(role.id));
        }
        if page.next.is_none() {
            return Ok(None);
        }
        from = page.next;
    }
}

async fn write_roles_of(
    database: &Database,
    user_id: &str,
    names: &[String],
) -> Result<(), DatabaseError> {
    let roles = database.roles();
    let known = roles
        .of_user(user_id, &Slice::after(None, MAX_ROWS))
        .await?;
    let gone = known.rows.into_iter();
    let gone = gone.filter(|role| !names.contains(&role.name));
    let gone: Vec<String> = gone.map(|role| role.id).collect();
    roles.unassign(user_id, &gone).await?;
    let mut wanted = Vec::new();
    for name in names {
        wanted.extend(find_role(database, name).await?);
    }
    roles.assign(user_id, &wanted).await
}

/// Writes a user, and gives the id.
async fn write_user(
    database: &Database,
    user: &settings::User,
    passwords: &Passwords,
    now: i64,
) -> Result<String, TenantError> {
    let unusable = |cause| TenantError::Password {
        email: user.email.clone(),
        cause,
    };
    let known = database
        .users()
        .find_by_email(CONNECTION, &user.email)
        .await?;
    let Some(known) = known else {
        let phc = hash(passwords, user).await.map_err(unusable)?;
        return insert(database, user, &phc, now).await;
    };
    let row = changed(known.clone(), user);
    if row != known {
        let row = User {
            updated_at: now,
            ..row
        };
        database.users().update(&row).await?;
    }
    let identities = database.identities();
    let stored = identities.find_password(CONNECTION, &user.email).await?;
    let stored = stored.map(|password| password.phc);
    let verdict = passwords.verify(user.password.clone(), stored).await;
    if verdict.map_err(unusable)? == Verdict::Wrong {
        let phc = hash(passwords, user).await.map_err(unusable)?;
        let id = &known.user_id;
        identities
            .change_password(id, CONNECTION, &phc, now)
            .await?;
    }
    Ok(known.user_id)
}

async fn hash(
    passwords: &Passwords,
    user: &settings::User,
) -> Result<Secret<String>, PasswordError> {
    passwords.hash(user.password.clone()).await
}

async fn insert(
    database: &Database,
    user: &settings::User,
    phc: &Secret<String>,
    now: i64,
) -> Result<String, TenantError> {
    let provider_user_id = object_id_of(&["user", &user.email.to_lowercase()]);
    let blank = User {
        user_id: format!("auth0|{provider_user_id}"),
        connection: CONNECTION.to_owned(),
        email: Some(user.email.clone()),
        email_verified: false,
        username: None,
        blocked: false,
        profile: json!({}),
        user_metadata: json!({}),
        app_metadata: json!({}),
        created_at: now,
        updated_at: now,
        logins_count: 0,
        last_login_at: None,
        last_ip: None,
    };
    let row = changed(blank, user);
    let identity = Identity {
        user_id: row.user_id.clone(),
        provider: "auth0".to_owned(),
        connection: CONNECTION.to_owned(),
        provider_user_id,
    };
    database.users().insert(&row, &identity, Some(phc)).await?;
    Ok(row.user_id)
}

/// The user as the settings have them.
fn changed(mut row: User, user: &settings::User) -> User {
    row.email_verified = user.email_verified;
    row.blocked = user.blocked;
    if let Some(name) = &user.name {
        let mut profile = row.profile.as_object().cloned().unwrap_or_default();
        profile.insert("name".to_owned(), json!(name));
        row.profile = Value::Object(profile);
    }
    let given = |metadata: &Option<Map<String, Value>>| metadata.clone().map(Value::Object);
    if let Some(metadata) = given(&user.user_metadata) {
        row.user_metadata = metadata;
    }
    if let Some(metadata) = given(&user.app_metadata) {
        row.app_metadata = metadata;
    }
    row
}

fn flat(permissions: &BTreeMap<String, Vec<String>>) -> Vec<Permission> {
    let one = |audience: &String, scope: &String| Permission {
        audience: audience.clone(),
        permission: scope.clone(),
    };
    let of_api = |(audience, scopes): (&String, &Vec<String>)| {
        let each = scopes.iter().map(|scope| one(audience, scope));
        each.collect::<Vec<_>>()
    };
    permissions.iter().flat_map(of_api).collect()
}

/// Those of `known` that are not wanted.
fn missing_from(wanted: &[Permission], known: Vec<Permission>) -> Vec<Permission> {
    let unwanted = |permission: &Permission| !wanted.contains(permission);
    known.into_iter().filter(unwanted).collect()
}

//! `users` and `users-by-email`.

use portcullis_store::tenant::{
    Connection, DatabaseError, Identity, Listing, Slice, User, UserFilter,
};
use portcullis_token::Secret;
use serde_json::{Map, Value};

use crate::ids::object_id;
use crate::passwords::PasswordError;

use super::members::Presence;
use super::operation::{Answer, Answered, Call, Operation, Verb};
use super::paging::{Fields, Paging, one};
use super::refusal::{Object, Refusal};
use super::user_members::{CHANGES, MEMBERS, apply, blank, show};

const READ: &[&str] = &["read:users"];
const ONE: &str = "/users/{id}";
const CHANGE_OWN: &[&str] = &[
    "create:current_user_metadata",
    "update:current_user_metadata",
    "delete:current_user_metadata",
];

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(Verb::Get, "/users", READ, |call| Box::pin(list(call)))
        .paged()
        .with_query(&["q", "search_engine", "connection", "primary_order"]),
    Operation::new(Verb::Post, "/users", &["create:users"], |call| {
        Box::pin(create(call))
    }),
    Operation::new(Verb::Get, ONE, READ, |call| Box::pin(read(call)))
        .for_oneself(&["read:current_user"]),
    Operation::new(
        Verb::Patch,
        ONE,
        &["update:users", "update:users_app_metadata"],
        |call| Box::pin(update(call)),
    )
    .for_oneself(CHANGE_OWN),
    Operation::new(Verb::Delete, ONE, &["delete:users"], |call| {
        Box::pin(delete(call))
    }),
    Operation::new(Verb::Get, "/users-by-email", READ, |call| {
        Box::pin(list_by_email(call))
    })
    .with_query(&["email"]),
];

/// Shorter passwords are guessed.
const MIN_PASSWORD: usize = 8;

async fn list(call: &Call) -> Answered {
    let paging = Paging::of(call)?;
    let mut filter = UserFilter {
        connection: call.query.find("connection").map(str::to_owned),
        ..UserFilter::default()
    };
    let mut user_id = None;
    let fields = [
        "email",
        "email.raw",
        "user_id",
        "blocked",
        "identities.connection",
    ];
    for (field, value) in call.query.search(&fields)? {
        match field {
            "user_id" => user_id = Some(value),
            "blocked" => filter.blocked = Some(value == "true"),
            "identities.connection" => filter.connection = Some(value.to_owned()),
            _ => filter.email = Some(value.to_owned()),
        }
    }
    let users = call.database().users();
    let listing = match user_id {
        Some(id) => {
            let found = users.find(id).await?.filter(|user| matches(user, &filter));
            paging.cut(found.into_iter().collect())?
        }
        None => users.list(&filter, &paging.slice()).await?,
    };
    let rows = show_all(call, &listing).await?;
    paging.answer(call, "users", listing.next, listing.total, rows)
}

fn matches(user: &User, filter: &UserFilter) -> bool {
    let email = filter.email.as_deref().map(str::to_lowercase);
    (email.is_none() || email == user.email)
        && filter.blocked.is_none_or(|blocked| blocked == user.blocked)
        && filter
            .connection
            .as_ref()
            .is_none_or(|name| *name == user.connection)
}

async fn list_by_email(call: &Call) -> Answered {
    let filter = UserFilter {
        email: Some(call.query.require("email")?.to_owned()),
        ..UserFilter::default()
    };
    let users = call.database().users();
    let listing = users.list(&filter, &Slice::after(None, 100)).await?;
    let fields = Fields::of(call)?;
    let rows = show_all(call, &listing).await?.into_iter();
    let rows: Vec<Value> = rows.map(|user| fields.of_object(user)).collect();
    Ok(Answer::Content(rows.into()))
}

async fn read(call: &Call) -> Answered {
    let user = find(call, call.id()).await?;
    let mut shown = show_one(call, &user).await?;
    if call.is_own {
        hide_from_oneself(&mut shown);
    }
    one(call, shown)
}

/// What the tenant notes about a user is not for the user.
fn hide_from_oneself(user: &mut Value) {
    if let Some(members) = user.as_object_mut() {
        members.remove("app_metadata");
    }
}

async fn create(call: &Call) -> Answered {
    let members = call.object(MEMBERS, Presence::Whole)?;
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let connection = find_connection(call, text("connection").unwrap_or_default()).await?;
    let missing = |name: &str| Refusal::Body(format!("'Missing required property: {name}'"));
    if text("email").is_none() && text("username").is_none() {
        return Err(missing("email"));
    }
    let password = text("password").ok_or_else(|| missing("password"))?;
    let id = match text("user_id") {
        Some(id) => parse_id(id)?,
        None => object_id()?,
    };
    let mut user = blank(&id, &connection.name, call.now());
    apply(&mut user, &members);
    let phc = hash(call, password).await?;
    let identity = Identity {
        user_id: user.user_id.clone(),
        provider: "auth0".to_owned(),
        connection: connection.name,
        provider_user_id: id,
    };
    let inserted = call
        .database()
        .users()
        .insert(&user, &identity, Some(&phc))
        .await;
    inserted.map_err(|error| match error {
        DatabaseError::Duplicate { .. } => Refusal::Conflict {
            message: "The user already exists.",
            code: "auth0_idp_error",
        },
        error => error.into(),
    })?;
    Ok(Answer::Created(show(&user, &[identity])))
}

async fn update(call: &Call) -> Answered {
    let members = call.object(CHANGES, Presence::Partial)?;
    check_changes(call, &members)?;
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    find(call, call.id()).await?;
    let phc = match text("password") {
        Some(password) => Some(hash(call, password).await?),
        None => None,
    };
    // Not written as it was read above: a block that came between would be undone.
    let users = call.database().users();
    let changed = users.change(call.id(), phc.as_ref(), call.now(), |user| {
        if text("connection").is_some_and(|name| name != user.connection) {
            return Err(ChangeError::Refused(Refusal::Dangling(Object::Connection)));
        }
        apply(user, &members);
        if user.email.is_none() && user.username.is_none() {
            let text = "'Missing required property: email'";
            return Err(ChangeError::Refused(Refusal::Body(text.to_owned())));
        }
        user.updated_at = call.now();
        Ok(())
    });
    let changed = changed
        .await
        .map_err(|error| error.refuse(text("email").is_some()))?;
    let user = changed.ok_or(Refusal::Absent(Object::User))?;
    let mut shown = show_one(call, &user).await?;
    if call.is_own {
        hide_from_oneself(&mut shown);
    }
    one(call, shown)
}

/// Why a user was not changed.
enum ChangeError {
    Database(DatabaseError),
    Refused(Refusal),
}

impl From<DatabaseError> for ChangeError {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

impl ChangeError {
    fn refuse(self, is_of_email: bool) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal,
            Self::Database(DatabaseError::Duplicate { .. }) if is_of_email => {
                Refusal::UserConflict("The specified new email already exists")
            }
            Self::Database(DatabaseError::Duplicate { .. }) => {
                Refusal::UserConflict("The specified new username already exists")
            }
            Self::Database(error) => error.into(),
        }
    }
}

/// Each scope is for some members only.
fn check_changes(call: &Call, members: &Map<String, Value>) -> Result<(), Refusal> {
    let (allowed, expected) = if call.is_own {
        ("user_metadata", "update:users,update:users_app_metadata")
    } else if call.caller.has_any(&["update:users"]) {
        return Ok(());
    } else {
        ("app_metadata", "update:users")
    };
    if members.keys().any(|name| name != allowed) {
        return Err(Refusal::Scope(expected.to_owned()));
    }
    let Some(metadata) = members.get("user_metadata").filter(|_| call.is_own) else {
        return Ok(());
    };
    check_own_metadata(call, metadata)
}

/// To take something away is another scope than to put it there.
fn check_own_metadata(call: &Call, metadata: &Value) -> Result<(), Refusal> {
    let mut values = metadata.as_object().into_iter().flat_map(Map::values);
    let (changes, takes_away) = (
        values.clone().any(|value| !value.is_null()),
        values.any(Value::is_null),
    );
    let change = &[
        "create:current_user_metadata",
        "update:current_user_metadata",
    ];
    let remove = &[
        "delete:current_user_metadata",
        "update:current_user_metadata",
    ];
    for (is_wanted, scopes) in [(changes, change), (takes_away, remove)] {
        if is_wanted && !call.caller.has_any_own(scopes) {
            return Err(Refusal::Scope(scopes.join(",")));
        }
    }
    Ok(())
}

async fn delete(call: &Call) -> Answered {
    // Whether there was one or not: there is none now, as Auth0 has it.
    call.database().users().delete(call.id()).await?;
    Ok(Answer::Done)
}

/// The user with this id, or Auth0's 404; 400 for what is no user's id.
pub(super) async fn find(call: &Call, id: &str) -> Result<User, Refusal> {
    if !id.contains('|') {
        return Err(Refusal::Path(format!(
            "'Object didn't pass validation for format user-id: {id}' on property id"
        )));
    }
    let found = call.database().users().find(id).await?;
    found.ok_or(Refusal::Absent(Object::User))
}

async fn find_connection(call: &Call, name: &str) -> Result<Connection, Refusal> {
    let found = call.database().connections().find_by_name(name).await?;
    found.ok_or(Refusal::Dangling(Object::Connection))
}

/// The id of a user who had one elsewhere. It must not look like an application's: no `@`, no `|`.
fn parse_id(text: &str) -> Result<String, Refusal> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if text.bytes().all(is_plain) {
        return Ok(text.to_owned());
    }
    Err(Refusal::Body(format!(
        "'String does not match pattern ^[A-Za-z0-9._-]+$: {text}' on property user_id"
    )))
}

async fn hash(call: &Call, password: &str) -> Result<Secret<String>, Refusal> {
    if password.chars().count() < MIN_PASSWORD {
        return Err(Refusal::WeakPassword);
    }
    let password = Secret::new(password.to_owned());
    call.tenant
        .new_passwords
        .hash(password)
        .await
        .map_err(refuse_password)
}

/// Why a password, or a secret that somebody chose, is not kept.
pub(super) fn refuse_password(error: PasswordError) -> Refusal {
    match error {
        PasswordError::Busy => Refusal::Busy,
        PasswordError::TooLong => {
            let text = "'String is too long, maximum 1024 bytes' on property password";
            Refusal::Body(text.to_owned())
        }
        error => Refusal::internal(error),
    }
}

async fn show_one(call: &Call, user: &User) -> Result<Value, Refusal> {
    let identities = call.database().identities();
    Ok(show(user, &identities.of_user(&user.user_id).await?))
}

async fn show_all(call: &Call, listing: &Listing<User>) -> Result<Vec<Value>, Refusal> {
    let mut rows = Vec::with_capacity(listing.rows.len());
    for user in &listing.rows {
        rows.push(show_one(call, user).await?);
    }
    Ok(rows)
}

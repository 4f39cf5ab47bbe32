//! A user as Auth0 shows one, and as the database has one.

use portcullis_store::tenant::{Identity, User};
use serde_json::{Map, Value, json};

use crate::id_token::gravatar;

use super::ids::date;
use super::members::{Kind, Member, member, merge};

/// What a user is made of.
pub(super) const MEMBERS: &[Member] = &[
    member("connection", Kind::Text(1, 128)).required(),
    member("user_id", Kind::Text(1, 255)),
    member("email", Kind::Email),
    member("username", Kind::Text(1, 128)),
    member("password", Kind::Text(1, 1024)),
    member("email_verified", Kind::Boolean),
    member("verify_email", Kind::Boolean),
    member("blocked", Kind::Boolean),
    member("name", Kind::Text(1, 300)),
    member("nickname", Kind::Text(1, 300)),
    member("given_name", Kind::Text(1, 150)),
    member("family_name", Kind::Text(1, 150)),
    member("picture", Kind::Uri),
    member("user_metadata", Kind::AnyObject),
    member("app_metadata", Kind::AnyObject),
];

/// What a user is changed by.
pub(super) const CHANGES: &[Member] = &[
    member("connection", Kind::Text(1, 128)),
    member("client_id", Kind::Text(1, 255)),
    member("email", Kind::Email),
    member("username", Kind::Text(1, 128)).or_null(),
    member("password", Kind::Text(1, 1024)),
    member("email_verified", Kind::Boolean),
    member("verify_email", Kind::Boolean),
    member("verify_password", Kind::Boolean),
    member("blocked", Kind::Boolean),
    member("name", Kind::Text(1, 300)).or_null(),
    member("nickname", Kind::Text(1, 300)).or_null(),
    member("given_name", Kind::Text(1, 150)).or_null(),
    member("family_name", Kind::Text(1, 150)).or_null(),
    member("picture", Kind::Uri).or_null(),
    member("user_metadata", Kind::AnyObject),
    member("app_metadata", Kind::AnyObject),
];

/// A user before anybody has said anything about them.
pub(super) fn blank(id: &str, connection: &str, now: i64) -> User {
    User {
        user_id: format!("auth0|{id}"),
        connection: connection.to_owned(),
        email: None,
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
    }
}

/// Changes a user by members that were checked; not their password.
pub(super) fn apply(user: &mut User, members: &Map<String, Value>) {
    for (name, value) in members {
        let (text, flag) = (value.as_str(), value.as_bool().unwrap_or(false));
        match name.as_str() {
            "email" => {
                let email = text.map(str::to_lowercase);
                if email != user.email {
                    // Nobody has shown that this one is theirs.
                    user.email_verified = false;
                }
                user.email = email;
            }
            "username" => user.username = text.map(str::to_lowercase),
            "blocked" => user.blocked = flag,
            "name" | "nickname" | "given_name" | "family_name" | "picture" => {
                merge(&mut user.profile, &json!({ name: value }));
            }
            "user_metadata" => merge(&mut user.user_metadata, value),
            "app_metadata" => merge(&mut user.app_metadata, value),
            _ => {}
        }
    }
    // After the address, which takes it away.
    if let Some(flag) = members.get("email_verified").and_then(Value::as_bool) {
        user.email_verified = flag;
    }
}

fn of_profile<'u>(user: &'u User, name: &str) -> Option<&'u str> {
    user.profile.get(name).and_then(Value::as_str)
}

/// The name; the address or the user name stands in for an absent one.
pub(super) fn name_of(user: &User) -> Option<&str> {
    of_profile(user, "name")
        .or(user.email.as_deref())
        .or(user.username.as_deref())
}

/// The picture; a Gravatar of the address stands in for an absent one.
pub(super) fn picture_of(user: &User) -> Option<String> {
    let own = of_profile(user, "picture").map(str::to_owned);
    own.or_else(|| user.email.as_deref().map(gravatar))
}

/// A user as Auth0 shows one.
pub(super) fn show(user: &User, identities: &[Identity]) -> Value {
    let identities: Vec<Value> = identities.iter().map(show_identity).collect();
    let mut object = json!({
        "user_id": user.user_id,
        "email_verified": user.email_verified,
        "identities": identities,
        "created_at": date(user.created_at),
        "updated_at": date(user.updated_at),
        "logins_count": user.logins_count,
        "blocked": user.blocked,
        "user_metadata": user.user_metadata,
        "app_metadata": user.app_metadata,
    });
    let local_part = user
        .email
        .as_deref()
        .and_then(|email| email.split('@').next());
    let nickname = of_profile(user, "nickname").or(local_part);
    let text = |value: Option<&str>| value.map(Value::from);
    for (name, value) in [
        ("email", text(user.email.as_deref())),
        ("username", text(user.username.as_deref())),
        ("name", text(name_of(user))),
        ("nickname", text(nickname.or(user.username.as_deref()))),
        ("given_name", text(of_profile(user, "given_name"))),
        ("family_name", text(of_profile(user, "family_name"))),
        ("picture", picture_of(user).map(Value::from)),
        ("last_login", user.last_login_at.map(|at| date(at).into())),
        ("last_ip", text(user.last_ip.as_deref())),
    ] {
        if let Some(value) = value {
            object[name] = value;
        }
    }
    object
}

fn show_identity(identity: &Identity) -> Value {
    json!({
        "connection": identity.connection,
        "user_id": identity.provider_user_id,
        "provider": identity.provider,
        "isSocial": false,
    })
}

use std::collections::BTreeMap;

use portcullis_token::Secret;
use serde_json::{Map, Value};

/// The users that settings name, and their roles.
#[derive(Clone, Debug, Default)]
pub struct People {
    /// Permissions that users are given together.
    pub roles: Vec<Role>,
    /// Who can log in.
    pub users: Vec<User>,
}

/// A name for permissions that users are given together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Unique.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// Scopes by audience; each audience is an API's identifier.
    pub permissions: BTreeMap<String, Vec<String>>,
}

/// Somebody who can log in with a password.
#[derive(Clone, Debug)]
pub struct User {
    /// Unique, whatever its case.
    pub email: String,
    /// The password as it is typed.
    pub password: Secret<String>,
    /// The whole name; the address stands in for an absent one.
    pub name: Option<String>,
    /// Whether the address is known to be theirs.
    pub email_verified: bool,
    /// Whether logins are refused.
    pub blocked: bool,
    /// Names of roles.
    pub roles: Vec<String>,
    /// Scopes by audience, besides those of roles; each audience is an API's identifier.
    pub permissions: BTreeMap<String, Vec<String>>,
    /// What the user may change; what is there stays when absent.
    pub user_metadata: Option<Map<String, Value>>,
    /// What only the tenant may change; what is there stays when absent.
    pub app_metadata: Option<Map<String, Value>>,
}

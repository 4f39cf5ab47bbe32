use std::collections::BTreeMap;
use std::net::SocketAddr;

use portcullis_token::Secret;

use crate::position::Origin;

/// The scopes of each audience.
pub type Permissions = BTreeMap<String, Vec<String>>;

/// The embedded identity provider that `portcullis dev` runs.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Where it listens; `127.0.0.1:4000` when absent.
    pub listen: SocketAddr,
    /// Who can log in.
    pub users: Vec<User>,
    /// What can ask for tokens.
    pub applications: Vec<Application>,
}

/// A person who can log in.
#[derive(Clone, Debug)]
pub struct User {
    /// What the person logs in with.
    pub email: String,
    /// Never printed.
    pub password: Secret<String>,
    /// What the person may do.
    pub permissions: Permissions,
    /// Where it was said.
    pub origin: Origin,
}

/// A program that can ask for tokens, as Auth0 describes it.
#[derive(Clone, Debug)]
pub struct Application {
    /// What people call it.
    pub name: String,
    /// What it is, and so whether it can keep a secret.
    pub kind: ApplicationKind,
    /// Its public name in the protocol; the tenant makes one when absent.
    pub client_id: Option<String>,
    /// Never printed; the tenant makes one for kinds that need it when absent.
    pub client_secret: Option<Secret<String>>,
    /// Where a login may return to.
    pub callbacks: Vec<String>,
    /// Where a logout may return to.
    pub logout_urls: Vec<String>,
    /// Where its pages are served from: scheme, host and port.
    pub web_origins: Vec<String>,
    /// What it may do on its own behalf; everything that routes ask for when absent.
    pub permissions: Option<Permissions>,
    /// Where it was said.
    pub origin: Origin,
}

/// What an application is: Auth0's `app_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplicationKind {
    /// A single-page application: it keeps no secret.
    Spa,
    /// A web application with a server that keeps its secret.
    RegularWeb,
    /// A mobile or desktop application: it keeps no secret.
    Native,
    /// A program without a person: it trades its secret for tokens.
    NonInteractive,
}

impl ApplicationKind {
    /// Every kind, by the name it has in the file.
    pub const ALL: [(&'static str, Self); 4] = [
        ("spa", Self::Spa),
        ("regular_web", Self::RegularWeb),
        ("native", Self::Native),
        ("non_interactive", Self::NonInteractive),
    ];
}

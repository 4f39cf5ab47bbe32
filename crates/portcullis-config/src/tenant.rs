use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use portcullis_token::Secret;
use serde_json::{Map, Value};
use url::Url;

use crate::position::Origin;

/// The scopes of each audience.
pub type Permissions = BTreeMap<String, Vec<String>>;

/// The embedded identity provider that `portcullis dev` runs.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Where it listens; `127.0.0.1:4000` when absent.
    pub listen: SocketAddr,
    /// Where it listens for TLS, by a certificate of its own authority; nowhere when absent.
    pub https: Option<SocketAddr>,
    /// Its name in tokens, at the root of a host. That of `listen` when absent.
    pub issuer: Option<Url>,
    /// Other host names under which it is reached, without port, in lower case.
    pub aliases: Vec<String>,
    /// The statuses of the token endpoint's refusals.
    pub error_dialect: ErrorDialect,
    /// The API that tokens are for when a request names none.
    pub default_audience: Option<String>,
    /// Whether discovery names the endpoint of RP-Initiated Logout.
    pub oidc_logout: bool,
    /// Whether people are asked before they are logged out without an ID token.
    pub logout_prompt: bool,
    /// Where a logout of no application in particular may return to.
    pub logout_urls: Vec<String>,
    /// What people's tokens tell besides what every token does.
    pub claims: Vec<CustomClaim>,
    /// What tokens are for, besides the audiences of authorizers.
    pub apis: Vec<TenantApi>,
    /// Permissions that people are given together.
    pub roles: Vec<Role>,
    /// Who can log in.
    pub users: Vec<User>,
    /// What can ask for tokens.
    pub applications: Vec<Application>,
}

/// Whose statuses the token endpoint's refusals have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorDialect {
    /// Auth0's: 403 for a bad grant.
    #[default]
    Auth0,
    /// Those of RFC 6749 section 5.2: 400 for a bad grant.
    Rfc6749,
}

/// A claim of people's tokens that the file adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomClaim {
    /// None of those that tokens have anyway.
    pub name: String,
    /// What it tells.
    pub source: ClaimSource,
}

/// What a claim tells of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimSource {
    /// `roles`: their names.
    Roles,
    /// `email`: the address.
    Email,
    /// `user_metadata`, or the member of it at this path.
    UserMetadata(Vec<String>),
    /// `app_metadata`, or the member of it at this path.
    AppMetadata(Vec<String>),
}

/// An API of the tenant: Auth0's resource server.
#[derive(Clone, Debug)]
pub struct TenantApi {
    /// The audience of its tokens.
    pub identifier: String,
    /// What people call it; its identifier when absent.
    pub name: Option<String>,
    /// What may be done with it: each scope with its description.
    pub permissions: BTreeMap<String, String>,
    /// How long its tokens are valid, in whole seconds: up to 30 days.
    pub token_lifetime: Duration,
    /// The same for tokens that a browser gets from `/authorize`.
    pub token_lifetime_for_web: Duration,
    /// How its tokens are written, by Auth0's name.
    pub token_dialect: &'static str,
    /// Whether people have only the scopes that they are given; when absent, it is so where the
    /// file gives some to anybody.
    pub rbac: Option<bool>,
    /// Whether refresh tokens are given; when absent, they are, but for Auth0's own API.
    pub offline_access: Option<bool>,
    /// Whether the tenant's own applications need no consent; on localhost they always do.
    pub skip_consent: bool,
    /// Where it was said.
    pub origin: Origin,
}

/// A name for permissions that people are given together.
#[derive(Clone, Debug)]
pub struct Role {
    /// What `roles` of a user refer to.
    pub name: String,
    /// What it is for; empty when absent.
    pub description: String,
    /// What it brings.
    pub permissions: Permissions,
    /// Where it was said.
    pub origin: Origin,
}

/// A person who can log in.
#[derive(Clone, Debug)]
pub struct User {
    /// What the person logs in with.
    pub email: String,
    /// Never printed.
    pub password: Secret<String>,
    /// What the person is called; the address stands in for an absent one.
    pub name: Option<String>,
    /// Whether the address is known to be theirs.
    pub email_verified: bool,
    /// Whether logins are refused.
    pub blocked: bool,
    /// The names of the person's roles.
    pub roles: Vec<String>,
    /// What the person may do, besides what roles bring.
    pub permissions: Permissions,
    /// What the person may change; untouched when absent.
    pub user_metadata: Option<Map<String, Value>>,
    /// What only the tenant may change; untouched when absent.
    pub app_metadata: Option<Map<String, Value>>,
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
    /// Whether it is the tenant's own; others always need consent.
    pub first_party: bool,
    /// The ways in which it may ask for tokens; those that its kind needs when absent.
    pub grants: Option<Vec<Grant>>,
    /// What becomes of a used refresh token; when absent, it is rotated for kinds without a secret.
    pub refresh_tokens: Option<RefreshTokens>,
    /// How long a rotated refresh token is taken again.
    pub refresh_leeway: Duration,
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

/// A way of asking for tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grant {
    /// A login whose code is traded for tokens.
    AuthorizationCode,
    /// A login that brings the ID token itself.
    Implicit,
    /// A refresh token, traded for the next access token.
    RefreshToken,
    /// The application's own secret.
    ClientCredentials,
    /// A login on another device (RFC 8628).
    DeviceCode,
}

impl Grant {
    /// Every grant, by the name it has in the file and in the protocol.
    pub const ALL: [(&'static str, Self); 5] = [
        ("authorization_code", Self::AuthorizationCode),
        ("implicit", Self::Implicit),
        ("refresh_token", Self::RefreshToken),
        ("client_credentials", Self::ClientCredentials),
        (
            "urn:ietf:params:oauth:grant-type:device_code",
            Self::DeviceCode,
        ),
    ];

    /// Its `grant_type` value.
    pub fn name(self) -> &'static str {
        let named = Self::ALL.into_iter().find(|(_, grant)| *grant == self);
        named.map_or("", |(name, _)| name)
    }
}

/// What becomes of a used refresh token: Auth0's `rotation_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshTokens {
    /// It is good again.
    NonRotating,
    /// Another takes its place; a second use revokes all of them.
    Rotating,
}

impl RefreshTokens {
    /// Both, by their names in the file.
    pub const ALL: [(&'static str, Self); 2] = [
        ("non-rotating", Self::NonRotating),
        ("rotating", Self::Rotating),
    ];

    /// Its name, which is Auth0's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NonRotating => "non-rotating",
            Self::Rotating => "rotating",
        }
    }
}

mod address_rate;
mod claim;
mod error;
mod issuer;
mod login;
mod people;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use portcullis_token::Secret;

use crate::EndSession;
use crate::access_token::TokenDialect;

pub use address_rate::{AddressRate, AddressRates};
pub use claim::{ClaimSource, CustomClaim};
pub use error::SettingsError;
pub use issuer::{Issuer, IssuerError};
pub use login::{LoginSettings, RefreshTokens};
pub use people::{People, Role, User};

/// What a tenant is: who it is, which APIs it serves and which applications may call them.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The `iss` of every token.
    pub issuer: Issuer,
    /// The APIs that tokens can be asked for.
    pub apis: Vec<Api>,
    /// The applications that can ask.
    pub applications: Vec<Application>,
    /// Who can log in, and what for.
    pub people: People,
    /// In what it may differ from Auth0's defaults.
    pub options: Options,
}

/// The settings of a whole tenant; the default is Auth0's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The statuses of the token endpoint's refusals.
    pub error_dialect: ErrorDialect,
    /// The API that tokens are for when a request names none; then they are opaque when absent.
    pub default_audience: Option<String>,
    /// Whether discovery names the endpoint of RP-Initiated Logout.
    pub end_session: EndSession,
    /// Whether people are asked before a logout that no ID token vouches for.
    pub logout_prompt: LogoutPrompt,
    /// Where a logout may return to that names no application.
    pub logout_urls: Vec<String>,
    /// How often an application may ask for tokens.
    pub token_rate: TokenRate,
    /// How much is written for people who have proven nothing.
    pub address_rates: AddressRates,
    /// What people's tokens and `/userinfo` tell besides.
    pub claims: Vec<CustomClaim>,
}

/// What `/oidc/logout` does without an ID token of the browser's session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogoutPrompt {
    /// It asks first.
    #[default]
    Ask,
    /// It logs out at once.
    Skip,
}

/// How often one application may ask the token endpoint from one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRate {
    /// As often as it likes.
    Unlimited,
    /// So many times a second, and no more than that at once. 100 by default.
    PerSecond(NonZeroU32),
}

impl Default for TokenRate {
    fn default() -> Self {
        NonZeroU32::new(100).map_or(Self::Unlimited, Self::PerSecond)
    }
}

/// Whose statuses refusals of the token endpoint have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorDialect {
    /// Auth0's: 403 for a bad grant.
    #[default]
    Auth0,
    /// Those of RFC 6749 section 5.2: 400 for a bad grant.
    Rfc6749,
}

/// An API that tokens are meant for; Auth0 calls it a resource server.
#[derive(Clone, Debug)]
pub struct Api {
    /// The `aud` of its tokens, such as `https://expenses-api`. Any text; often a URL, never called.
    pub identifier: String,
    /// Every scope that exists for it (RFC 6749 section 3.3), such as `read:reports`.
    pub permissions: Vec<String>,
    /// How long its tokens are valid: whole seconds, from 1 second to 30 days.
    pub token_lifetime: Duration,
    /// How its tokens are written.
    pub token_dialect: TokenDialect,
    /// What a login for it may bring.
    pub rules: ApiRules,
}

/// What a login for an API may bring, and what people are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiRules {
    /// What people call the API; its identifier when absent.
    pub name: Option<String>,
    /// What scopes mean, for people.
    pub descriptions: BTreeMap<String, String>,
    /// How long the tokens are valid that a browser gets without a code.
    pub token_lifetime_for_web: Duration,
    /// Whether users have only the permissions that they or their roles are given (RBAC).
    pub enforces_permissions: bool,
    /// Whether refresh tokens are given.
    pub allows_offline_access: bool,
    /// Whether the tenant's own applications need no consent, where nobody can pose as them.
    pub skips_consent: bool,
}

/// Auth0's defaults, but that refresh tokens are given.
impl Default for ApiRules {
    fn default() -> Self {
        Self {
            name: None,
            descriptions: BTreeMap::new(),
            token_lifetime_for_web: Duration::from_hours(2),
            enforces_permissions: false,
            allows_offline_access: true,
            skips_consent: false,
        }
    }
}

impl Api {
    /// The lifetime that Auth0 gives a token unless told otherwise: 24 hours.
    pub const DEFAULT_TOKEN_LIFETIME: Duration = Duration::from_hours(24);
}

/// A program that asks for tokens; Auth0 and RFC 6749 call it a client.
#[derive(Clone, Debug)]
pub struct Application {
    /// What people call it.
    pub name: String,
    /// What programs call it: printable ASCII (RFC 6749 appendix A.1).
    pub client_id: String,
    /// How it proves to be itself.
    pub authentication: Authentication,
    /// The ways in which it may ask for tokens.
    pub grant_types: BTreeSet<GrantType>,
    /// Scopes by audience: the most it may have of each API. An API that is not here is not open
    /// to it; one without scopes is, for tokens without scopes.
    pub grants: BTreeMap<String, Vec<String>>,
    /// How people log in at it.
    pub login: LoginSettings,
}

/// How an application proves to be itself (RFC 6749 section 2.3).
#[derive(Clone, Debug)]
pub enum Authentication {
    /// Not at all: it runs where its users could read a secret, such as in a browser.
    Public,
    /// With a secret that it shares with the tenant.
    Secret(Secret<String>),
}

/// A way of asking for tokens, by its `grant_type` value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum GrantType {
    /// A login in a browser ended with a code (RFC 6749 section 4.1).
    AuthorizationCode,
    /// A login is continued (RFC 6749 section 6).
    RefreshToken,
    /// The application asks in its own name (RFC 6749 section 4.4).
    ClientCredentials,
    /// A device without a browser asks for its user (RFC 8628).
    DeviceCode,
    /// The application has the user's password (RFC 6749 section 4.3). For tests only.
    Password,
    /// The same, with the connection as `realm`: Auth0's extension.
    PasswordRealm,
}

impl GrantType {
    /// Every grant type that the token endpoint serves.
    pub const ALL: [Self; 6] = [
        Self::AuthorizationCode,
        Self::RefreshToken,
        Self::ClientCredentials,
        Self::DeviceCode,
        Self::Password,
        Self::PasswordRealm,
    ];

    /// The `grant_type` value, compared byte for byte.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
            Self::Password => "password",
            Self::PasswordRealm => "http://auth0.com/oauth/grant-type/password-realm",
        }
    }
}

impl fmt::Display for GrantType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no grant type of [`GrantType`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a supported grant type")]
pub struct UnknownGrantType;

impl FromStr for GrantType {
    type Err = UnknownGrantType;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|grant_type| grant_type.name() == name)
            .ok_or(UnknownGrantType)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_type_is_matched_byte_for_byte() {
        for grant_type in GrantType::ALL {
            assert_eq!(grant_type.name().parse(), Ok(grant_type));
        }
        for name in ["implicit", "Client_Credentials", "client_credentials ", ""] {
            assert_eq!(name.parse::<GrantType>(), Err(UnknownGrantType), "{name:?}");
        }
    }

    #[test]
    fn a_client_secret_is_not_printed() {
        let authentication = Authentication::Secret(Secret::new("hunter2".to_owned()));
        assert_eq!(format!("{authentication:?}"), "Secret([redacted])");
    }
}

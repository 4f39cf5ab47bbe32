//! An embedded, Auth0-compatible OpenID provider.
//!
//! # Life of a token request
//!
//! 1. `guard` checks and bounds the head, and marks every answer.
//! 2. `token_endpoint` reads the parameters, from a form or from JSON.
//! 3. `credentials` finds out which application is calling.
//! 4. The grant's own file decides what it may have; see `client_credentials`. What is for a user
//!    goes through `user_access` and `issue`.
//! 5. [`access_token`] and [`id_token`] write the claims, and the [`KeyRing`] signs them.
//! 6. `refusal` is the one table of what goes wrong, in Auth0's words.
//!
//! # Life of a login
//!
//! 1. `authorize::request` checks the request; what is wrong goes to the client or onto a page.
//! 2. `transaction` has it wait for a person, bound to their browser by `browser` and `cookies`.
//! 3. `login` shows the pages, `accounts` checks passwords, and `session` remembers who it was.
//! 4. `authorize::consent` asks, and `authorize::issue` makes the code or the ID token.
//! 5. `userinfo` tells what a token opens; `logout` ends the session.
//!
//! # The parts of a login
//!
//! Each is a function of what it is given, without storage: [`redirect_uri`], [`pkce`] and
//! [`scopes`] judge a request, [`passwords`] its user, [`pages`] are what that user sees,
//! [`id_token`] is what the application learns, and [`cors`] says who may call by script.

pub mod access_token;
pub mod cors;
pub mod id_token;
pub mod pages;
pub mod passwords;
pub mod pkce;
pub mod redirect_uri;
pub mod scopes;

mod accounts;
mod activation;
mod address_rate;
mod audit;
mod authorize;
mod background;
mod browser;
mod brute_force;
mod caller;
mod client;
mod cookies;
mod custom_claims;
mod database_connections;
mod discovery;
mod fault;
mod fields;
mod guard;
mod host;
mod ids;
mod keys;
mod login;
mod logout;
mod management;
mod opaque;
mod origins;
mod own_tokens;
mod password_reset;
mod purging;
mod refresh_policy;
mod registry;
mod seed;
mod session;
mod settings;
mod tenant;
mod tenant_settings;
mod token_endpoint;
mod token_rate;
mod transaction;
mod user_access;
mod user_api;
mod user_code;
mod user_token;
mod userinfo;

pub use access_token::TokenDialect;
pub use discovery::EndSession;
pub use keys::{
    DamagedKeys, KeptError, KeyRecord, KeyRing, KeyRingError, KeyState, ListedKey, LiveKeys,
    PublicCertificate, RecordsError, RevokeError, RotateError, Sealer, SealerError,
    UnknownKeyState, UntrustedKeys,
};
pub use opaque::opaque_token;
pub use seed::CONNECTION;
pub use settings::{
    AddressRate, AddressRates, Api, ApiRules, Application, Authentication, ClaimSource,
    CustomClaim, ErrorDialect, GrantType, Issuer, IssuerError, LoginSettings, LogoutPrompt,
    Options, People, RefreshTokens, Role, Settings, SettingsError, TokenRate, UnknownGrantType,
    User,
};
pub use tenant::{Tenant, TenantError};
pub use user_code::UserCode;
pub use user_token::{UserToken, UserTokenError, UserTokenRequest};

//! An embedded, Auth0-compatible OpenID provider.
//!
//! # Life of a token request
//!
//! 1. `guard` checks and bounds the head, and marks every answer.
//! 2. `token_endpoint` reads the parameters, from a form or from JSON.
//! 3. `credentials` finds out which application is calling.
//! 4. The grant's own file decides what it may have; see `client_credentials`.
//! 5. [`access_token`] writes the claims, and the [`KeyRing`] signs them.
//! 6. `refusal` is the one table of what goes wrong, in Auth0's words.
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

mod client;
mod discovery;
mod guard;
mod host;
mod keys;
mod opaque;
mod registry;
mod seed;
mod settings;
mod tenant;
mod token_endpoint;
mod user_code;
mod user_token;

pub use access_token::TokenDialect;
pub use discovery::EndSession;
pub use keys::{
    DamagedKeys, KeyRecord, KeyRing, KeyRingError, KeyState, ListedKey, LiveKeys,
    PublicCertificate, RecordsError, RevokeError, RotateError, Sealer, SealerError,
    UnknownKeyState, UntrustedKeys,
};
pub use opaque::opaque_token;
pub use seed::CONNECTION;
pub use settings::{
    Api, ApiRules, Application, Authentication, ErrorDialect, GrantType, Issuer, IssuerError,
    LoginSettings, LogoutPrompt, Options, People, RefreshTokens, Role, Settings, SettingsError,
    UnknownGrantType, User,
};
pub use tenant::{Tenant, TenantError};
pub use user_code::UserCode;
pub use user_token::{UserToken, UserTokenError, UserTokenRequest};

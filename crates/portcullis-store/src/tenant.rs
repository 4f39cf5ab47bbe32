//! The tenant's database: what must outlive the process, in SQLite or PostgreSQL.
//!
//! [`Database::open`] gives repositories, one for each kind of row: `database.codes().spend(…)`. They
//! know no clock and make nothing up: times are seconds since 1970, and ids, hashes and sealed keys are
//! the caller's. No code, token or cookie is ever here, only its SHA-256.
//!
//! Whatever may happen once only, as spending a code, is one conditional statement, so that of any
//! number of callers one has it, on any number of processes.

mod auth_transactions;
mod client_credentials;
mod client_grants;
mod clients;
mod codes;
mod connections;
mod database;
mod device_codes;
mod endings;
mod error;
mod identities;
mod listing;
mod login_attempts;
mod logs;
mod migrations;
mod opaque_tokens;
mod permissions;
mod purge;
mod refresh_tokens;
mod resource_servers;
mod roles;
mod sessions;
mod settings;
mod signed_tokens;
mod signing_keys;
mod sql;
mod token_ids;
mod user_grants;
mod users;

pub use auth_transactions::{AuthTransaction, AuthTransactions, Step, StepAnswer};
pub use client_credentials::{ClientCredential, ClientCredentials};
pub use client_grants::{ClientGrant, ClientGrantFilter, ClientGrants};
pub use clients::{Client, ClientFilter, ClientSecret, Clients};
pub use codes::{Code, CodeSpending, Codes, SpentCode};
pub use connections::{Connection, Connections};
pub use database::Database;
pub use device_codes::{DeviceCode, DeviceCodeState, DeviceCodes, Poll};
pub use error::{DatabaseError, OpenError};
pub use identities::{Identities, Identity, Password};
pub use listing::{Listing, MAX_ROWS, Slice};
pub use login_attempts::{Block, LoginAttempt, LoginAttempts, LoginLimit, LoginVerdict};
pub use logs::{LogEntry, LogFilter, Logs};
pub use opaque_tokens::{OpaqueToken, OpaqueTokens};
pub use permissions::{Permission, Permissions};
pub use purge::Purge;
pub use refresh_tokens::{
    RefreshFamily, RefreshFamilyFilter, RefreshToken, RefreshTokens, Rotated, Rotation,
};
pub use resource_servers::{ResourceServer, ResourceServers, Scope};
pub use roles::{Role, Roles};
pub use sessions::{Session, Sessions};
pub use settings::Settings;
pub use signed_tokens::{SignedToken, SignedTokens};
pub use signing_keys::{KeyState, SigningKey, SigningKeys};
pub use token_ids::TokenIds;
pub use user_grants::{UserGrant, UserGrantFilter, UserGrants};
pub use users::{User, UserFilter, Users};

/// The SHA-256 of a code, a token or a cookie.
///
/// It is enough where the value is 256 random bits; what a person chose needs argon2.
pub type Hash = [u8; 32];

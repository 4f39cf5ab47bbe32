//! Reads portcullis.toml: text in, typed configuration or all of its errors out.
//!
//! Pure: no file, no environment and no clock are touched here. `keys.rs` lists every key there is;
//! the reader's check for unknown keys and the JSON Schema both come from that list.
//!
//! ```
//! use portcullis_config::{Source, parse};
//!
//! let text = r#"
//!     [authorizer.user]
//!     issuer = "https://tenant.example.com/"
//!     audience = ["testing"]
//!
//!     [api.main]
//!     auth = "user"
//!     routes = { "GET /hello/{name}" = { respond = "Hello {name}" } }
//! "#;
//! let parsed = parse(&Source { name: "portcullis.toml", text }, &|_| None).expect("no errors");
//! assert_eq!(parsed.config.apis[0].routes[0].path.to_string(), "/hello/{name}");
//! ```

mod address;
mod admission;
mod api;
mod authorizer;
mod config;
mod cors;
mod diagnostic;
mod environment;
mod function;
mod host;
mod identity_pool;
mod keys;
mod masking;
mod message;
mod network;
mod observe;
mod path;
mod path_rules;
mod policy;
mod position;
mod quantity;
mod read;
mod resource;
mod schema;
mod server;
mod template;
mod tenant;
mod trusted_keys;
mod upstream;

pub use address::AddressError;
pub use admission::{ClientProof, IntrospectionEndpoint, IntrospectionMode, Revoked};
pub use api::{
    Api, Auth, AuthFrom, Disclosure, ErrorBodies, Method, Requirement, Route, Target,
    TokenForwarding,
};
pub use authorizer::{
    Authorizer, AuthorizerKind, Check, Dpop, IssuerUrl, JwtAuthorizer, KeySource,
};
pub use config::{Config, Server};
pub use cors::{AllowedOrigin, Cors, OriginError, Origins};
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use function::{Function, Run};
pub use host::{HostError, HostPattern};
pub use identity_pool::{
    IdentityPool, PoolProvider, PoolRole, PoolRule, RolePermissions, RuleComparison,
    SignedAuthorizer,
};
pub use message::{GATEWAY_CODES, Message};
pub use network::{Network, NetworkError};
pub use observe::{Log, LogFormat, LoggedSubject, Telemetry};
pub use path::{PathError, PathPattern, Segment};
pub use path_rules::{DotSegments, EmptySegments, EncodedSlash, PathRules};
pub use policy::{Access, Amount, Endpoint, LimitHeaders, LimitStore, Policy, PolicyChoice, Store};
pub use position::Origin;
pub use read::parse;
pub use resource::Resource;
pub use schema::schema;
pub use server::{
    Admin, Certificate, CertificateHeader, ClientCertificates, Limits, Tls, TlsVersion,
};
pub use template::{Template, TemplatePart};
pub use tenant::{
    Application, ApplicationKind, ClaimSource, CustomClaim, ErrorDialect, Grant, Permissions,
    RefreshTokens, Role, Tenant, TenantApi, User,
};
pub use trusted_keys::{DistrustedKeys, Fetching, Readiness, SharedSecret, Start};
pub use upstream::{Balance, HealthCheck, Protocol, Upstream, UpstreamTls};

/// The text of a configuration file.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// How messages call the file.
    pub name: &'a str,
    /// What the file holds.
    pub text: &'a str,
}

/// A file without errors.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// What the file says.
    pub config: Config,
    /// What a person should look at: checks that were given up, things that have no effect.
    pub warnings: Diagnostics,
}

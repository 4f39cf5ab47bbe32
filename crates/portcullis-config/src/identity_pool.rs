use std::net::SocketAddr;

use portcullis_token::{RolePolicy, Secret};

use crate::authorizer::IssuerUrl;
use crate::position::Origin;

/// A pool that gives temporary credentials for logins.
#[derive(Clone, Debug)]
pub struct IdentityPool {
    /// The name that authorizers refer to.
    pub name: String,
    /// Where it was said.
    pub origin: Origin,
    /// Where its clients reach it; `127.0.0.1:4100` when absent.
    pub listen: SocketAddr,
    /// The region in its ids, ARNs and signatures; `us-east-1` when absent.
    pub region: String,
    /// The account in ARNs, 12 digits; zeros when absent.
    pub account: String,
    /// Its id, `REGION:UUID`; made from its secret when absent.
    pub id: Option<String>,
    /// What its keys are made from, 32 characters at least; kept by the project when absent.
    pub secret: Option<Secret<String>>,
    /// What credentials are sealed with, the current one first; `secret` when empty.
    pub credential_secrets: Vec<Secret<String>>,
    /// Credentials of earlier epochs are void; 0 when absent.
    pub epoch: u64,
    /// Whose logins are taken. Never empty.
    pub providers: Vec<PoolProvider>,
    /// What whoever is logged in may do; absent, nothing without a rule.
    pub authenticated: Option<RolePermissions>,
    /// What guests may do; absent, there are none.
    pub guests: Option<RolePermissions>,
    /// Roles that rules choose.
    pub roles: Vec<PoolRole>,
    /// Claims that choose one, the first that holds.
    pub rules: Vec<PoolRule>,
    /// Whether the token's `cognito:roles` and `cognito:preferred_role` choose one.
    pub roles_by_token: bool,
    /// Whether a login that no rule and no claim gives a role has none.
    pub denies_ambiguous: bool,
    /// Claims that become principal tags: the tag's name, and the claim's.
    pub tags: Vec<(String, String)>,
}

/// An issuer whose ID tokens a pool takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolProvider {
    /// The issuer.
    pub issuer: IssuerUrl,
    /// The application that its tokens must be for.
    pub client_id: String,
}

/// What a role may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RolePermissions {
    /// The indexes of the APIs that it may call, wholly.
    pub apis: Vec<usize>,
    /// What else it may do, or may not; absent, nothing.
    pub policy: Option<RolePolicy>,
}

/// A role with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolRole {
    /// The name.
    pub name: String,
    /// What it may do.
    pub permissions: RolePermissions,
}

/// A claim that chooses a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolRule {
    /// The claim's name.
    pub claim: String,
    /// How it is compared.
    pub comparison: RuleComparison,
    /// With what.
    pub value: String,
    /// The name of one of the pool's roles.
    pub role: String,
}

/// How a rule compares a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleComparison {
    /// It is the value.
    Equals,
    /// It is there, and another one.
    NotEqual,
    /// It begins with the value.
    StartsWith,
    /// The value is in it.
    Contains,
}

/// Proves callers by AWS signatures, made with credentials of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedAuthorizer {
    /// The name that routes refer to.
    pub name: String,
    /// Where it was said.
    pub origin: Origin,
    /// The index of the pool.
    pub pool: usize,
    /// Whether signatures of real clients that deviate from AWS's rules are good too.
    pub lenient: bool,
}

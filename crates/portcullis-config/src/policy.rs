use std::num::NonZeroU32;
use std::time::Duration;

use portcullis_token::Secret;

use crate::api::Method;
use crate::path::PathPattern;
use crate::position::Origin;

/// What its callers may reach, and how often.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The name that tokens and authorizers refer to.
    pub name: String,
    /// Where it was said.
    pub origin: Origin,
    /// The APIs it gives access to, each once. Never empty.
    pub apis: Vec<Access>,
    /// Requests that come back evenly; unlimited when absent.
    pub rate: Option<Amount>,
    /// Requests that come back all at once, a period after the first; unlimited when absent.
    pub quota: Option<Amount>,
    /// The age of a token, by its `iat`, from which on it gets nothing here; any when absent.
    pub expires: Option<Duration>,
}

/// What a policy gives of one API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The index of the API in [`Config::apis`](crate::Config::apis).
    pub api: usize,
    /// The endpoints it is narrowed to; all of them when absent.
    pub endpoints: Option<Vec<Endpoint>>,
}

/// Some requests of an API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The methods.
    pub methods: Method,
    /// The paths, the API's base included.
    pub path: PathPattern,
}

/// How many requests in which time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    /// Requests.
    pub count: NonZeroU32,
    /// From 1 ms to 366 days.
    pub period: Duration,
}

/// How an authorizer finds the policies of a token; numbers are indexes of
/// [`Config::policies`](crate::Config::policies).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyChoice {
    /// The claim that names policies, with a string or an array of them; none when absent.
    pub claim: Option<String>,
    /// The policies of a token without that claim, and without scopes where these are mapped.
    pub default: Vec<usize>,
    /// The policy that each of these scopes brings.
    pub scopes: Vec<(String, usize)>,
}

/// How answers tell callers what is left of their limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitHeaders {
    /// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers).
    Ietf,
    /// `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset`.
    Legacy,
}

impl LimitHeaders {
    /// Every choice, by the name it has in the file.
    pub const ALL: [(&'static str, Self); 2] = [("ietf", Self::Ietf), ("legacy", Self::Legacy)];
}

/// Where what gateways share is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Store {
    /// Where it is counted how much of their limits callers have used.
    pub limits: LimitStore,
    /// Where the tenant keeps what it knows: `sqlite://FILE` or `postgres://…`, which may hold a
    /// password. A file among the tenant's own when absent.
    pub database: Option<Secret<String>>,
}

/// Where the counters of limits are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LimitStore {
    /// In the memory of this process: exact for one gateway, gone when it ends.
    #[default]
    Memory,
}

use portcullis_token::StepUp;

use crate::cors::Cors;
use crate::function::Function;
use crate::host::HostPattern;
use crate::path::PathPattern;
use crate::path_rules::PathRules;
use crate::policy::Amount;
use crate::position::Origin;
use crate::resource::Resource;
use crate::template::Template;
use crate::upstream::Upstream;

/// A set of routes with what they share.
#[derive(Clone, Debug)]
pub struct Api {
    /// Its name in the file.
    pub name: String,
    /// Where it was said.
    pub origin: Origin,
    /// The hosts whose requests it answers; every host when there are none.
    pub hosts: Vec<HostPattern>,
    /// What every path begins with: empty, or `/httpbin` without a slash at its end.
    pub base: String,
    /// Whether `base` is removed before a request goes to an upstream; `false` when absent.
    pub strip_base: bool,
    /// Whether upstreams see the caller's token.
    pub token: TokenForwarding,
    /// Whose error bodies are imitated.
    pub errors: ErrorBodies,
    /// Whether API Gateway is imitated in answering 401 where others answer 400 and 503.
    pub aws_strict: bool,
    /// How much refusals of tokens tell.
    pub disclosure: Disclosure,
    /// Which pages of other origins may read answers; none when absent.
    pub cors: Option<Cors>,
    /// Whether a `WebSocket` ends when the token expires that opened it; `false` when absent.
    pub websocket_expires: bool,
    /// Which paths are taken that servers read differently; none when absent.
    pub paths: PathRules,
    /// What challenges call it; its name when absent.
    pub realm: Option<String>,
    /// The headers an upstream learns the caller from: lower-case header name, claim name.
    pub identity: Vec<(String, String)>,
    /// What it says about itself at a well-known path; nothing when absent.
    pub resource: Option<Resource>,
    /// Requests of all callers together that come back evenly; unlimited when absent.
    pub rate: Option<Amount>,
    /// Requests of all callers together in a time; unlimited when absent.
    pub quota: Option<Amount>,
    /// The routes in the order of the file, then those of the API's own upstream.
    pub routes: Vec<Route>,
}

/// Whether an upstream sees the caller's token, wherever it was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenForwarding {
    /// It is removed.
    #[default]
    Strip,
    /// It is forwarded as received.
    Keep,
}

/// Whose bodies a refused credential is answered with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorBodies {
    /// Problem details (RFC 9457) with the members of RFC 6750.
    #[default]
    Problem,
    /// Those of Amazon API Gateway's HTTP APIs.
    Aws,
    /// Those of Tyk.
    Tyk,
    /// Those of express-jwt and express-jwt-authz.
    ExpressJwt,
}

/// How much the refusal of a token tells its caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disclosure {
    /// A sentence for each reason, once the token's signature is known to be good.
    #[default]
    Standard,
    /// The status, and the error code of RFC 6750 where there is one.
    Minimal,
}

impl ErrorBodies {
    /// Every choice, by the name it has in the file.
    pub const ALL: [(&'static str, Self); 4] = [
        ("problem", Self::Problem),
        ("aws", Self::Aws),
        ("tyk", Self::Tyk),
        ("express-jwt", Self::ExpressJwt),
    ];
}

/// Which requests, who may make them, and what answers them.
#[derive(Clone, Debug)]
pub struct Route {
    /// The methods it answers.
    pub methods: Method,
    /// The paths it answers, the API's base included.
    pub path: PathPattern,
    /// Where it was said.
    pub origin: Origin,
    /// Who may call it.
    pub auth: Auth,
    /// Where `auth` was said.
    pub auth_from: AuthFrom,
    /// How strong and how recent the caller's login must be; nothing at a public route.
    pub step_up: StepUp,
    /// The index of the policy whose limits hold for callers without a token, in
    /// [`Config::policies`](crate::Config::policies): only where `auth` lets these in; none when
    /// absent.
    pub anonymous_policy: Option<usize>,
    /// What answers.
    pub target: Target,
}

/// The methods a route answers (RFC 9110 section 9).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Every method that no other route of the same path names.
    Any,
    /// This one, in upper case.
    One(String),
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Any => "ANY",
            Self::One(method) => method,
        })
    }
}

/// Who may call a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// Which signatures are enough, by its index in [`Config::signed`](crate::Config::signed);
    /// none when absent.
    pub signed: Option<usize>,
    /// Any one of these is enough; inside one, all of it is needed.
    pub alternatives: Vec<Vec<Requirement>>,
    /// Whether a caller without credentials is let in.
    pub anonymous: bool,
}

/// What one authorizer must have found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The index of the authorizer in [`Config::authorizers`](crate::Config::authorizers).
    pub authorizer: usize,
    /// The scopes the caller needs, all of them; none for any valid credential.
    pub scopes: Vec<String>,
}

/// Where a route's `auth` was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthFrom {
    /// At the route.
    Route(Origin),
    /// At its API.
    Api(Origin),
}

/// What answers a request that may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// This text.
    Respond(Template),
    /// This service.
    Upstream(Box<Upstream>),
    /// This function.
    Function(Box<Function>),
}

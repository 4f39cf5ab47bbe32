mod authorizer;
mod paths;
mod proof_memory;
mod resource;
mod signed;
mod stripped;
mod target;
mod upstreams;

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use portcullis::{
    Answers, BuildError, Cache, Clock, ErrorDetail, ErrorStyle, Issuer, KeyStatus, NotReady,
    Observer, ObserverStatus, RevocationListFull,
};
use portcullis_config::{
    CertificateHeader, Config, Disclosure, Dpop, ErrorBodies, JwtAuthorizer, LimitHeaders, Limits,
    Message, Network, PathPattern, PathRules, Readiness, SignedAuthorizer, TokenForwarding,
};
use portcullis_store::AllowanceError;
use portcullis_token::{NoRandomness, ProofRules, Reason, Requirement, StepUp};

pub(crate) use self::authorizer::Authorizer;
pub(crate) use self::paths::Matched;
pub use self::proof_memory::ProofMemory;
pub(crate) use self::target::Target;
pub use self::upstreams::UpstreamHealth;
use self::upstreams::Upstreams;
use crate::cors::Cors;
use crate::forward::upstream::UpstreamError;
use crate::hosts::HostTables;
use crate::limit::SharedLimits;
use crate::observe::Observed;
use crate::path::PathError;
use crate::policy::Policies;
use crate::ready::ReadyPath;
use crate::signed::SignedBy;
use crate::token_places::{Places, Stripped};

/// How many verified tokens are remembered: those of a large API's callers at the same time.
const MAX_CACHED_TOKENS: usize = 128 * 1024;
const MAX_CACHED_BYTES: usize = 64 * 1024 * 1024;

/// A configuration, compiled: nothing of it is parsed again for a request.
///
/// It is replaced as a whole, and a request keeps the one it began with.
#[derive(Debug)]
pub struct Plan {
    table: HostTables,
    routes: Vec<Route>,
    authorizers: Vec<Authorizer>,
    /// By the index that [`Auth::signed`] has.
    signed: Vec<SignedBy>,
    trusted_proxies: Vec<Network>,
    /// The header in which those pass on their client's certificate.
    pub(crate) client_certificate_header: Option<CertificateHeader>,
    pub(crate) policies: Policies,
    pub(crate) limit_headers: Vec<LimitHeaders>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Where callers reach the gateway, without a slash at its end.
    url: Option<String>,
    /// Every header that tells an upstream who the caller is, of whichever API.
    pub(crate) managed: Vec<HeaderName>,
    pub(crate) limits: Limits,
    pub(crate) tells_reason: bool,
    /// How requests of no route are refused: as those of all APIs, where these have one look.
    unmatched_errors: ErrorBodies,
    /// What answers of no route say of other origins: as those of all APIs, where these agree.
    unmatched_cors: Option<Arc<Cors>>,
    /// The APIs with path rules of their own.
    lenient: Vec<Arc<Api>>,
    /// The file's own words for refusals.
    pub(crate) messages: Vec<Message>,
    /// What is counted and told about requests.
    pub(crate) observed: Observed,
    proofs: ProofMemory,
    pub(crate) ready: ReadyPath,
}

/// Which requests, who may make them, and what answers them.
#[derive(Debug)]
pub(crate) struct Route {
    /// Its place among the plan's routes.
    pub(crate) index: usize,
    pub(crate) api: Arc<Api>,
    /// `GET /hello/{name}`.
    pub(crate) name: String,
    pub(crate) pattern: PathPattern,
    pub(crate) auth: Auth,
    /// Where its callers' tokens are looked for.
    pub(crate) places: Places,
    /// How refused credentials are answered.
    pub(crate) answers: Arc<Answers>,
    pub(crate) target: Target,
}

/// Who may call a route.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Auth {
    /// The index of what takes signatures; none does when absent.
    pub(crate) signed: Option<usize>,
    /// Any one of these is enough; inside one, all of it is needed.
    pub(crate) alternatives: Vec<Vec<Need>>,
    /// Whether a caller without credentials is let in.
    pub(crate) anonymous: bool,
    /// The index of the policy whose limits hold for such a caller.
    pub(crate) anonymous_policy: Option<usize>,
    /// What is asked of the login, whichever alternative is met.
    pub(crate) step_up: StepUp,
}

/// What one authorizer must have found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Need {
    /// The index of the authorizer.
    pub(crate) authorizer: usize,
    pub(crate) scopes: Requirement,
}

/// What the routes of one API share.
#[derive(Debug)]
pub(crate) struct Api {
    /// Which of the configuration's APIs it is.
    pub(crate) index: usize,
    pub(crate) name: Arc<str>,
    pub(crate) errors: ErrorBodies,
    pub(crate) cors: Option<Arc<Cors>>,
    /// What every path begins with: empty, or `/httpbin`.
    base: String,
    paths: PathRules,
    pub(crate) websocket_expires: bool,
    pub(crate) token: TokenForwarding,
    /// The places of tokens that upstreams do not see, unless `token` says otherwise.
    pub(crate) stripped: Stripped,
    pub(crate) identity: Vec<(HeaderName, String)>,
    /// What all callers may use together.
    pub(crate) shared_limits: SharedLimits,
}

/// What a plan needs besides the configuration.
pub struct Environment<'e> {
    /// Where the keys of an authorizer come from; rules are added by the plan.
    pub issuer: &'e mut dyn FnMut(&JwtAuthorizer) -> Issuer,
    /// Who counts and logs the answers of the authorizer of this name: for each plan the same, so
    /// that counters only grow.
    pub observer: &'e mut dyn FnMut(&str) -> Observer,
    /// Who takes signatures, and by which credentials.
    pub signed: &'e mut dyn FnMut(&SignedAuthorizer) -> SignedBy,
    /// The time by which tokens are judged.
    pub clock: Arc<dyn Clock>,
    /// Whether callers are told the exact reason of a refusal, which is for development.
    pub tells_reason: bool,
    /// What the paths of files in the configuration are relative to.
    pub directory: &'e Path,
    /// What was remembered of `DPoP` proofs by the plans before.
    pub proofs: ProofMemory,
}

/// Why a configuration cannot be compiled on this machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// An authorizer's verifier cannot be built.
    #[error("authorizer `{name}` cannot be used")]
    Authorizer {
        /// The authorizer.
        name: String,
        /// What is wrong with it.
        #[source]
        cause: BuildError,
    },
    /// An upstream cannot be prepared.
    #[error("an upstream of API `{api}` cannot be used")]
    Upstream {
        /// The API.
        api: String,
        /// What is wrong with it.
        #[source]
        cause: UpstreamError,
    },
    /// The system has no randomness to make nonces of.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// Tokens are revoked, and nobody says whose.
    #[error("`revoked` needs an issuer")]
    RevokedWithoutIssuer,
    /// More is revoked than there is room for.
    #[error(transparent)]
    Revoked(#[from] RevocationListFull),
    /// The path of an API's `resource` has no canonical form.
    #[error("the `resource` of API `{api}` cannot be served")]
    Resource {
        /// The API.
        api: String,
        /// What is wrong with the path.
        #[source]
        cause: PathError,
    },
    /// An identity header has a name that HTTP does not allow.
    #[error("`{0}` is not a header name")]
    Header(String),
    /// A limit of a policy means nothing.
    #[error("a limit of a policy cannot be used")]
    Limit(#[from] AllowanceError),
}

impl Plan {
    /// Compiles `config`. The files that upstreams over https need are read here, and no other.
    ///
    /// # Errors
    /// [`PlanError`], for what only this machine can tell; everything else was an error of the
    /// configuration already.
    pub fn compile(config: &Config, environment: &mut Environment<'_>) -> Result<Self, PlanError> {
        // Of this plan alone: with the next one, every token is looked at again.
        let cache = Cache::new(MAX_CACHED_TOKENS, MAX_CACHED_BYTES);
        let authorizers = config
            .authorizers
            .iter()
            .map(|authorizer| authorizer::compile(authorizer, config, &cache, environment))
            .collect::<Result<_, _>>()?;
        let mut plan = Self {
            table: HostTables::default(),
            routes: Vec::new(),
            authorizers,
            signed: config.signed.iter().map(&mut *environment.signed).collect(),
            trusted_proxies: config.server.trusted_proxies.clone(),
            client_certificate_header: config.server.client_certificate_header,
            policies: Policies::compile(&config.policies)?,
            limit_headers: config.server.limit_headers.clone(),
            clock: Arc::clone(&environment.clock),
            url: url_before_path(config),
            managed: Vec::new(),
            limits: config.server.limits.clone(),
            tells_reason: environment.tells_reason,
            messages: config.messages.clone(),
            unmatched_errors: common_errors(&config.apis),
            unmatched_cors: None,
            lenient: Vec::new(),
            observed: Observed::new(config, cache),
            proofs: environment.proofs.clone(),
            ready: ReadyPath::at(config.server.ready.as_deref()),
        };
        let mut upstreams = Upstreams::new(environment.directory);
        for (index, api) in config.apis.iter().enumerate() {
            plan.add_api(index, api, &mut upstreams)?;
        }
        plan.add_resources(config)?;
        plan.unmatched_cors = plan.common_cors(config);
        plan.observed.prepare(&plan.routes);
        Ok(plan)
    }

    /// Goes on counting where the plan before this one stops, and with the upstreams it knows.
    pub(crate) fn continue_from(&mut self, earlier: &Self) {
        upstreams::keep(&mut self.routes, &earlier.routes);
        self.observed.continue_from(&earlier.observed, &self.routes);
        self.proofs
            .keep(|name| self.authorizer_named(name).is_some());
    }

    fn add_api(
        &mut self,
        index: usize,
        config: &portcullis_config::Api,
        upstreams: &mut Upstreams<'_>,
    ) -> Result<(), PlanError> {
        let cors = config.cors.as_ref().map(Cors::compile).transpose()?;
        let api = Arc::new(Api {
            index,
            errors: config.errors,
            cors: cors.map(Arc::new),
            base: config.base.clone(),
            paths: config.paths,
            websocket_expires: config.websocket_expires,
            name: config.name.as_str().into(),
            shared_limits: SharedLimits::compile(config)?,
            token: config.token,
            stripped: self.stripped(config),
            identity: config
                .identity
                .iter()
                .map(identity_header)
                .collect::<Result<_, _>>()?,
        });
        if api.paths != PathRules::default() {
            self.lenient.push(Arc::clone(&api));
        }
        let answers = self.answers(config);
        let strip = if config.strip_base {
            config.base.len()
        } else {
            0
        };
        self.managed
            .extend(api.identity.iter().map(|(name, _)| name.clone()));
        for route in &config.routes {
            let from = (config.name.as_str(), strip);
            let target = Target::compile(&route.target, from, upstreams, &self.clock)?;
            let requests = (&route.methods, &route.path);
            self.table
                .insert(&config.hosts, requests, self.routes.len());
            self.routes.push(Route {
                index: self.routes.len(),
                api: Arc::clone(&api),
                name: format!("{} {}", route.methods, route.path),
                pattern: route.path.clone(),
                places: self.places(config, &route.auth),
                answers: Arc::new(self.route_answers(&answers, &route.auth)),
                auth: compile_auth(route),
                target,
            });
        }
        Ok(())
    }

    fn places(&self, api: &portcullis_config::Api, auth: &portcullis_config::Auth) -> Places {
        let needs = auth.alternatives.iter().flatten();
        let authorizers = needs.map(|need| need.authorizer);
        let sources = authorizers.map(|index| (index, &*self.authorizers[index].sources));
        Places::of(sources, api.errors)
    }

    fn answers(&self, config: &portcullis_config::Api) -> Answers {
        let detail = match config.disclosure {
            _ if self.tells_reason => ErrorDetail::Debug,
            Disclosure::Standard => ErrorDetail::Standard,
            Disclosure::Minimal => ErrorDetail::Minimal,
        };
        let style = match config.errors {
            ErrorBodies::Problem => ErrorStyle::Problem,
            ErrorBodies::Aws if config.aws_strict => ErrorStyle::AwsStrict,
            ErrorBodies::Aws => ErrorStyle::Aws,
            ErrorBodies::Tyk => ErrorStyle::Tyk,
            ErrorBodies::ExpressJwt => ErrorStyle::ExpressJwt,
        };
        let answers = Answers::default()
            .realm(config.realm.as_ref().unwrap_or(&config.name))
            .style(style)
            .detail(detail);
        let answers = match &config.resource {
            Some(resource) => answers.resource(&resource.identifier),
            None => answers,
        };
        let messages = self.messages.iter();
        let own = messages.filter(|message| message.errors == config.errors);
        own.fold(answers, |answers, message| {
            let mut reasons = Reason::ALL.into_iter();
            match reasons.find(|reason| reason.code() == message.code) {
                Some(reason) => answers.message(reason, &message.text),
                None => answers,
            }
        })
    }

    /// The answers of the API, and a challenge for `DPoP` where the route takes it.
    fn route_answers(&self, answers: &Answers, auth: &portcullis_config::Auth) -> Answers {
        let mut needs = auth.alternatives.iter().flatten();
        if needs.any(|need| self.authorizers[need.authorizer].dpop != Dpop::Off) {
            answers.clone().dpop(ProofRules::default().algorithms)
        } else {
            answers.clone()
        }
    }

    /// The address of a request as its caller knows it; none where the file does not say.
    pub(crate) fn address(&self, path: &str) -> Option<String> {
        Some(format!("{}{path}", self.url.as_deref()?))
    }

    /// Whose bodies a refusal imitates, by the index of the route that is known of the request.
    pub(crate) fn errors(&self, route: Option<usize>) -> ErrorBodies {
        route.map_or(self.unmatched_errors, |index| self.routes[index].api.errors)
    }

    /// What answers say of other origins, by the index of the route that is known of the request.
    pub(crate) fn cors(&self, route: Option<usize>) -> Option<&Cors> {
        let of_route = |index: usize| self.routes[index].api.cors.as_deref();
        route.map_or(self.unmatched_cors.as_deref(), of_route)
    }

    fn common_cors(&self, config: &Config) -> Option<Arc<Cors>> {
        let first = config.apis.first()?.cors.as_ref()?;
        let agree = config
            .apis
            .iter()
            .all(|api| api.cors.as_ref() == Some(first));
        let route = self.routes.first().filter(|_| agree)?;
        route.api.cors.clone()
    }

    pub(crate) fn authorizer(&self, index: usize) -> &Authorizer {
        &self.authorizers[index]
    }

    pub(crate) fn authorizer_named(&self, name: &str) -> Option<usize> {
        let mut authorizers = self.authorizers.iter();
        authorizers.position(|authorizer| authorizer.name == name)
    }

    /// Whether what `peer` says about its own client is believed.
    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted_proxies
            .iter()
            .any(|network| network.contains(peer))
    }

    /// The keys of every authorizer at this moment, under its name.
    pub fn key_status(&self) -> Vec<(String, Vec<KeyStatus>)> {
        let status = |authorizer: &Authorizer| {
            let keys = authorizer.verifier.key_status();
            (authorizer.name.clone(), keys)
        };
        self.authorizers.iter().map(status).collect()
    }

    /// The keys without which the gateway is not ready.
    pub(crate) fn required_keys(&self) -> impl Iterator<Item = KeyStatus> {
        let authorizers = self.authorizers.iter();
        let required = authorizers.filter(|authorizer| authorizer.readiness == Readiness::Required);
        required.flat_map(|authorizer| authorizer.verifier.key_status())
    }

    /// What each authorizer has said of tokens, where that is counted.
    pub(crate) fn verifications(&self) -> impl Iterator<Item = (&str, ObserverStatus)> {
        let authorizers = self.authorizers.iter();
        let counted = authorizers.filter(|authorizer| authorizer.is_counted);
        counted.map(|authorizer| (authorizer.name.as_str(), authorizer.observer.status()))
    }

    /// Waits for the keys of the authorizer with this index: until `patience` is over, or without
    /// it until a fetch has failed.
    ///
    /// # Errors
    /// [`NotReady`], when there are none.
    ///
    /// # Panics
    /// Outside of a tokio runtime, and for an index that the configuration does not have.
    ///
    /// # Cancel safety
    /// Safe: the fetches belong to background tasks.
    pub async fn wait_for_keys(
        &self,
        authorizer: usize,
        patience: Option<Duration>,
    ) -> Result<(), NotReady> {
        let verifier = &self.authorizers[authorizer].verifier;
        match patience {
            Some(patience) => verifier.ready_within(patience).await,
            None => verifier.ready().await,
        }
    }

    /// Starts fetching the keys of every authorizer, on the current tokio runtime.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start_keys(&self) {
        for authorizer in &self.authorizers {
            authorizer.verifier.start();
        }
    }
}

fn url_before_path(config: &Config) -> Option<String> {
    let url = config.server.url.as_ref()?;
    Some(url.as_str().trim_end_matches('/').to_owned())
}

fn common_errors(apis: &[portcullis_config::Api]) -> ErrorBodies {
    let mut looks = apis.iter().map(|api| api.errors);
    let first = looks.next().unwrap_or_default();
    if looks.all(|look| look == first) {
        first
    } else {
        ErrorBodies::Problem
    }
}

fn compile_auth(route: &portcullis_config::Route) -> Auth {
    let auth = &route.auth;
    let need = |need: &portcullis_config::Requirement| Need {
        authorizer: need.authorizer,
        scopes: Requirement::all(need.scopes.iter().cloned()),
    };
    let alternatives = auth.alternatives.iter();
    Auth {
        signed: auth.signed,
        alternatives: alternatives
            .map(|needs| needs.iter().map(need).collect())
            .collect(),
        anonymous: auth.anonymous,
        anonymous_policy: route.anonymous_policy,
        step_up: route.step_up.clone(),
    }
}

fn identity_header((header, claim): &(String, String)) -> Result<(HeaderName, String), PlanError> {
    let name = header
        .parse()
        .map_err(|_| PlanError::Header(header.clone()))?;
    Ok((name, claim.clone()))
}

impl Route {
    /// The scopes that a challenge names: those of the first alternative, or as API Gateway does it
    /// all of the route's, of which it asks for one.
    pub(crate) fn scopes(&self) -> Vec<String> {
        let named = match self.api.errors {
            ErrorBodies::Aws => self.auth.alternatives.len(),
            _ => 1,
        };
        let needs = self.auth.alternatives.iter().take(named).flatten();
        let scopes: BTreeSet<&str> = needs.flat_map(|need| need.scopes.scopes()).collect();
        scopes.into_iter().map(str::to_owned).collect()
    }
}

impl fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use url::Url;

use crate::api::Api;
use crate::authorizer::{Authorizer, AuthorizerKind, Check};
use crate::identity_pool::{IdentityPool, SignedAuthorizer};
use crate::message::Message;
use crate::network::Network;
use crate::observe::{Log, Telemetry};
use crate::policy::{LimitHeaders, Policy, Store};
use crate::server::{Admin, CertificateHeader, Limits, Tls};
use crate::tenant::Tenant;

/// Everything one file says, checked and with its defaults filled in.
#[derive(Clone, Debug)]
pub struct Config {
    /// The project's name.
    pub name: Option<String>,
    /// How the gateway listens.
    pub server: Server,
    /// What proves who a caller is; [`Requirement::authorizer`](crate::Requirement) is an index.
    pub authorizers: Vec<Authorizer>,
    /// What proves who has signed a request; [`Auth::signed`](crate::Auth::signed) is an index.
    pub signed: Vec<SignedAuthorizer>,
    /// What gives credentials to sign requests with.
    pub identity_pools: Vec<IdentityPool>,
    /// What callers may reach, and how often, in the order of the file.
    pub policies: Vec<Policy>,
    /// What is protected, in the order of the file.
    pub apis: Vec<Api>,
    /// Other words for refusals.
    pub messages: Vec<Message>,
    /// Where what gateways share is kept.
    pub store: Store,
    /// The embedded identity provider of `portcullis dev`.
    pub tenant: Tenant,
    /// What is written down about requests.
    pub log: Log,
    /// Where traces are sent.
    pub telemetry: Telemetry,
}

/// How the gateway listens, and what it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// The address of the data plane; `127.0.0.1:8080` when absent.
    pub listen: SocketAddr,
    /// Where callers reach the gateway, which `DPoP` proofs must name; never guessed.
    pub url: Option<Url>,
    /// Threads of the data plane; one per core when absent.
    pub workers: Option<NonZeroUsize>,
    /// What a caller may cost.
    pub limits: Limits,
    /// The certificates of the data plane; without any, it speaks in the clear.
    pub tls: Option<Tls>,
    /// How answers tell callers what is left of their limits; in both ways when absent.
    pub limit_headers: Vec<LimitHeaders>,
    /// Where those who run the gateway ask it about itself; nowhere when absent.
    pub admin: Option<Admin>,
    /// The path that tells whether requests should be sent here; none when absent.
    pub ready: Option<String>,
    /// How long requests under way are finished after the signal to end; 30 seconds when absent.
    pub drain: Duration,
    /// How long connections are still accepted after that signal; no time when absent.
    pub drain_delay: Duration,
    /// The proxies whose `X-Forwarded-*` headers are believed; none when absent.
    pub trusted_proxies: Vec<Network>,
    /// The header in which they pass on their client's certificate; none when absent.
    pub client_certificate_header: Option<CertificateHeader>,
}

impl Config {
    /// Each audience that an authorizer names, with every scope that routes ask of that authorizer.
    pub fn permissions_by_audience(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut permissions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (index, authorizer) in self.authorizers.iter().enumerate() {
            let AuthorizerKind::Jwt(jwt) = &authorizer.kind;
            let Check::Is(audiences) = &jwt.audience else {
                continue;
            };
            for audience in audiences {
                permissions
                    .entry(audience.clone())
                    .or_default()
                    .extend(self.scopes_asked(index));
            }
        }
        permissions
    }

    fn scopes_asked(&self, authorizer: usize) -> impl Iterator<Item = String> {
        let routes = self.apis.iter().flat_map(|api| &api.routes);
        let requirements = routes.flat_map(|route| route.auth.alternatives.iter().flatten());
        requirements
            .filter(move |requirement| requirement.authorizer == authorizer)
            .flat_map(|requirement| requirement.scopes.iter().cloned())
    }
}

use std::fmt;
use std::net::Ipv4Addr;

use http::HeaderMap;
use portcullis_token::sigv4::sha256;
use portcullis_token::{Record, Recorder, Step, Trace};

use crate::cors;
use crate::observe::Watch;
use crate::plan::Plan;
use crate::ready;
use crate::refuse::Refusal;
use crate::request::{Asked, decide};

/// A request to explain, which is not sent anywhere.
#[derive(Clone, Copy)]
pub struct Inquiry<'r> {
    method: &'r str,
    target: &'r str,
    headers: &'r HeaderMap,
    certificate: Option<[u8; 32]>,
}

impl<'r> Inquiry<'r> {
    /// A request with this method, this path and perhaps a query, and these headers.
    pub const fn new(method: &'r str, target: &'r str, headers: &'r HeaderMap) -> Self {
        Self {
            method,
            target,
            headers,
            certificate: None,
        }
    }

    /// The same of a caller with this client certificate: the SHA-256 of its DER.
    #[must_use]
    pub const fn certificate(self, thumbprint: Option<[u8; 32]>) -> Self {
        Self {
            certificate: thumbprint,
            ..self
        }
    }
}

/// Without the query and the headers, which may hold a token.
impl fmt::Debug for Inquiry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inquiry")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

/// A decision, and every step that led to it.
#[derive(Debug)]
pub struct Explanation {
    /// The steps, in the order they were taken; the last one decided.
    pub records: Vec<Record>,
    /// The route that the request takes, where it is permitted.
    pub outcome: Result<Permitted, Refusal>,
}

/// What a permitted request goes on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permitted {
    /// The route, as `GET /hello/{name}`.
    pub route: String,
    /// The caller, by the token's `sub`; absent for an anonymous one.
    pub subject: Option<String>,
}

/// Decides about a request exactly as the gateway would, recording each step, forwarding nothing.
pub async fn explain(plan: &Plan, inquiry: Inquiry<'_>) -> Explanation {
    let mut trace = Steps::default();
    let (path, query) = match inquiry.target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (inquiry.target, None),
    };
    let asked = Asked {
        method: inquiry.method,
        path,
        query,
        // An explanation is about a head.
        form: None,
        headers: inquiry.headers,
        certificate: inquiry.certificate,
        // An explanation charges nobody.
        peer: Ipv4Addr::UNSPECIFIED.into(),
        body_hash: Some(sha256(b"")),
    };
    if ready::is_asked(plan, asked.method, asked.path) {
        trace.passed(Step::Route, || {
            "the path of `ready`, answered here for load balancers, whoever asks".to_owned()
        });
        let route = format!("{} {}", asked.method, asked.path);
        return Explanation {
            records: trace.into_records(),
            outcome: Ok(Permitted {
                route,
                subject: None,
            }),
        };
    }
    if let Some((route, _)) = cors::preflight(plan, &asked, &mut trace) {
        let route = route.name.clone();
        let permitted = Permitted {
            route,
            subject: None,
        };
        return Explanation {
            records: trace.into_records(),
            outcome: Ok(permitted),
        };
    }
    let outcome = decide(plan, &asked, &mut trace)
        .await
        .map(|permit| Permitted {
            route: permit.route().name.clone(),
            subject: permit
                .token()
                .and_then(|token| token.claims().subject().map(str::to_owned))
                .or_else(|| Some(permit.signed()?.subject().to_owned())),
        });
    Explanation {
        records: trace.into_records(),
        outcome,
    }
}

/// Records steps, those of the authorizer that was named last at the end.
#[derive(Default)]
struct Steps {
    recorder: Recorder,
    last: Option<String>,
}

impl Steps {
    fn into_records(self) -> Vec<Record> {
        let mut records = self.recorder.into_records();
        // Stable, so that each authorizer's own steps stay in their order.
        records.sort_by_key(|record| record.authorizer.is_some() && record.authorizer == self.last);
        records
    }
}

impl Watch for Steps {}

impl Trace for Steps {
    fn authorizer(&mut self, name: &str) {
        self.last = Some(name.to_owned());
        self.recorder.authorizer(name);
    }

    fn passed(&mut self, step: Step, found: impl FnOnce() -> String) {
        self.recorder.passed(step, found);
    }

    fn refused(
        &mut self,
        step: Step,
        expected: impl FnOnce() -> String,
        got: impl FnOnce() -> String,
    ) {
        self.recorder.refused(step, expected, got);
    }
}

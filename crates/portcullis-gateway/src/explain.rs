use http::HeaderMap;
use portcullis_token::{Record, Recorder};

use crate::plan::Plan;
use crate::refuse::Refusal;
use crate::request::decide;

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
pub async fn explain(plan: &Plan, method: &str, path: &str, headers: &HeaderMap) -> Explanation {
    let mut trace = Recorder::default();
    let outcome = decide(plan, method, path, headers, &mut trace)
        .await
        .map(|permit| Permitted {
            route: permit.route().name.clone(),
            subject: permit
                .token()
                .and_then(|token| token.claims().subject().map(str::to_owned)),
        });
    Explanation {
        records: trace.into_records(),
        outcome,
    }
}

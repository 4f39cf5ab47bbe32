//! The path that tells load balancers, without credentials, whether to send requests here.

use std::sync::atomic::{AtomicBool, Ordering};

use http::header::CACHE_CONTROL;
use http::{HeaderValue, Method, Response, StatusCode};
use portcullis::{KeyStatus, Origin};

use crate::body::Body;
use crate::observe::Instruments;
use crate::plan::Plan;

/// Where readiness is asked for, and whether it was there already.
#[derive(Debug)]
pub(crate) struct ReadyPath {
    path: Option<String>,
    /// Keys that were there once do not have to be looked at again.
    has_had_keys: AtomicBool,
}

impl ReadyPath {
    pub(crate) fn at(path: Option<&str>) -> Self {
        Self {
            path: path.map(str::to_owned),
            has_had_keys: AtomicBool::new(false),
        }
    }
}

/// Whether this is the question that is answered here, by the path as it was sent.
pub(crate) fn is_asked(plan: &Plan, method: &str, path: &str) -> bool {
    ["GET", "HEAD"].contains(&method) && plan.ready.path.as_deref() == Some(path)
}

/// The answer to whoever asks for readiness; nothing for another request.
pub(crate) fn answer(
    plan: &Plan,
    instruments: &Instruments,
    method: &Method,
    path: &str,
) -> Option<Response<Body>> {
    if !is_asked(plan, method.as_str(), path) {
        return None;
    }
    let is_ready = !instruments.is_ending() && plan.has_had_keys();
    let mut response = Response::new(Body::full(""));
    if !is_ready {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Some(response)
}

impl Plan {
    /// Whether every authorizer has had its keys once: what a readiness probe asks for.
    ///
    /// Those are not waited for of which the file says that the gateway is ready without them.
    /// An outage later on does not change it, or all gateways would be taken away at once. Keys of
    /// a snapshot count as long as they are not too old, given ones always.
    pub fn has_had_keys(&self) -> bool {
        let known = &self.ready.has_had_keys;
        if known.load(Ordering::Relaxed) {
            return true;
        }
        let has = self.required_keys().all(|keys| has_had_keys(&keys));
        known.fetch_or(has, Ordering::Relaxed);
        has
    }
}

fn has_had_keys(keys: &KeyStatus) -> bool {
    keys.source.is_none() || keys.origin == Origin::Provider || keys.is_usable
}

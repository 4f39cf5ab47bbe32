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
pub(crate) struct Readiness {
    path: Option<String>,
    /// Keys that were there once do not have to be looked at again.
    has_had_keys: AtomicBool,
}

impl Readiness {
    pub(crate) fn at(path: Option<&str>) -> Self {
        Self {
            path: path.map(str::to_owned),
            has_had_keys: AtomicBool::new(false),
        }
    }
}

/// The answer to whoever asks for readiness; nothing for another request.
pub(crate) fn answer(
    plan: &Plan,
    instruments: &Instruments,
    method: &Method,
    path: &str,
) -> Option<Response<Body>> {
    let asks = matches!(*method, Method::GET | Method::HEAD);
    if !asks || plan.readiness.path.as_deref() != Some(path) {
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
    /// An outage later on does not change it, or all gateways would be taken away at once. Keys of
    /// a snapshot count as long as they are not too old, given ones always.
    pub fn has_had_keys(&self) -> bool {
        let known = &self.readiness.has_had_keys;
        if known.load(Ordering::Relaxed) {
            return true;
        }
        let all = self.key_status();
        let has = all.iter().flat_map(|(_, keys)| keys).all(has_had_keys);
        known.fetch_or(has, Ordering::Relaxed);
        has
    }
}

fn has_had_keys(keys: &KeyStatus) -> bool {
    keys.source.is_none() || keys.origin == Origin::Provider || keys.is_usable
}

mod alarm;
mod balance;
pub(crate) mod check;
mod connection;
pub(crate) mod function;
mod health;
mod places;
pub(crate) mod pool;
pub(crate) mod respond;
mod send_error;
mod sending;
pub(crate) mod upstream;
pub(crate) mod websocket;
mod wire;

use std::cell::Cell;
use std::sync::Arc;

use http::header::{HOST, TE, TRANSFER_ENCODING};
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, Uri, Version, request};
use http_body::Body as _;
use portcullis::Chain;
use portcullis_config::Protocol;
use tokio::task::spawn_local;
use tokio::time::Instant;

use crate::authz::Permit;
use crate::body::{Body, RequestBody};
use crate::forward::pool::Pools;
use crate::forward::send_error::SendError;
use crate::forward::sending::Switch;
use crate::forward::upstream::Upstream;
use crate::observe::Observation;
use crate::path::PathError;
use crate::plan::Target;
use crate::refuse::Refusal;

/// The address that a request is written for before one is chosen.
const FIRST: usize = 0;

/// What of the caller's connection matters on the next one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hop {
    /// Whether it is to become a `WebSocket`.
    pub(crate) websocket: bool,
    /// When it must end, where its API ends it with the token.
    pub(crate) websocket_until: Option<Instant>,
    /// Whether trailers of an answer are welcome: `TE: trailers`.
    pub(crate) trailers: bool,
}

impl Hop {
    /// Reads what [`rewrite`](crate::rewrite) then removes.
    pub(crate) fn of(head: &request::Parts) -> Self {
        let trailers = |coding: &str| coding.trim().eq_ignore_ascii_case("trailers");
        let codings = head.headers.get_all(TE).iter();
        Self {
            websocket: websocket::is_asked_for(head),
            websocket_until: None,
            trailers: codings
                .filter_map(|value| value.to_str().ok())
                .any(|value| value.split(',').any(trailers)),
        }
    }
}

/// Has the route's target answer. Only a permit opens this door.
pub(crate) async fn send(
    permit: Permit<'_>,
    request: Request<RequestBody>,
    hop: Hop,
    pools: &Pools,
    seen: &mut Observation,
) -> Result<Response<Body>, Refusal> {
    let route = permit.route();
    match &route.target {
        Target::Respond(template) => Ok(respond::answer(template, &route.pattern, permit.path())),
        Target::Metadata(document) => Ok(respond::metadata(document.clone())),
        Target::Function(slot) => function::send(slot, &permit, request).await,
        Target::Upstream { upstream, strip } => {
            let path = permit.path().get(*strip..).unwrap_or_default();
            let mut request = readdress(request, upstream, path, hop)?;
            seen.pass_trace_on(request.headers_mut());
            seen.asked_upstream();
            let asked = Cell::new(FIRST);
            let answer = if hop.websocket && upstream.config.protocol == Protocol::Http1 {
                // Rare, and large beside what every request needs.
                Box::pin(switch(
                    upstream,
                    request,
                    hop.websocket_until,
                    pools,
                    &asked,
                ))
                .await
            } else {
                pools.send(upstream, request, &asked).await
            };
            let answer = answer.map_err(|error| {
                tracing::debug!(?upstream, error = %Chain(&error), "an upstream gave no answer");
                error.refusal()
            });
            let answered = answer.as_ref().map(|answer| answer.status().as_u16());
            seen.upstream_answered(asked.get(), answered.map_err(Refusal::code));
            answer
        }
    }
}

/// Makes a `WebSocket` of the caller's connection and one to the upstream, if the upstream agrees.
async fn switch(
    upstream: &Arc<Upstream>,
    mut request: Request<RequestBody>,
    until: Option<Instant>,
    pools: &Pools,
    asked: &Cell<usize>,
) -> Result<Response<Body>, SendError> {
    let caller = hyper::upgrade::on(&mut request);
    websocket::say(request.headers_mut());
    match pools.switch(upstream, request, asked).await? {
        Switch::Declined(response) => Ok(response),
        Switch::Agreed(mut response, held) => {
            let ends = websocket::Ends {
                idle: upstream.config.idle_timeout,
                until,
            };
            let upstream = hyper::upgrade::on(&mut response);
            spawn_local(websocket::relay(caller, upstream, ends, held));
            Ok(response.map(|_| Body::full("")))
        }
    }
}

/// Turns the request to the first address: its own base, the canonical path, the query as received.
fn readdress(
    request: Request<RequestBody>,
    upstream: &Upstream,
    path: &str,
    hop: Hop,
) -> Result<Request<RequestBody>, Refusal> {
    let (mut parts, body) = request.into_parts();
    let target = target(&parts, &upstream.base, path)?;
    let host = match parts.headers.remove(HOST) {
        Some(host) if upstream.config.preserve_host && !host.is_empty() => host,
        _ => upstream.addresses[FIRST].host_header.clone(),
    };
    match upstream.config.protocol {
        Protocol::Http1 => {
            // RFC 9112 section 2.3: the version is that of this hop.
            parts.version = Version::HTTP_11;
            parts.uri = Uri::from(target);
            parts.headers.insert(HOST, host);
            // Without it, the body of a GET whose length nobody knows would be left out.
            if body.size_hint().exact().is_none() {
                let chunked = HeaderValue::from_static("chunked");
                parts.headers.insert(TRANSFER_ENCODING, chunked);
            }
        }
        Protocol::Http2 => {
            parts.version = Version::HTTP_2;
            // RFC 9113 section 8.3.1: `:scheme`, `:authority` and `:path` say it all.
            parts.uri = Uri::builder()
                .scheme(upstream.scheme())
                .authority(host.as_bytes())
                .path_and_query(target)
                .build()
                .map_err(|_| Refusal::Host)?;
            if hop.trailers {
                let trailers = HeaderValue::from_static("trailers");
                parts.headers.insert(TE, trailers);
            }
        }
    }
    Ok(Request::from_parts(parts, body))
}

fn target(parts: &request::Parts, base: &str, path: &str) -> Result<PathAndQuery, PathError> {
    if let Some(received) = parts.uri.path_and_query()
        && base.is_empty()
        && received.path() == path
    {
        return Ok(received.clone());
    }
    // What is left of a path that was nothing but the API's base is the root.
    let slash = if path.is_empty() { "/" } else { "" };
    let target = match parts.uri.query() {
        Some(query) => format!("{base}{path}{slash}?{query}"),
        None => format!("{base}{path}{slash}"),
    };
    PathAndQuery::try_from(target).map_err(|_| PathError::Character)
}

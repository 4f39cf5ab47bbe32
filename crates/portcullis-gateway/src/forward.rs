pub(crate) mod respond;
pub(crate) mod upstream;

use http::header::{HOST, TRANSFER_ENCODING};
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, Uri, Version, request};
use http_body::Body as _;
use portcullis::Chain;

use crate::authz::Permit;
use crate::body::{Body, BodyError, RequestBody};
use crate::forward::upstream::{Pools, SendError, Upstream};
use crate::observe::Observation;
use crate::path::PathError;
use crate::plan::Target;
use crate::refuse::Refusal;

/// Has the route's target answer. Only a permit opens this door.
pub(crate) async fn send(
    permit: Permit<'_>,
    mut request: Request<RequestBody>,
    pools: &Pools,
    seen: &mut Observation,
) -> Result<Response<Body>, Refusal> {
    let route = permit.route();
    match &route.target {
        Target::Respond(template) => Ok(respond::answer(template, &route.pattern, permit.path())),
        Target::Upstream { upstream, strip } => {
            let path = permit.path().get(*strip..).unwrap_or_default();
            request = readdress(request, upstream, path)?;
            seen.pass_trace_on(request.headers_mut());
            seen.asked_upstream();
            let answer = pools.send(upstream, request).await.map_err(|error| {
                tracing::debug!(?upstream, error = %Chain(&error), "an upstream gave no answer");
                refusal(&error)
            });
            let answered = answer.as_ref().map(|answer| answer.status().as_u16());
            seen.upstream_answered(answered.map_err(Refusal::code));
            answer
        }
    }
}

/// Turns the request to the upstream: its own base, the canonical path, the query as received.
fn readdress(
    request: Request<RequestBody>,
    upstream: &Upstream,
    path: &str,
) -> Result<Request<RequestBody>, Refusal> {
    let (mut parts, body) = request.into_parts();
    let target = target(&parts, &upstream.base, path);
    let target = PathAndQuery::try_from(target).map_err(|_| PathError::Character)?;
    parts.uri = Uri::from(target);
    // RFC 9112 section 2.3: the version is that of this hop.
    parts.version = Version::HTTP_11;
    let host = HeaderValue::try_from(upstream.authority.as_str()).map_err(|_| Refusal::Host)?;
    parts.headers.insert(HOST, host);
    // Without it, the body of a GET whose length nobody knows would be left out.
    if body.size_hint().exact().is_none() {
        let chunked = HeaderValue::from_static("chunked");
        parts.headers.insert(TRANSFER_ENCODING, chunked);
    }
    Ok(Request::from_parts(parts, body))
}

fn target(parts: &request::Parts, base: &str, path: &str) -> String {
    // What is left of a path that was nothing but the API's base is the root.
    let slash = if path.is_empty() { "/" } else { "" };
    match parts.uri.query() {
        Some(query) => format!("{base}{path}{slash}?{query}"),
        None => format!("{base}{path}{slash}"),
    }
}

fn refusal(error: &SendError) -> Refusal {
    // Bodies come from the caller: whatever is wrong with them is not the upstream's fault.
    match BodyError::find_in(error) {
        Some(BodyError::TooLarge) => return Refusal::BodyTooLarge,
        Some(BodyError::Idle) => return Refusal::BodyTimeout,
        Some(BodyError::Broken(_)) => return Refusal::Body,
        None => {}
    }
    match error {
        SendError::AnswerTimeout | SendError::ConnectTimeout => Refusal::UpstreamTimeout,
        SendError::Connect(_) | SendError::Broken(_) | SendError::Switched => {
            Refusal::UpstreamUnreachable
        }
    }
}

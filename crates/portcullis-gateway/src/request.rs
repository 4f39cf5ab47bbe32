//! THE request path: everything a request goes through, in order.

use std::net::IpAddr;
use std::time::Instant;

use http::header::{CONNECTION, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Request, Response, Version};
use hyper::body::Incoming;
use portcullis::Form;
use portcullis_token::Trace;

use crate::authz::Permit;
use crate::body::{Body, RequestBody};
use crate::forward::upstream::Pools;
use crate::plan::Plan;
use crate::refuse::Refusal;
use crate::request_id::RequestIds;
use crate::rewrite::Sender;
use crate::{authn, authz, forward, observe, rewrite};

/// What one thread needs to serve requests.
#[derive(Debug, Default)]
pub(crate) struct Deps {
    pub(crate) pools: Pools,
    pub(crate) ids: RequestIds,
}

/// What a decision is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'r> {
    pub(crate) method: &'r str,
    /// The path as it was sent.
    pub(crate) path: &'r str,
    pub(crate) headers: &'r HeaderMap,
}

/// Answers a request, whatever it is.
pub(crate) async fn serve(
    plan: &Plan,
    deps: &Deps,
    request: Request<Incoming>,
    peer: IpAddr,
) -> Response<Body> {
    let began = Instant::now();
    let (head, body) = request.into_parts();
    let form = Form::of(&head);
    let request = Request::from_parts(head, body);
    let id = deps.ids.of(request.headers());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let sender = Sender {
        address: peer,
        request_id: &id,
    };

    let result = try_serve(plan, deps, request, sender).await;
    let reason = result.as_ref().err().map(Refusal::code);
    let ends_connection = result.as_ref().is_err_and(Refusal::ends_connection);
    let mut response =
        result.unwrap_or_else(|refusal| refusal.into_response(&id, form, plan.tells_reason));

    rewrite::for_caller(response.headers_mut(), &id);
    if ends_connection {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    tracing::debug!(
        target: observe::ACCESS,
        request_id = %id,
        %method,
        path,
        status = response.status().as_u16(),
        reason,
        duration_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
    );
    response
}

async fn try_serve(
    plan: &Plan,
    deps: &Deps,
    request: Request<Incoming>,
    sender: Sender<'_>,
) -> Result<Response<Body>, Refusal> {
    let (mut head, body) = request.into_parts();
    check_host(&head)?;
    check_framing(&head.headers)?;
    address(&mut head)?;
    let asked = Asked {
        method: head.method.as_str(),
        path: head.uri.path(),
        headers: &head.headers,
    };
    let permit = decide(plan, &asked, &mut ()).await?;

    // 4 What we know about the caller goes on, what they claim to be does not.
    check_values(&head.headers)?;
    rewrite::for_target(plan, &permit, &mut head.headers, sender);
    let body = RequestBody::limited(body, plan.body_limit).map_err(|_| Refusal::BodyTooLarge)?;
    // 5 Consumes the permit: what was authorised is what is sent.
    forward::send(permit, Request::from_parts(head, body), &deps.pools).await
}

/// The decision: may this request pass? `explain` asks here too, so it cannot disagree.
pub(crate) async fn decide<'p>(
    plan: &'p Plan,
    asked: &Asked<'_>,
    trace: &mut impl Trace,
) -> Result<Permit<'p>, Refusal> {
    // 1 Which rule applies, by the one canonical path.
    let matched = plan.route(asked.method, asked.path, trace)?;
    // 2 Who is calling.
    let caller = authn::identify(plan, &matched, asked, trace).await?;
    // 3 May they.
    authz::permit(plan, matched, caller, trace)
}

/// RFC 9112 section 3.2: exactly one `Host`, with a host in it, or two servers may see two sites.
fn check_host(head: &Parts) -> Result<(), Refusal> {
    let mut hosts = head.headers.get_all(HOST).iter();
    let fits = match hosts.next() {
        None => head.version == Version::HTTP_10,
        Some(host) => is_host(host) && hosts.next().is_none(),
    };
    if fits { Ok(()) } else { Err(Refusal::Host) }
}

/// `host [":" port]` (RFC 9110 section 7.2); empty where the target has no authority.
fn is_host(value: &HeaderValue) -> bool {
    let parsed = Authority::try_from(value.as_bytes());
    value.is_empty() || parsed.is_ok_and(|authority| !authority.as_str().contains('@'))
}

/// RFC 9112 section 6.1: `chunked`, once, is the only coding that is taken off and put on again.
fn check_framing(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let is_chunked = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"chunked");
    if codings.next().is_none_or(is_chunked) && codings.next().is_none() {
        Ok(())
    } else {
        Err(Refusal::Framing)
    }
}

/// RFC 9112 section 3.2.2: a target in absolute form names the host, whatever `Host` says.
fn address(head: &mut Parts) -> Result<(), Refusal> {
    let Some(authority) = head.uri.authority() else {
        return Ok(());
    };
    // RFC 9110 section 4.2.4: a user name in it is there to deceive.
    if authority.as_str().contains('@') {
        return Err(Refusal::Host);
    }
    let host = HeaderValue::try_from(authority.as_str()).map_err(|_| Refusal::Host)?;
    head.headers.insert(HOST, host);
    Ok(())
}

/// RFC 9110 section 5.5: what lies beyond ASCII means to each server what it likes.
fn check_values(headers: &HeaderMap) -> Result<(), Refusal> {
    if headers.values().all(|value| value.as_bytes().is_ascii()) {
        Ok(())
    } else {
        Err(Refusal::Header)
    }
}

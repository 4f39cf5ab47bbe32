//! THE request path: everything a request goes through, in order.

use std::net::IpAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use http::header::{CONNECTION, COOKIE, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use portcullis::{Form, keep_private};
use portcullis_store::MemoryLimits;
use tokio::time::Instant as Deadline;

use crate::authz::Permit;
use crate::body::Body;
use crate::client_certificate::{self, Thumbprint};
use crate::cors::Asking;
use crate::form::Received;
use crate::forward::pool::Pools;
use crate::forward::{Hop, websocket};
use crate::observe::{Instruments, Observation, TraceIds, Watch};
use crate::plan::Plan;
use crate::ready;
use crate::refuse::{Manner, Refusal};
use crate::request_id::RequestIds;
use crate::rewrite::Sender;
use crate::{authn, authz, cors, forward, limit, rewrite, signed};

/// What one thread needs to serve requests.
#[derive(Debug)]
pub(crate) struct Deps {
    pub(crate) pools: Pools,
    pub(crate) ids: RequestIds,
    pub(crate) trace_ids: TraceIds,
    /// Shared by all threads, and by all plans.
    pub(crate) limits: Arc<MemoryLimits>,
    pub(crate) instruments: Arc<Instruments>,
}

impl Deps {
    pub(crate) fn new(limits: Arc<MemoryLimits>, instruments: Arc<Instruments>) -> Self {
        Self {
            pools: Pools::default(),
            ids: RequestIds::default(),
            trace_ids: TraceIds::default(),
            limits,
            instruments,
        }
    }
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    address: IpAddr,
    /// `http`, or `https` where the connection is encrypted.
    scheme: &'static str,
    /// The client certificate that it has shown to us.
    certificate: Option<Thumbprint>,
}

impl Peer {
    pub(crate) const fn new(address: IpAddr, scheme: &'static str) -> Self {
        Self {
            address,
            scheme,
            certificate: None,
        }
    }

    pub(crate) const fn with_certificate(self, certificate: Option<Thumbprint>) -> Self {
        Self {
            certificate,
            ..self
        }
    }

    /// The certificate of whoever sent the request: a trusted proxy's own is none of its client's,
    /// whether or not it passes that one on.
    fn certificate_of_caller(self, plan: &Plan, headers: &HeaderMap) -> Option<Thumbprint> {
        if !plan.trusts(self.address) {
            return self.certificate;
        }
        let header = plan.client_certificate_header?;
        client_certificate::passed_on(header, headers)
    }
}

/// What a decision is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'r> {
    pub(crate) method: &'r str,
    /// The path as it was sent.
    pub(crate) path: &'r str,
    /// What stands behind the `?`.
    pub(crate) query: Option<&'r str>,
    /// The body, where it is a form that may hold the token.
    pub(crate) form: Option<&'r [u8]>,
    pub(crate) headers: &'r HeaderMap,
    /// The client certificate of the caller.
    pub(crate) certificate: Option<Thumbprint>,
    /// The other end of the connection.
    pub(crate) peer: IpAddr,
    /// The SHA-256 of the body, where a signature of it is to be checked; absent where nobody has
    /// read it.
    pub(crate) body_hash: Option<[u8; 32]>,
}

/// Answers a request, whatever it is; what was observed is told when the answer has ended.
pub(crate) async fn serve(
    plan: &Arc<Plan>,
    deps: &Rc<Deps>,
    request: Request<Incoming>,
    peer: Peer,
    deadline: Option<Deadline>,
) -> (Response<Body>, Observation) {
    let (head, body) = request.into_parts();
    let form = Form::of(&head);
    let request = Request::from_parts(head, body);
    let id = deps.ids.of(request.headers());
    let version = request.version();
    let mut seen = Observation::begin(plan, deps, &request, &id);
    let sender = Sender {
        address: peer.address,
        scheme: peer.scheme,
        certificate: peer.certificate_of_caller(plan, request.headers()),
        request_id: &id,
    };

    let asking = Asking::of(request.method().as_str(), request.headers());
    let mut told = HeaderMap::new();
    let result = {
        // Pinned once: either branch by itself would have room for all of it.
        let serving = pin!(try_serve(plan, deps, request, sender, &mut told, &mut seen));
        match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline, serving)
                .await
                .unwrap_or(Err(Refusal::RequestTimeout)),
            None => serving.await,
        }
    };
    let reason = result.as_ref().err().map(Refusal::code);
    let ends_connection = result.as_ref().is_err_and(Refusal::ends_connection);
    let mut response = result.unwrap_or_else(|refusal| {
        let manner = Manner {
            errors: plan.errors(seen.route()),
            messages: &plan.messages,
            request_id: &id,
            tells_reason: plan.tells_reason,
        };
        refusal.into_response(form, manner)
    });

    rewrite::for_caller(response.headers_mut(), &id);
    if let Some(cors) = plan.cors(seen.route()) {
        cors.tell(&asking, response.headers_mut());
    }
    // In the place of what an upstream says of limits of its own.
    response.headers_mut().extend(told);
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        websocket::say(response.headers_mut());
    }
    // In HTTP/2 it is the stream that ends.
    if ends_connection && version < Version::HTTP_2 {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    seen.answered(response.status().as_u16(), reason);
    (response, seen)
}

async fn try_serve(
    plan: &Plan,
    deps: &Deps,
    request: Request<Incoming>,
    sender: Sender<'_>,
    told: &mut HeaderMap,
    seen: &mut Observation,
) -> Result<Response<Body>, Refusal> {
    let (mut head, body) = request.into_parts();
    if head.headers.len() > plan.limits.header_count {
        return Err(Refusal::HeadTooLarge);
    }
    check_host(&head)?;
    check_framing(&head.headers)?;
    if let Some(answer) = ready::answer(plan, &deps.instruments, &head.method, head.uri.path()) {
        return Ok(answer);
    }
    address(&mut head)?;
    join_cookies(&mut head);
    let received = Received::of(plan, &head, body).await?;
    let asked = Asked {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query(),
        form: received.form(),
        headers: &head.headers,
        certificate: sender.certificate,
        peer: sender.address,
        body_hash: received.hash(),
    };
    if let Some((_, permitted)) = cors::preflight(plan, &asked, seen) {
        told.extend(permitted);
        return Ok(no_content());
    }
    let decision = decide(plan, &asked, seen).await;
    seen.decided(decision.as_ref());
    let permit = decision?;

    check_values(&head.headers)?;
    let api = &permit.route().api;
    let body = received.for_target(api, plan.limits.body, &mut head.headers)?;
    // 4 How often they may: last of all that may refuse, since a refused call costs nothing.
    limit::charge(plan, &*deps.limits, &permit, told).await?;
    // 5 What we know about the caller goes on, what they claim to be does not.
    let mut hop = Hop::of(&head);
    if hop.websocket {
        let left = permit.websocket_left(plan.clock.now_exact());
        hop.websocket_until = left.and_then(|left| Deadline::now().checked_add(left));
    }
    rewrite::for_target(plan, &permit, &mut head, sender);
    // 6 Consumes the permit: what was authorised is what is sent.
    let request = Request::from_parts(head, body);
    let is_private = permit.is_private();
    let mut response = forward::send(permit, request, hop, &deps.pools, seen).await?;
    if is_private {
        keep_private(&mut response);
    }
    Ok(response)
}

/// RFC 9110 section 15.3.5.
fn no_content() -> Response<Body> {
    let mut response = Response::new(Body::full(""));
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// The decision: may this request pass? `explain` asks here too, so it cannot disagree.
pub(crate) async fn decide<'p>(
    plan: &'p Plan,
    asked: &Asked<'_>,
    trace: &mut impl Watch,
) -> Result<Permit<'p>, Refusal> {
    // 1 Which rule applies, by the one canonical path.
    let matched = plan.route(asked.method, asked.headers, asked.path, trace)?;
    trace.matched(&matched);
    if signed::is_asked(matched.route, asked) {
        return signed::permit(plan, matched, asked, trace);
    }
    // 2 Who is calling.
    let caller = authn::identify(plan, &matched, asked, trace).await?;
    // 3 May they.
    let permit = authz::permit(plan, asked, matched, caller, trace)?;
    limit::trace_shared(&permit, trace);
    Ok(permit)
}

/// RFC 9112 section 3.2: exactly one `Host`, with a host in it, or two servers may see two sites.
///
/// RFC 9113 section 8.3.1: in HTTP/2 `:authority` is enough, and a `Host` beside it must agree.
fn check_host(head: &Parts) -> Result<(), Refusal> {
    let mut hosts = head.headers.get_all(HOST).iter();
    let authority = head
        .uri
        .authority()
        .filter(|_| head.version == Version::HTTP_2);
    let fits = match hosts.next() {
        None => head.version == Version::HTTP_10 || authority.is_some(),
        Some(host) => {
            let agrees = |authority: &Authority| authority.as_str().as_bytes() == host.as_bytes();
            is_host(host) && authority.is_none_or(agrees) && hosts.next().is_none()
        }
    };
    if fits { Ok(()) } else { Err(Refusal::Host) }
}

/// `host [":" port]` (RFC 9110 section 7.2); empty where the target has no authority.
fn is_host(value: &HeaderValue) -> bool {
    let parsed = Authority::try_from(value.as_bytes());
    value.is_empty() || parsed.is_ok_and(|authority| is_host_and_port(&authority))
}

/// Whether there is a host, at most a port, and nothing else, of which some server might make more.
///
/// RFC 9110 section 4.2.4: a user name in it is there to deceive.
fn is_host_and_port(authority: &Authority) -> bool {
    let rest = authority.as_str().strip_prefix(authority.host());
    let port = rest.and_then(|rest| match rest {
        "" => Some(""),
        rest => rest.strip_prefix(':'),
    });
    port.is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// RFC 9112 section 6.1: `chunked`, once, is the only coding that is taken off and put on again.
///
/// A `Content-Length` beside it cannot be refused here: the parser has dropped it, and tells nobody
/// but its own connection, which it ends after this answer, as the RFC lets a server do. What a
/// proxy before us took for the next request is not served, and the upstream gets one framing.
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
    if !is_host_and_port(authority) {
        return Err(Refusal::Host);
    }
    let host = HeaderValue::try_from(authority.as_str()).map_err(|_| Refusal::Host)?;
    head.headers.insert(HOST, host);
    Ok(())
}

/// RFC 9113 section 8.2.3: what HTTP/2 lets callers send in pieces is one line in HTTP/1.1.
fn join_cookies(head: &mut Parts) {
    if head.version != Version::HTTP_2 || head.headers.get_all(COOKIE).iter().nth(1).is_none() {
        return;
    }
    let pieces = head.headers.get_all(COOKIE).iter();
    let joined = pieces
        .map(HeaderValue::as_bytes)
        .collect::<Vec<_>>()
        .join(&b"; "[..]);
    if let Ok(cookie) = HeaderValue::from_bytes(&joined) {
        head.headers.insert(COOKIE, cookie);
    }
}

/// RFC 9110 section 5.5: what lies beyond ASCII means to each server what it likes.
fn check_values(headers: &HeaderMap) -> Result<(), Refusal> {
    if headers.values().all(|value| value.as_bytes().is_ascii()) {
        Ok(())
    } else {
        Err(Refusal::Header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_perhaps_a_port() {
        for (host, expected) in [
            ("", true),
            ("api.example", true),
            ("api.example.:80", true),
            ("api.example:", true),
            ("192.0.2.1:8080", true),
            ("[2001:db8::1]", true),
            ("[2001:db8::1]:80", true),
            ("[2001:db8::1]x", false),
            ("[2001:db8::1]x:80", false),
            ("[2001:db8::1", false),
            ("api.example:x", false),
            ("api.example:80x", false),
            ("api.example:80:90", false),
            ("ada@api.example", false),
            ("ada:80@api.example", false),
            ("api.example/x", false),
        ] {
            assert_eq!(is_host(&HeaderValue::from_static(host)), expected, "{host}");
        }
    }
}

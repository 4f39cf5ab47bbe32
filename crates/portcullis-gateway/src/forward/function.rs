//! Functions as targets: what runs them is elsewhere, and is given the whole request.

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, request};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use portcullis::Clock;
use portcullis_config::Function;
use serde_json::{Map, Value, json};

use crate::authz::Permit;
use crate::body::{Body, BodyError, RequestBody};
use crate::forward::respond::parameter;
use crate::observe::REQUEST_ID;
use crate::refuse::Refusal;

/// The largest body that a function gets, as on Lambda.
const MAX_BODY: usize = 6 << 20;

/// A request for a function.
#[derive(Debug)]
pub struct FunctionCall {
    /// Method, query, version and headers; credentials are removed where they are for upstreams.
    pub head: request::Parts,
    /// The canonical path.
    pub path: String,
    /// The whole body.
    pub body: Bytes,
    /// The name of the route: `GET /hello/{name}`.
    pub route: String,
    /// The parameters of the path, percent-decoded.
    pub parameters: Vec<(String, String)>,
    /// The name of the API.
    pub api: String,
    /// The other end of the connection.
    pub source: IpAddr,
    /// The id of the request.
    pub request_id: String,
    /// The time, since 1970.
    pub time: Duration,
    /// The caller's claims; absent for an anonymous one.
    pub claims: Option<Map<String, Value>>,
    /// The caller's scopes, where the route asks for some.
    pub scopes: Option<Vec<String>>,
}

/// What a function answers with, piece by piece.
pub type FunctionBody = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// The answer of a function, which is waited for.
pub type FunctionAnswer =
    Pin<Box<dyn Future<Output = Result<Response<FunctionBody>, FunctionFailure>> + Send>>;

/// Runs a function.
pub trait FunctionTarget: Send + Sync + fmt::Debug {
    /// Has the function answer; it has a time limit of its own.
    fn call(&self, call: FunctionCall) -> FunctionAnswer;
}

/// Why a function gave no answer.
#[derive(Clone, Debug)]
pub struct FunctionFailure {
    /// What callers learn.
    pub kind: FunctionFailureKind,
    /// What a developer learns, and callers of `dev`: a JSON object.
    pub detail: Value,
}

/// The same, as far as it matters to callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionFailureKind {
    /// It cannot be started, has failed or has returned rubbish: 500.
    Failed,
    /// It took too long: 503.
    Timeout,
    /// It has no time for this request: 503.
    Busy,
    /// The request is too large for it: 413.
    TooLarge,
}

/// A function of the plan, and what runs it.
#[derive(Debug)]
pub(crate) struct FunctionSlot {
    pub(crate) config: Function,
    /// Absent in a plan that only decides.
    pub(crate) target: Option<Arc<dyn FunctionTarget>>,
    clock: Arc<dyn Clock>,
}

impl FunctionSlot {
    pub(crate) const fn new(config: Function, clock: Arc<dyn Clock>) -> Self {
        Self {
            config,
            target: None,
            clock,
        }
    }
}

/// Has a function answer, whose request is read to its end first.
pub(super) async fn send(
    slot: &FunctionSlot,
    permit: &Permit<'_>,
    request: Request<RequestBody>,
) -> Result<Response<Body>, Refusal> {
    let Some(target) = &slot.target else {
        let detail = json!({ "message": "nothing runs this function" });
        return Err(refusal(FunctionFailure {
            kind: FunctionFailureKind::Busy,
            detail,
        }));
    };
    let (head, body) = request.into_parts();
    let body = collect(body).await?;
    let call = call(permit, head, body, slot.clock.now_exact());
    let answer = target.call(call).await.map_err(|failure| {
        let (function, error) = (&slot.config.name, &failure.detail["message"]);
        tracing::debug!(function, %error, "a function gave no answer");
        refusal(failure)
    })?;
    Ok(answer.map(Body::Function))
}

fn refusal(failure: FunctionFailure) -> Refusal {
    match failure.kind {
        FunctionFailureKind::TooLarge => Refusal::BodyTooLarge,
        _ => Refusal::Function(Box::new(failure)),
    }
}

async fn collect(mut body: RequestBody) -> Result<Bytes, Refusal> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| match error {
            BodyError::TooLarge => Refusal::BodyTooLarge,
            BodyError::Idle => Refusal::BodyTimeout,
            BodyError::Broken(_) | BodyError::Function(_) => Refusal::Body,
        })?;
        if let Some(data) = frame.data_ref() {
            if bytes.len() + data.len() > MAX_BODY {
                return Err(Refusal::BodyTooLarge);
            }
            bytes.extend_from_slice(data);
        }
    }
    Ok(bytes.into())
}

fn call(permit: &Permit<'_>, head: request::Parts, body: Bytes, time: Duration) -> FunctionCall {
    let route = permit.route();
    let parameters = route.pattern.parameters().map(|name| {
        let value = parameter(name, &route.pattern, permit.path());
        (name.to_owned(), value)
    });
    let token = permit.token();
    // API Gateway tells a token's scopes only where it has asked for some.
    let scopes = token.filter(|_| !route.scopes().is_empty());
    FunctionCall {
        path: permit.path().to_owned(),
        body,
        route: route.name.clone(),
        parameters: parameters.collect(),
        api: route.api.name.to_string(),
        source: source(&head.headers),
        request_id: text(&head.headers, REQUEST_ID).to_owned(),
        time,
        claims: token.map(|token| token.deserialize().unwrap_or_default()),
        scopes: scopes.map(|token| token.scopes().map(str::to_owned).collect()),
        head,
    }
}

/// The last address that we have added ourselves.
fn source(headers: &HeaderMap) -> IpAddr {
    let chain = text(headers, "x-forwarded-for");
    let last = chain.rsplit(',').next().map(str::trim);
    let address = last.and_then(|last| last.parse().ok());
    address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

use std::sync::Arc;

use aws_lc_rs::rand;
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::routing::{get, post};
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL, CONTENT_TYPE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde_json::json;

use crate::fault::Fault;
use crate::pool::Pool;
use crate::{sts, wire};

/// Ten logins of the longest token, and what stands around them.
const LARGEST_BODY: usize = 512 * 1024;
const TARGET: &str = "x-amz-target";
const ALLOWED: &str = "authorization,content-type,x-amz-date,x-amz-security-token,x-amz-target,\
                       x-amz-user-agent,amz-sdk-invocation-id,amz-sdk-request";
const EXPOSED: &str = "x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date";

impl Pool {
    /// What clients talk to, at the root: Cognito's JSON, and the form of STS.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/", post(answer).options(preflight))
            .route("/.well-known/jwks_uri", get(jwks))
            .layer(DefaultBodyLimit::max(LARGEST_BODY))
            .with_state(Arc::clone(self))
    }
}

async fn answer(
    State(pool): State<Arc<Pool>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<String> {
    let request_id = request_id();
    let target = headers.get(TARGET).and_then(|target| target.to_str().ok());
    let mut response = match target {
        Some(target) => by_json(wire::call(&pool, target, &body).await),
        None => match std::str::from_utf8(&body) {
            Ok(form) => by_xml(sts::call(&pool, form, &request_id).await, &request_id),
            Err(_) => by_json(Err(Fault::serialization())),
        },
    };
    let headers = response.headers_mut();
    put(headers, "x-amzn-requestid", &request_id);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    open_to_pages(headers);
    response
}

/// The keys of the tokens of `GetOpenIdToken`, where AWS has them too.
async fn jwks(State(pool): State<Arc<Pool>>) -> Response<String> {
    let keys = pool.keys.open_id.jwks().to_string();
    let mut response = respond(200, "application/json", keys);
    open_to_pages(response.headers_mut());
    response
}

fn by_json(result: Result<serde_json::Value, Fault>) -> Response<String> {
    let (status, body) = match &result {
        Ok(value) => (200, value.to_string()),
        Err(fault) => {
            let body = json!({ "__type": fault.code, "message": fault.message });
            (fault.status, body.to_string())
        }
    };
    let mut response = respond(status, "application/x-amz-json-1.1", body);
    if let Err(fault) = result {
        tracing::debug!(
            code = fault.code,
            reason = fault.message,
            "identity pool refused"
        );
        let headers = response.headers_mut();
        // With the colon, as AWS sends it.
        put(headers, "x-amzn-errortype", &format!("{}:", fault.code));
        put(headers, "x-amzn-errormessage", &fault.message);
    }
    response
}

fn by_xml(result: Result<String, sts::StsFault>, request_id: &str) -> Response<String> {
    let (status, body) = match result {
        Ok(body) => (200, body),
        Err(fault) => (fault.status, fault.to_xml(request_id)),
    };
    respond(status, "text/xml", body)
}

fn respond(status: u16, media_type: &'static str, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let media_type = HeaderValue::from_static(media_type);
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}

/// Any page may ask: it can send only a token that it has.
async fn preflight() -> Response<String> {
    let mut response = Response::new(String::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    open_to_pages(headers);
    headers.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("POST"),
    );
    headers.insert(
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static(ALLOWED),
    );
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("172800"));
    response
}

fn open_to_pages(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static(EXPOSED),
    );
}

/// A header of ours, left out where its text cannot be one.
fn put(headers: &mut HeaderMap, name: &'static str, text: &str) {
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// A random UUID; without randomness one of zeros, which only the log would miss.
fn request_id() -> String {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).unwrap_or_default();
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
    [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-")
}

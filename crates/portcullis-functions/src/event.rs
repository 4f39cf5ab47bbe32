//! API Gateway's payload format 2.0: from a request to the event of its function.

mod claims;
mod query;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, COOKIE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, Version};
use serde_json::{Map, Value, json};

use crate::call::Call;

const FORWARDED_PORT: &str = "x-forwarded-port";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// What API Gateway calls the stage that needs no first segment of the path.
const STAGE: &str = "$default";

/// The event of a request; `trace` is the value of its `x-amzn-trace-id`.
pub(crate) fn of(call: &Call, trace: &str) -> Value {
    let head = &call.head;
    let query = head.uri.query().unwrap_or_default();
    let mut event = json!({
        "version": "2.0",
        "routeKey": call.route,
        "rawPath": call.path,
        "rawQueryString": query,
        "headers": headers(&head.headers, trace),
        "requestContext": context(call),
        "isBase64Encoded": false,
    });
    // What is empty is absent.
    let cookies = cookies(&head.headers);
    if !cookies.is_empty() {
        event["cookies"] = cookies.into();
    }
    if let Some(parameters) = query::parameters(query) {
        event["queryStringParameters"] = parameters;
    }
    if !call.parameters.is_empty() {
        let parameters = call.parameters.iter();
        event["pathParameters"] = parameters
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
            .collect();
    }
    if !call.body.is_empty() {
        let (body, is_base64) = body(&head.headers, &call.body);
        event["body"] = body.into();
        event["isBase64Encoded"] = is_base64.into();
    }
    event
}

fn context(call: &Call) -> Value {
    let head = &call.head;
    let host = text(&head.headers, &HOST);
    let domain = host.rsplit_once(':').map_or(host.as_str(), |(name, port)| {
        let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
        if is_port { name } else { &host }
    });
    let mut context = json!({
        "accountId": "000000000000",
        "apiId": call.api,
        "domainName": domain,
        "domainPrefix": domain.split('.').next().unwrap_or_default(),
        "http": {
            "method": head.method.as_str(),
            "path": call.path,
            "protocol": protocol(head.version),
            "sourceIp": call.source.to_string(),
            "userAgent": text(&head.headers, &USER_AGENT),
        },
        "requestId": call.request_id,
        "routeKey": call.route,
        "stage": STAGE,
        "time": common_log_time(call.time.as_secs()),
        "timeEpoch": u64::try_from(call.time.as_millis()).unwrap_or(u64::MAX),
    });
    if let Some(caller) = &call.caller {
        context["authorizer"] = json!({
            "jwt": { "claims": claims::as_texts(&caller.claims), "scopes": caller.scopes },
            "portcullis": { "claims": caller.claims },
        });
    }
    context
}

const fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}

/// `12/Mar/2020:19:03:58 +0000`; empty for a time that no calendar has.
fn common_log_time(seconds: u64) -> String {
    let time = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map(|time| time.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string())
        .unwrap_or_default()
}

fn text(headers: &HeaderMap, name: &HeaderName) -> String {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

/// Lower-case names, several lines joined by commas; cookies have a place of their own.
fn headers(headers: &HeaderMap, trace: &str) -> Map<String, Value> {
    let mut map = Map::new();
    for name in headers.keys().filter(|name| **name != COOKIE) {
        let lines = headers.get_all(name).iter();
        let lines: Vec<_> = lines
            .map(|line| String::from_utf8_lossy(line.as_bytes()))
            .collect();
        map.insert(name.as_str().to_owned(), lines.join(",").into());
    }
    if !map.contains_key(FORWARDED_PORT) {
        let is_https = map
            .get(FORWARDED_PROTO)
            .is_some_and(|proto| proto == "https");
        let host = text(headers, &HOST);
        let port = host.rsplit_once(':').map(|(_, port)| port);
        let port = port.filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
        let port = port.unwrap_or(if is_https { "443" } else { "80" });
        map.insert(FORWARDED_PORT.to_owned(), port.into());
    }
    map.insert("x-amzn-trace-id".to_owned(), trace.into());
    map
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(COOKIE).iter();
    let lines = lines.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned());
    lines
        .flat_map(|line| {
            let cookies = line.split(';').map(str::trim);
            let cookies = cookies.filter(|cookie| !cookie.is_empty());
            cookies.map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

/// Text as it is, and anything else in base64.
fn body(headers: &HeaderMap, body: &[u8]) -> (String, bool) {
    match str::from_utf8(body) {
        Ok(text) if is_text(headers) => (text.to_owned(), false),
        _ => (STANDARD.encode(body), true),
    }
}

fn is_text(headers: &HeaderMap) -> bool {
    let content_type = text(headers, &CONTENT_TYPE).to_ascii_lowercase();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let is_named = matches!(
        media_type,
        "" | "application/json" | "application/javascript" | "application/xml"
    );
    let is_text = is_named
        || media_type.starts_with("text/")
        || media_type.ends_with("+json")
        || media_type.ends_with("+xml");
    is_text && !headers.contains_key(CONTENT_ENCODING)
}

#[cfg(test)]
mod tests;

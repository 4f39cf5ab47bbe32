use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use serde_json::{Map, Value};

/// A request that may pass, as its function learns of it.
#[derive(Debug)]
pub struct Call {
    /// Method, query, version and headers, as they would be forwarded.
    pub head: Parts,
    /// The canonical path.
    pub path: String,
    /// The whole body.
    pub body: Bytes,
    /// `GET /hello/{name}`.
    pub route: String,
    /// The parameters of the path, percent-decoded.
    pub parameters: Vec<(String, String)>,
    /// The API's name in the file.
    pub api: String,
    /// The other end of the connection.
    pub source: IpAddr,
    /// The gateway's id of the request.
    pub request_id: String,
    /// When it came, since 1970.
    pub time: Duration,
    /// Whose token it carries; absent for an anonymous one.
    pub caller: Option<Caller>,
}

/// What a token says.
#[derive(Debug)]
pub struct Caller {
    /// Its claims.
    pub claims: Map<String, Value>,
    /// Its scopes, where the route asks for some; absent elsewhere.
    pub scopes: Option<Vec<String>>,
}

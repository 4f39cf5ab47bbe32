use std::net::IpAddr;

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, Uri};

/// Whether a request names a host, and none but those that are ours.
///
/// A page of another site can have its own name lead to this machine ("DNS rebinding"), and the
/// browser would let it read the answers; but it still sends that name. `is_ours` is given each
/// host without its port, an IPv6 address in brackets.
///
/// ```
/// use http::{HeaderMap, HeaderValue, Uri, header::HOST};
/// use portcullis::{is_this_machine, names_only};
///
/// let mut headers = HeaderMap::new();
/// headers.insert(HOST, HeaderValue::from_static("localhost:4000"));
/// assert!(names_only(&Uri::from_static("/"), &headers, is_this_machine));
/// headers.insert(HOST, HeaderValue::from_static("evil.example"));
/// assert!(!names_only(&Uri::from_static("/"), &headers, is_this_machine));
/// ```
pub fn names_only(uri: &Uri, headers: &HeaderMap, is_ours: impl Fn(&str) -> bool) -> bool {
    let in_headers = headers
        .get_all(HOST)
        .iter()
        .map(|value| Authority::try_from(value.as_bytes()).ok());
    let mut hosts = in_headers
        .chain(uri.authority().map(|authority| Some(authority.clone())))
        .peekable();
    let is_ours = |host: Option<Authority>| host.is_some_and(|host| is_ours(host.host()));
    hosts.peek().is_some() && hosts.all(is_ours)
}

/// Whether a host is this machine: `localhost`, a name below it (RFC 6761 section 6.3), or a
/// loopback address, with or without brackets.
///
/// ```
/// assert!(portcullis::is_this_machine("tenant.LOCALHOST"));
/// assert!(portcullis::is_this_machine("[::1]"));
/// assert!(!portcullis::is_this_machine("localhost.evil.example"));
/// ```
pub fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = address.parse::<IpAddr>() {
        return address.to_canonical().is_loopback();
    }
    let host = host.to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

//! What headers a request and its answer lose and gain on their way through.

mod identity;

use std::net::IpAddr;

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use portcullis_config::TokenForwarding;

use crate::authz::Permit;
use crate::client_certificate::Thumbprint;
use crate::observe::REQUEST_ID;
use crate::plan::Plan;

const DPOP: HeaderName = HeaderName::from_static("dpop");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// RFC 9110 section 7.6.1: what is said on one connection only.
const HOP_BY_HOP: [HeaderName; 8] = [
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Headers by which a caller could talk an upstream into serving another path, method or site than
/// the one that was authorised, or into fetching through a proxy of theirs (`Proxy`, in CGI).
const OVERRIDES: [&str; 10] = [
    "proxy",
    "x-host",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-host",
    "x-original-method",
    "x-original-uri",
    "x-original-url",
    "x-rewrite-url",
];

/// Headers that say where a request came from, or who makes it: what servers put them there for
/// is that whoever they stand before believes it.
const ABOUT_THE_SENDER: [&str; 8] = [
    "client-cert",
    "client-cert-chain",
    "forwarded",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-forwarded",
    "x-real-ip",
];

/// The same, with whatever follows: `SSL-Client-Verify`, `X-Remote-User`, `Remote-Groups`.
const FAMILIES_ABOUT_THE_SENDER: [&str; 9] = [
    "x-forwarded-",
    "remote-",
    "x-remote-",
    "ssl-client-",
    "x-ssl-",
    "x-client-cert",
    "x-client-verify",
    "x-auth-request-",
    "x-webauth-",
];

/// What a trusted proxy is believed about its own client.
const BELIEVED: [HeaderName; 4] = [
    FORWARDED_FOR,
    FORWARDED_HOST,
    FORWARDED_PORT,
    FORWARDED_PROTO,
];

/// Who sent a request, as far as this machine can tell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender<'r> {
    pub(crate) address: IpAddr,
    /// How the request came: `http` or `https`.
    pub(crate) scheme: &'static str,
    /// The client certificate of the caller.
    pub(crate) certificate: Option<Thumbprint>,
    pub(crate) request_id: &'r str,
}

/// Makes a request's head fit for the target: credentials and forged identity out, first; then
/// what we vouch for in.
pub(crate) fn for_target(plan: &Plan, permit: &Permit<'_>, head: &mut Parts, sender: Sender<'_>) {
    let headers = &mut head.headers;
    let api = &permit.route().api;
    remove_hop_by_hop(headers);
    headers.remove(EXPECT);
    if api.token == TokenForwarding::Strip {
        headers.remove(AUTHORIZATION);
        headers.remove(DPOP);
        api.stripped.remove_from(headers, &mut head.uri);
    }
    let trusted = plan.trusts(sender.address);
    remove_forgeries(headers, &plan.managed, trusted);

    set_forwarded(headers, sender, trusted);
    if let Ok(id) = HeaderValue::from_str(sender.request_id) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(signed) = permit.signed() {
        let of_subject = api.identity.iter().filter(|(_, claim)| claim == "sub");
        for (name, _) in of_subject {
            if let Ok(value) = HeaderValue::try_from(signed.subject()) {
                headers.insert(name.clone(), value);
            }
        }
    }
    if let Some(token) = permit.token() {
        for (name, claim) in &api.identity {
            let found = token.claims().find(claim);
            if let Some(value) = found.and_then(|found| identity::header_value(&found.to_value())) {
                headers.insert(name.clone(), value);
            }
        }
    }
}

/// Makes an answer's headers fit for the caller.
pub(crate) fn for_caller(headers: &mut HeaderMap, request_id: &str) {
    // RFC 9112 section 6.3: beside a transfer coding, a length says nothing.
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
    // What follows the body is passed on, so its announcement is true here too.
    let announced = headers.get(TRAILER).cloned();
    remove_hop_by_hop(headers);
    if let Some(announced) = announced {
        headers.insert(TRAILER, announced);
    }
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, id);
    }
}

/// Removes what `Connection` lists, then the fixed names (RFC 9110 section 7.6.1).
fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let listed: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        // A caller may not take the framing or the addressee away from us.
        .filter(|name| name != HOST && *name != CONTENT_LENGTH)
        .collect();
    remove_where(headers, |name| {
        *name == CONNECTION || HOP_BY_HOP.contains(name) || listed.contains(name)
    });
}

/// Removes the headers of which this is true; most requests have none.
fn remove_where(headers: &mut HeaderMap, is_unwanted: impl Fn(&HeaderName) -> bool) {
    let unwanted = headers.keys().filter(|name| is_unwanted(name)).cloned();
    for name in unwanted.collect::<Vec<_>>() {
        headers.remove(name);
    }
}

/// Removes every spelling of what only we may say, on public routes too.
fn remove_forgeries(headers: &mut HeaderMap, managed: &[HeaderName], trusted: bool) {
    remove_where(headers, |name| {
        let is = |own: &str| is_spelling_of(name.as_str(), own);
        managed.iter().any(|own| is(own.as_str()))
            || OVERRIDES.iter().any(|own| is(own))
            || (is_about_the_sender(name) && !(trusted && BELIEVED.contains(name)))
    });
}

/// Whether some server would take `name` for `own`: CGI makes `_` of `-`, PHP of `.` too, and
/// lighttpd of whatever is neither a letter nor a digit.
fn is_spelling_of(name: &str, own: &str) -> bool {
    let dashed = |byte: u8| {
        if byte.is_ascii_alphanumeric() {
            byte
        } else {
            b'-'
        }
    };
    name.len() == own.len() && name.bytes().map(dashed).eq(own.bytes().map(dashed))
}

/// Whether the header says where a request came from, or who makes it.
fn is_about_the_sender(name: &HeaderName) -> bool {
    let name = name.as_str();
    let begins = |family: &&str| {
        let start = name.get(..family.len());
        start.is_some_and(|start| is_spelling_of(start, family))
    };
    FAMILIES_ABOUT_THE_SENDER.iter().any(begins)
        || ABOUT_THE_SENDER.iter().any(|own| is_spelling_of(name, own))
}

/// Says where the request came from. What a trusted proxy said before stays.
fn set_forwarded(headers: &mut HeaderMap, sender: Sender<'_>, trusted: bool) {
    let mut chain = sender.address.to_string();
    if trusted {
        // RFC 9110 section 5.3: several lines are one list, and some proxies add theirs as a line.
        let before = headers.get_all(FORWARDED_FOR).iter();
        chain = before
            .filter_map(|value| value.to_str().ok())
            .chain([chain.as_str()])
            .collect::<Vec<_>>()
            .join(", ");
        // Several lines are several opinions, of which only one is the proxy's.
        for name in [FORWARDED_HOST, FORWARDED_PORT, FORWARDED_PROTO] {
            if headers.get_all(&name).iter().count() > 1 {
                headers.remove(name);
            }
        }
    }
    if let Ok(chain) = HeaderValue::try_from(chain) {
        headers.insert(FORWARDED_FOR, chain);
    }
    if !headers.contains_key(FORWARDED_PROTO) {
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static(sender.scheme));
    }
    if !headers.contains_key(FORWARDED_HOST)
        && let Some(host) = headers.get(HOST).cloned()
    {
        headers.insert(FORWARDED_HOST, host);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            )
        };
        let mut map = HeaderMap::new();
        for (name, value) in lines.iter().map(pair) {
            map.append(name, value);
        }
        map
    }

    fn names(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn what_is_said_on_one_connection_goes_no_further() {
        let mut headers = map(&[
            ("connection", "close, X-Listed"),
            ("connection", "host, content-length"),
            ("x-listed", "1"),
            ("keep-alive", "1"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("proxy-authorization", "Basic x"),
            ("host", "a.example"),
            ("content-length", "1"),
            ("accept", "*/*"),
        ]);
        remove_hop_by_hop(&mut headers);
        assert_eq!(names(&headers), ["accept", "content-length", "host"]);
    }

    #[test]
    fn a_forged_identity_is_removed_in_every_spelling() {
        let managed = [
            HeaderName::from_static("x-user"),
            HeaderName::from_static("x-auth-sub"),
        ];
        for name in [
            "x-user",
            "X-USER",
            "x_user",
            "X_Auth-Sub",
            "x-auth_sub",
            "x_auth_sub",
        ] {
            let mut headers = map(&[(name, "mallory"), ("x-user-agent", "kept")]);
            remove_forgeries(&mut headers, &managed, false);
            assert_eq!(names(&headers), ["x-user-agent"], "{name}");
        }
    }

    #[test]
    fn what_would_change_the_request_behind_our_back_is_removed() {
        for name in [
            "x-original-url",
            "X-Rewrite-URL",
            "x_original_url",
            "x-http-method-override",
        ] {
            let mut headers = map(&[(name, "/admin")]);
            remove_forgeries(&mut headers, &[], true);
            assert!(headers.is_empty(), "{name}");
        }
    }

    #[test]
    fn the_sender_is_believed_only_when_it_is_a_trusted_proxy() {
        let said = [
            ("host", "a.example"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-prefix", "/x"),
            ("x-forwarded-port", "443"),
            ("x-forwarded-port", "80"),
            ("x-real-ip", "6.6.6.6"),
            ("x_forwarded_for", "6.6.6.6"),
            ("forwarded", "for=6.6.6.6"),
        ];
        let proxy = Sender {
            address: IpAddr::from([10, 0, 0, 1]),
            scheme: "http",
            certificate: None,
            request_id: "",
        };
        for (trusted, chain, proto) in [
            (false, "10.0.0.1", "http"),
            (true, "1.2.3.4, 10.0.0.1", "https"),
        ] {
            let mut headers = map(&said);
            remove_forgeries(&mut headers, &[], trusted);
            set_forwarded(&mut headers, proxy, trusted);
            assert_eq!(headers["x-forwarded-for"], chain, "trusted: {trusted}");
            assert_eq!(headers["x-forwarded-proto"], proto, "trusted: {trusted}");
            let rest = [
                "host",
                "x-forwarded-for",
                "x-forwarded-host",
                "x-forwarded-proto",
            ];
            assert_eq!(names(&headers), rest, "trusted: {trusted}");
        }
    }
}

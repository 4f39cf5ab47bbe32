use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use http::response::Parts;
use http::{HeaderValue, Request};
use portcullis_token::Reason;
use serde_json::Value;

use super::Route;
use crate::{Body, text};

/// One request and how it must be answered.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) row: u8,
    pub(super) name: String,
    pub(super) expected: Expected,
    authorization: Vec<HeaderValue>,
    proofs: Vec<HeaderValue>,
    /// The request uses the scheme `DPoP`, whose challenge then carries the error.
    pub(super) by_dpop: bool,
    others: Vec<(HeaderName, HeaderValue)>,
    path: Option<String>,
}

/// The answer that the table asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// The service itself answers.
    Passed,
    /// The first reason, or the second where the configuration makes an earlier check refuse.
    Refused(Reason, Option<Reason>),
}

/// The answer that came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Got {
    pub(super) status: u16,
    pub(super) challenges: Vec<String>,
    pub(super) error: Option<String>,
    /// The exact reason, or the public code, where the body tells one.
    pub(super) reason: Option<String>,
    pub(super) public: Option<String>,
    /// The words of a body in another style than problem details.
    pub(super) words: Vec<String>,
    /// The nonce for the caller's next proof.
    pub(super) nonce: Option<String>,
    pub(super) retries: bool,
}

impl Case {
    /// A request with these bytes for its one `Authorization`.
    pub(super) fn line(row: u8, name: &str, line: impl AsRef<[u8]>, reason: Reason) -> Self {
        Self::lines(row, name, &[line.as_ref()], Expected::Refused(reason, None))
    }

    /// A request with this bearer token.
    pub(super) fn token(row: u8, name: &str, token: &str, reason: Reason) -> Self {
        Self::line(row, name, format!("Bearer {token}"), reason)
    }

    pub(super) fn lines(row: u8, name: &str, lines: &[&[u8]], expected: Expected) -> Self {
        let value = |line: &&[u8]| HeaderValue::from_bytes(line).expect("HTTP can carry it");
        Self {
            row,
            name: name.to_owned(),
            expected,
            authorization: lines.iter().map(value).collect(),
            proofs: Vec::new(),
            by_dpop: false,
            others: Vec::new(),
            path: None,
        }
    }

    /// The same for another path.
    pub(super) fn at(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// The same with one more line of a header.
    pub(super) fn header(mut self, (name, value): (HeaderName, HeaderValue)) -> Self {
        self.others.push((name, value));
        self
    }

    /// The same with one more proof.
    pub(super) fn proof(mut self, proof: &str) -> Self {
        let proof = HeaderValue::from_str(proof).expect("a proof is visible ASCII");
        self.proofs.push(proof);
        self
    }

    /// The same, sent by the scheme `DPoP`.
    pub(super) fn by_dpop(mut self) -> Self {
        self.by_dpop = true;
        self
    }

    /// An earlier check may refuse it too.
    pub(super) fn or(mut self, other: Reason) -> Self {
        if let Expected::Refused(reason, _) = self.expected {
            self.expected = Expected::Refused(reason, Some(other));
        }
        self
    }

    /// The same, expected to pass.
    pub(super) fn passing(mut self) -> Self {
        self.expected = Expected::Passed;
        self
    }

    pub(super) fn request(&self, route: &Route) -> Request<Body> {
        let path = self.path.as_ref().unwrap_or(&route.path);
        let mut request = Request::new(text(Bytes::new()));
        *request.method_mut() = route.method.clone();
        *request.uri_mut() = path.parse().expect("the path of a route is one");
        for line in &self.authorization {
            request.headers_mut().append(AUTHORIZATION, line.clone());
        }
        for (name, value) in &self.others {
            request.headers_mut().append(name, value.clone());
        }
        for proof in &self.proofs {
            request.headers_mut().append("dpop", proof.clone());
        }
        request
    }
}

impl Got {
    pub(super) fn new(head: &Parts, body: &Bytes) -> Self {
        let lines = head.headers.get_all(WWW_AUTHENTICATE).iter();
        let challenges: Vec<String> = lines
            .map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned())
            .collect();
        let problem: Value = serde_json::from_slice(body).unwrap_or_default();
        let member = |name: &str| problem[name].as_str().map(str::to_owned);
        Self {
            status: head.status.as_u16(),
            error: challenges.iter().find_map(|line| find_error(line)),
            challenges,
            reason: member("reason"),
            words: words(&problem),
            nonce: text_of(head, &HeaderName::from_static("dpop-nonce")),
            retries: head.headers.contains_key(RETRY_AFTER),
            public: member("type").and_then(|kind| {
                kind.strip_prefix("urn:portcullis:problem:")
                    .map(str::to_owned)
            }),
        }
    }
}

fn text_of(head: &Parts, name: &HeaderName) -> Option<String> {
    let value = head.headers.get(name)?;
    value.to_str().ok().map(str::to_owned)
}

/// What the styles of others say; not the names that a verifier, and no kit, knows to expect.
fn words(body: &Value) -> Vec<String> {
    let own = ["name", "code", "message", "error"].map(|name| body[name].as_str());
    let own = own.into_iter().flatten();
    own.map(|text| text.split("expected: ").next().unwrap_or_default())
        .map(str::to_owned)
        .collect()
}

/// The parameter `error` of a challenge.
fn find_error(challenge: &str) -> Option<String> {
    let (_, rest) = challenge.split_once("error=\"")?;
    rest.split_once('"').map(|(error, _)| error.to_owned())
}

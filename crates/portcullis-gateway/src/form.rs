//! The bodies that are read before it is known who calls: forms that may hold the token, and what
//! is signed.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use portcullis_config::TokenForwarding;
use portcullis_token::may_carry_form;
use portcullis_token::sigv4::sha256;

use crate::body::{BodyError, RequestBody};
use crate::plan::{Api, Plan};
use crate::refuse::Refusal;
use crate::signed;

/// How much of anybody's form is kept in memory.
const MOST_BYTES: u64 = 64 * 1024;

/// A request's body, of which nothing is read unless it may hold the token.
#[derive(Debug)]
pub(crate) enum Received {
    Unread(Incoming),
    Form(Bytes),
    /// All of a body that is signed, and its SHA-256.
    Signed(Bytes, [u8; 32]),
}

impl Received {
    /// Reads the form of a request whose route takes tokens from forms (RFC 6750 section 2.2).
    ///
    /// A longer one than 64 KiB is refused: it could hold a token that nobody has looked at.
    pub(crate) async fn of(plan: &Plan, head: &Parts, body: Incoming) -> Result<Self, Refusal> {
        if !is_wanted(plan, head) {
            return Self::of_signed(plan, head, body).await;
        }
        let most = plan.limits.body.min(MOST_BYTES);
        let body = RequestBody::limited(body, most).map_err(refusal)?;
        let read = body.collect().await.map_err(refusal)?;
        Ok(Self::Form(read.to_bytes()))
    }

    /// Reads the body of a request whose signature is worth checking.
    async fn of_signed(plan: &Plan, head: &Parts, body: Incoming) -> Result<Self, Refusal> {
        if !signed::wants_body(plan, head) {
            return Ok(Self::Unread(body));
        }
        let most = plan.limits.body.min(signed::LARGEST_BODY);
        let body = RequestBody::limited(body, most).map_err(refusal)?;
        let bytes = body.collect().await.map_err(refusal)?.to_bytes();
        let hash = sha256(&bytes);
        Ok(Self::Signed(bytes, hash))
    }

    /// The SHA-256 of a body that is signed; absent for others.
    pub(crate) const fn hash(&self) -> Option<[u8; 32]> {
        match self {
            Self::Signed(_, hash) => Some(*hash),
            Self::Unread(_) | Self::Form(_) => None,
        }
    }

    pub(crate) fn form(&self) -> Option<&[u8]> {
        match self {
            Self::Unread(_) | Self::Signed(..) => None,
            Self::Form(form) => Some(form),
        }
    }

    /// The body for the target of this API: as it was received, but for a token that goes no
    /// further.
    pub(crate) fn for_target(
        self,
        api: &Api,
        limit: u64,
        headers: &mut HeaderMap,
    ) -> Result<RequestBody, Refusal> {
        let form = match self {
            Self::Unread(body) => return RequestBody::limited(body, limit).map_err(refusal),
            Self::Signed(bytes, _) => return Ok(RequestBody::whole(bytes)),
            Self::Form(form) => form,
        };
        let stripped = match api.token {
            TokenForwarding::Keep => None,
            TokenForwarding::Strip => api.stripped.without_fields(&form),
        };
        let Some(rest) = stripped else {
            return Ok(RequestBody::whole(form));
        };
        if headers.contains_key(CONTENT_LENGTH) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(rest.len()));
        }
        Ok(RequestBody::whole(rest.into()))
    }
}

/// What else is wrong with the request is told where all other requests are looked at.
fn is_wanted(plan: &Plan, head: &Parts) -> bool {
    let types = head.headers.get_all(CONTENT_TYPE).iter();
    let method = head.method.as_str();
    may_carry_form(method, types.map(HeaderValue::as_bytes))
        && plan
            .route(method, &head.headers, head.uri.path(), &mut ())
            .is_ok_and(|matched| matched.route.places.has_form())
}

#[expect(clippy::needless_pass_by_value, reason = "it ends here")]
fn refusal(error: BodyError) -> Refusal {
    match error {
        BodyError::TooLarge => Refusal::BodyTooLarge,
        BodyError::Idle => Refusal::BodyTimeout,
        BodyError::Broken(_) | BodyError::Function(_) => Refusal::Body,
    }
}

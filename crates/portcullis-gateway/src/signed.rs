//! Requests that are signed: by whom, over what, and what their role may do.

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use portcullis::caller_address;
use portcullis_token::sigv4::{
    Leniency, Mismatch, Principal, Request, Signature, SignatureRefusal, Trusted, sha256,
};
use portcullis_token::{Access, RoleDecision, Step, Trace, UnixTime};

use crate::authz::{self, Permit};
use crate::plan::{Matched, Plan, Route};
use crate::refuse::Refusal;
use crate::request::Asked;

/// The largest body that a signature may be over, since it must be there before it is checked.
pub(crate) const LARGEST_BODY: u64 = 10 * 1024 * 1024;
const SERVICE: &str = "execute-api";
const ACTION: &str = "execute-api:Invoke";
const STAGE: &str = "$default";

/// Who knows the credentials that requests are signed with.
pub trait Signers: fmt::Debug + Send + Sync {
    /// The key and the owner of the credentials that `signature` names.
    ///
    /// # Errors
    /// [`SignatureRefusal::TokenInvalid`] and [`SignatureRefusal::TokenExpired`].
    fn trust(&self, signature: &Signature, now: UnixTime) -> Result<Trusted, SignatureRefusal>;
}

/// An authorizer of signed requests.
#[derive(Clone, Debug)]
pub struct SignedBy {
    /// The region that signatures must name.
    pub region: String,
    /// The account in ARNs.
    pub account: String,
    /// By which rules signatures may be made.
    pub leniency: Leniency,
    /// Who knows the credentials.
    pub signers: Arc<dyn Signers>,
}

/// Why a signed request is not served. Always 403, in AWS's words.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SignedRefusal {
    /// The signature, or the credentials that it was made with.
    Signature {
        /// What is wrong with it.
        refusal: SignatureRefusal,
        /// What should have been signed; absent where callers are told no reasons.
        shown: Option<Mismatch>,
    },
    /// The role does not allow it.
    Denied {
        /// The ARN of the caller.
        user: String,
        /// The ARN of the route.
        resource: String,
        /// Whether a statement of the role denies it.
        explicit: bool,
    },
}

impl SignedRefusal {
    /// The exact reason as logs and `explain` name it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Signature { refusal, .. } => refusal.code(),
            Self::Denied { .. } => "role_denied",
        }
    }

    /// AWS's name of the error.
    pub const fn error_type(&self) -> &'static str {
        match self {
            Self::Signature { refusal, .. } => refusal.error_type(),
            Self::Denied { .. } => "AccessDeniedException",
        }
    }

    /// AWS's message; what was not signed at all is just forbidden.
    pub fn message(&self) -> String {
        match self {
            Self::Signature {
                refusal: SignatureRefusal::Missing,
                ..
            } => "Forbidden".to_owned(),
            Self::Signature {
                refusal,
                shown: Some(shown),
            } => format!(
                "{refusal}\n\nThe Canonical String for this request should have been\n'{}'\n\n\
                 The String-to-Sign should have been\n'{}'\n",
                shown.canonical_request(),
                shown.string_to_sign(),
            ),
            Self::Signature { refusal, .. } => refusal.to_string(),
            Self::Denied {
                user,
                resource,
                explicit,
            } => {
                let end = if *explicit {
                    " with an explicit deny"
                } else {
                    ""
                };
                format!(
                    "User: {user} is not authorized to perform: {ACTION} on resource: {resource}{end}"
                )
            }
        }
    }

    /// What to do about it, in one sentence.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Signature {
                refusal: SignatureRefusal::Missing,
                ..
            } => "sign the request with credentials of the identity pool, for `execute-api`",
            Self::Signature {
                refusal: SignatureRefusal::TokenInvalid | SignatureRefusal::TokenExpired,
                ..
            } => "get credentials from the route's own pool, and send their session token",
            Self::Signature { .. } => {
                "compare what you have signed with the canonical request that `dev` shows"
            }
            Self::Denied { .. } => "add the API to `allow` of the identity pool, or to the role",
        }
    }
}

fn by_signature(refusal: SignatureRefusal) -> Refusal {
    Refusal::Signed(Box::new(SignedRefusal::Signature {
        refusal,
        shown: None,
    }))
}

/// Whether the body is to be read for its signature.
///
/// Others' bodies are left alone: nobody has this memory without good credentials.
pub(crate) fn wants_body(plan: &Plan, head: &Parts) -> bool {
    plan.has_signed()
        && is_good_so_far(
            plan,
            &Asked {
                method: head.method.as_str(),
                path: head.uri.path(),
                query: head.uri.query(),
                form: None,
                headers: &head.headers,
                certificate: None,
                peer: Ipv4Addr::UNSPECIFIED.into(),
                body_hash: None,
            },
        )
}

fn is_good_so_far(plan: &Plan, asked: &Asked<'_>) -> bool {
    let Ok(matched) = plan.route(asked.method, asked.headers, asked.path, &mut ()) else {
        return false;
    };
    if !is_asked(matched.route, asked) {
        return false;
    }
    let Some(signed) = plan.signed(matched.route) else {
        return false;
    };
    let headers = pairs(asked.headers);
    let request = request(asked, &headers);
    let parsed = Signature::parse(&request);
    parsed.is_ok_and(|signature| trust(plan, signed, &signature, &mut ()).is_ok())
}

/// Whether the route takes signatures, and the request has one or nothing else would do.
pub(crate) fn is_asked(route: &Route, asked: &Asked<'_>) -> bool {
    let auth = &route.auth;
    let nothing_else = auth.alternatives.is_empty() && !auth.anonymous;
    auth.signed.is_some() && (nothing_else || has_signature(asked))
}

fn has_signature(asked: &Asked<'_>) -> bool {
    let mut lines = asked.headers.get_all(AUTHORIZATION).iter();
    let in_query = || {
        let query = asked.query.unwrap_or_default();
        query.contains("X-Amz-Signature") || query.contains("X-Amz-Algorithm")
    };
    lines.any(|line| line.as_bytes().starts_with(b"AWS4-")) || in_query()
}

/// Decides about a request at a route that takes signatures.
pub(crate) fn permit<'p>(
    plan: &'p Plan,
    matched: Matched<'p>,
    asked: &Asked<'_>,
    trace: &mut impl Trace,
) -> Result<Permit<'p>, Refusal> {
    let signed = plan.signed(matched.route);
    let signed = signed.ok_or_else(|| by_signature(SignatureRefusal::Missing))?;
    let principal = verify(plan, signed, asked, trace)?;
    check_role(plan, signed, &matched, asked, &principal, trace)?;
    // There is one signature: where it is not in the header, it is in the query.
    let by_query = !asked.headers.contains_key(AUTHORIZATION);
    Ok(authz::permit_signed(matched, principal, by_query))
}

fn verify(
    plan: &Plan,
    signed: &SignedBy,
    asked: &Asked<'_>,
    trace: &mut impl Trace,
) -> Result<Principal, Refusal> {
    let headers = pairs(asked.headers);
    let request = request(asked, &headers);
    let signature = Signature::parse(&request);
    let signature = signature.map_err(|refusal| {
        let expected = || "one signature by AWS's rules, over `host` and each `x-amz-…`".to_owned();
        trace.refused(Step::Credential, expected, || refusal.to_string());
        by_signature(refusal)
    })?;
    trace.passed(Step::Credential, || {
        let algorithm = signature.algorithm().name();
        format!("a signature {algorithm} for {}", signature.scope())
    });
    let trusted = trust(plan, signed, &signature, trace)?;
    // Nobody has read the body of what looked worthless before: it may be any.
    let hash = asked.body_hash.or_else(|| asked.form.map(sha256));
    let hash = hash.ok_or_else(|| by_signature(SignatureRefusal::Mismatch))?;
    let verified = signature.verify(&request, &hash, &trusted.key, signed.leniency);
    if let Err(refusal) = verified {
        let shown = Mismatch::of(&request, &signature, &hash);
        let expected = || format!("a signature of\n{}", shown.string_to_sign());
        trace.refused(Step::Signature, expected, || "another one".to_owned());
        return Err(Refusal::Signed(Box::new(SignedRefusal::Signature {
            refusal,
            shown: plan.tells_reason.then_some(shown),
        })));
    }
    trace.passed(Step::Signature, || "of this request".to_owned());
    Ok(trusted.principal)
}

/// What can be checked without the body.
fn trust(
    plan: &Plan,
    signed: &SignedBy,
    signature: &Signature,
    trace: &mut impl Trace,
) -> Result<Trusted, Refusal> {
    let now = plan.clock.now();
    let mut refuse = |step, expected: &str, refusal: SignatureRefusal| {
        trace.refused(step, || expected.to_owned(), || refusal.to_string());
        by_signature(refusal)
    };
    signature
        .check_scope(&signed.region, SERVICE)
        .map_err(|refusal| refuse(Step::Audience, "this region and service", refusal))?;
    signature
        .check_time(now)
        .map_err(|refusal| refuse(Step::Expiry, "a signature of these minutes", refusal))?;
    signed
        .signers
        .trust(signature, now)
        .map_err(|refusal| refuse(Step::Key, "credentials of the pool", refusal))
}

fn check_role(
    plan: &Plan,
    signed: &SignedBy,
    matched: &Matched<'_>,
    asked: &Asked<'_>,
    principal: &Principal,
    trace: &mut impl Trace,
) -> Result<(), Refusal> {
    let access = Access {
        action: ACTION,
        resource: format!(
            "arn:aws:execute-api:{}:{}:{}/{STAGE}/{}{}",
            signed.region, signed.account, matched.route.api.name, asked.method, matched.path
        ),
        tags: &principal.tags,
        source: caller_address(asked.peer, asked.headers, |address| plan.trusts(address)),
        now: plan.clock.now(),
    };
    let decision = principal.policy.decide(&access);
    if decision == RoleDecision::Allowed {
        trace.passed(Step::Policy, || {
            format!("{} may invoke {}", principal.user_arn, access.resource)
        });
        return Ok(());
    }
    let refusal = SignedRefusal::Denied {
        user: principal.user_arn.clone(),
        resource: access.resource,
        explicit: decision == RoleDecision::Denied,
    };
    let expected = || "a role that allows it, and denies it nowhere".to_owned();
    trace.refused(Step::Policy, expected, || refusal.message());
    Err(Refusal::Signed(Box::new(refusal)))
}

fn pairs(headers: &HeaderMap) -> Vec<(&str, &[u8])> {
    let pairs = headers.iter();
    pairs
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect()
}

const fn request<'r>(asked: &Asked<'r>, headers: &'r [(&'r str, &'r [u8])]) -> Request<'r> {
    Request {
        method: asked.method,
        path: asked.path,
        query: asked.query,
        headers,
    }
}

use std::fmt;

/// Why a request's credential was refused.
///
/// Each reason is one row of the table in this file, so that every adapter gives the same
/// answer to the same token. They are ordered as the checks are: the greatest of several is the
/// one that got furthest.
///
/// ```
/// use portcullis_token::Reason;
///
/// assert_eq!(Reason::Expired.status(), 401);
/// assert_eq!(Reason::Expired.error(), Some("invalid_token"));
/// assert_eq!(Reason::KeyUnknown.code(), "key_unknown");
/// assert_eq!(Reason::KeyUnknown.public_code(), "unverified_token");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// No `Authorization` header, or an empty one.
    Missing,
    /// A scheme other than `Bearer`.
    UnsupportedScheme,
    /// `Bearer` without exactly one token of RFC 6750's characters after it.
    MalformedHeader,
    /// More than one credential (RFC 6750 section 2).
    MultipleCredentials,
    /// The token is longer than [`MAX_TOKEN_BYTES`](crate::MAX_TOKEN_BYTES).
    TooLarge,
    /// Not three non-empty segments between dots.
    NotJwt,
    /// Five segments: an encrypted token (RFC 7516).
    JweUnsupported,
    /// A segment is not strict base64url.
    BadBase64,
    /// The JOSE header is not one JSON object without duplicate members, or is too large or deep.
    BadHeader,
    /// `alg` is missing, unknown, `none`, or not one the issuer may use.
    AlgNotAllowed,
    /// `crit`, `b64`, `zip` or `enc` is present: extensions that are not understood.
    CritUnsupported,
    /// `kid` is not a string of 1 to 256 visible ASCII characters.
    KidInvalid,
    /// `typ` is that of another kind of token (RFC 8725 section 3.11).
    TypNotAllowed,
    /// The claims are not one JSON object without duplicate members, or are too many or too deep.
    BadClaims,
    /// A registered claim has the wrong type.
    ClaimType,
    /// `iss` is missing or is not the expected issuer, byte for byte.
    IssUnknown,
    /// No key of the issuer has this `kid` and algorithm.
    KeyUnknown,
    /// Several keys fit, so none is used.
    KeyAmbiguous,
    /// The issuer's keys cannot be had. Ours or the provider's fault, not the caller's.
    KeysUnavailable,
    /// The signature does not match.
    BadSignature,
    /// A required claim is missing.
    ClaimMissing,
    /// `exp` has passed.
    Expired,
    /// `nbf` has not come.
    NotYetValid,
    /// `iat` lies in the future.
    BadIat,
    /// `iat` is longer ago than the issuer's tokens may be old.
    TooOld,
    /// From `iat` to `exp` is longer than the issuer's tokens may live.
    Lifetime,
    /// `aud` names none of the expected audiences.
    AudMismatch,
    /// An ID token was sent as an access token.
    IdToken,
    /// A claim does not have a value that every token of the issuer must have.
    ClaimMismatch,
    /// The token is bound to a DPoP key (RFC 9449), and no proof of that key came with it.
    DpopRequired,
    /// The DPoP proof is malformed, badly signed, too old, or for another request or token.
    DpopProof,
    /// The DPoP proof lacks a nonce of ours, or has an old one (RFC 9449 section 9).
    DpopNonce,
    /// The DPoP proof was used before (RFC 9449 section 11.1).
    DpopReplay,
    /// The DPoP proof was made with another key than the token's.
    DpopBinding,
    /// The token is bound to a client certificate (RFC 8705) that was not shown.
    MtlsBinding,
    /// The token, its session, its key or its issuer was revoked.
    Revoked,
    /// The issuer says that the token is not active (RFC 7662 section 2.2).
    Inactive,
    /// Nobody can tell whether the token was ended or its proof used: the issuer cannot be asked,
    /// or the store of revocations or of used proofs does not answer. Not the caller's fault.
    ///
    /// The three share one row, since a caller can do the same about each; the log and
    /// portcullis' counters tell them apart.
    IntrospectionUnavailable,
    /// The token is good, but lacks a scope that the route asks for.
    Scope,
    /// The token is good, but a claim does not have a value that the route asks for.
    ClaimForbidden,
    /// The login behind the token is too weak or too old for the route (RFC 9470).
    StepUp,
}

/// One row of the table of refusals.
#[derive(Clone, Copy)]
struct Facts {
    code: &'static str,
    public_code: &'static str,
    status: u16,
    error: Option<&'static str>,
    description: &'static str,
    remedy: &'static str,
}

const MALFORMED: &str = "The access token is malformed";
const UNVERIFIED: &str = "The access token could not be verified";

impl Reason {
    /// Every reason, in the order of checks.
    ///
    /// ```
    /// use portcullis_token::Reason;
    ///
    /// assert_eq!(Reason::ALL[0], Reason::Missing);
    /// assert!(Reason::ALL.is_sorted());
    /// ```
    pub const ALL: [Self; 41] = [
        Self::Missing,
        Self::UnsupportedScheme,
        Self::MalformedHeader,
        Self::MultipleCredentials,
        Self::TooLarge,
        Self::NotJwt,
        Self::JweUnsupported,
        Self::BadBase64,
        Self::BadHeader,
        Self::AlgNotAllowed,
        Self::CritUnsupported,
        Self::KidInvalid,
        Self::TypNotAllowed,
        Self::BadClaims,
        Self::ClaimType,
        Self::IssUnknown,
        Self::KeyUnknown,
        Self::KeyAmbiguous,
        Self::KeysUnavailable,
        Self::BadSignature,
        Self::ClaimMissing,
        Self::Expired,
        Self::NotYetValid,
        Self::BadIat,
        Self::TooOld,
        Self::Lifetime,
        Self::AudMismatch,
        Self::IdToken,
        Self::ClaimMismatch,
        Self::DpopRequired,
        Self::DpopProof,
        Self::DpopNonce,
        Self::DpopReplay,
        Self::DpopBinding,
        Self::MtlsBinding,
        Self::Revoked,
        Self::Inactive,
        Self::IntrospectionUnavailable,
        Self::Scope,
        Self::ClaimForbidden,
        Self::StepUp,
    ];

    /// The exact reason as logs, metrics and `explain` name it.
    ///
    /// ```
    /// use portcullis_token::Reason;
    ///
    /// assert_eq!(Reason::BadSignature.code(), "bad_signature");
    /// ```
    pub const fn code(self) -> &'static str {
        self.facts().code
    }

    /// The reason as a caller is told it.
    ///
    /// Until the signature is checked, reasons share `malformed_token` and `unverified_token`, so
    /// that an unsigned probe cannot learn which issuers or keys are configured.
    ///
    /// ```
    /// use portcullis_token::Reason;
    ///
    /// assert_eq!(Reason::IssUnknown.public_code(), "unverified_token");
    /// assert_eq!(Reason::BadSignature.public_code(), "unverified_token");
    /// assert_eq!(Reason::Expired.public_code(), "expired");
    /// ```
    pub const fn public_code(self) -> &'static str {
        self.facts().public_code
    }

    /// The HTTP status: 400 or 401, 403 when a good token is not enough, 503 when the issuer fails.
    ///
    /// ```
    /// use portcullis_token::Reason;
    ///
    /// assert_eq!(Reason::MultipleCredentials.status(), 400);
    /// assert_eq!(Reason::Missing.status(), 401);
    /// assert_eq!(Reason::Scope.status(), 403);
    /// assert_eq!(Reason::KeysUnavailable.status(), 503);
    /// ```
    pub const fn status(self) -> u16 {
        self.facts().status
    }

    /// RFC 6750's error code; none when the request carried no usable credential, or on 503.
    ///
    /// ```
    /// use portcullis_token::Reason;
    ///
    /// assert_eq!(Reason::Scope.error(), Some("insufficient_scope"));
    /// assert_eq!(Reason::Missing.error(), None);
    /// ```
    pub const fn error(self) -> Option<&'static str> {
        self.facts().error
    }

    /// One sentence for the caller, without anything taken from the token.
    ///
    /// ```
    /// use portcullis_token::Reason;
    ///
    /// assert_eq!(Reason::Expired.description(), "The access token expired");
    /// ```
    pub const fn description(self) -> &'static str {
        self.facts().description
    }

    /// What the person who holds the token, or runs the API, can do about it.
    ///
    /// ```
    /// use portcullis_token::Reason;
    ///
    /// assert_eq!(Reason::Revoked.remedy(), "log in again");
    /// ```
    pub const fn remedy(self) -> &'static str {
        self.facts().remedy
    }

    #[rustfmt::skip]
    const fn facts(self) -> Facts {
        match self {
            Self::Missing => no_credential("missing", "No access token was sent",
                "send `Authorization: Bearer TOKEN`"),
            Self::UnsupportedScheme => no_credential("unsupported_scheme", "Only the Bearer scheme is supported",
                "send `Authorization: Bearer TOKEN` instead of another scheme"),
            Self::MalformedHeader => bad_request("malformed_header", "The Authorization header is malformed",
                "send exactly `Bearer`, one space and one token"),
            Self::MultipleCredentials => bad_request("multiple_credentials", "More than one credential was sent",
                "send one `Authorization` header"),
            Self::TooLarge => malformed("too_large", "ask the issuer for a token with fewer claims: the limit is 16 KiB"),
            Self::NotJwt => malformed("not_jwt",
                "send a JWT; Auth0 gives an opaque token when none of your APIs was named, so ask for an `audience`"),
            Self::JweUnsupported => malformed("jwe_unsupported",
                "switch off access token encryption for this API, or ask for an `audience`"),
            Self::BadBase64 => malformed("bad_base64", "copy the whole token again, without line breaks or quotes"),
            Self::BadHeader => malformed("bad_header", "copy the whole token again: its first part cannot be read"),
            Self::AlgNotAllowed => malformed("alg_not_allowed",
                "sign with one of the authorizer's `algorithms`; at Auth0 set the API's signing algorithm to RS256"),
            Self::CritUnsupported => malformed("crit_unsupported", "ask the issuer for a plain signed token"),
            Self::KidInvalid => malformed("kid_invalid", "ask the issuer for a token whose `kid` is a short string"),
            Self::TypNotAllowed => malformed("typ_not_allowed", "send the access token, not another kind of token"),
            Self::BadClaims => malformed("bad_claims", "copy the whole token again: its second part cannot be read"),
            Self::ClaimType => malformed("claim_type", "have the issuer send the claim with the type of RFC 7519"),
            Self::IssUnknown => unverified("iss_unknown",
                "take the token from the authorizer's issuer, or correct `issuer` to the token's `iss`"),
            Self::KeyUnknown => unverified("key_unknown",
                "get a token signed with one of the issuer's current keys"),
            Self::KeyAmbiguous => unverified("key_ambiguous", "have the issuer give each of its keys its own `kid`"),
            Self::KeysUnavailable => unavailable("keys_unavailable", "The issuer's keys cannot be reached at the moment"),
            Self::BadSignature => unverified("bad_signature",
                "get the token again: it was changed, or signed with a key that is not the issuer's"),
            Self::ClaimMissing => invalid("claim_missing", "The access token lacks a required claim",
                "have the issuer add the missing claim"),
            Self::Expired => invalid("expired", "The access token expired", "get a token again: this one has expired"),
            Self::NotYetValid => invalid("not_yet_valid", "The access token is not valid yet",
                "wait until `nbf`, or correct the clock of this machine or of the issuer"),
            Self::BadIat => invalid("bad_iat", "The access token was issued in the future",
                "correct the clock of this machine or of the issuer"),
            Self::TooOld => invalid("too_old", "The access token was issued too long ago",
                "get a token again: the authorizer's `max_age` has passed since this one was issued"),
            Self::Lifetime => invalid("lifetime", "The access token is valid for too long",
                "have the issuer shorten the lifetime of its tokens, or raise the authorizer's `max_lifetime`"),
            Self::AudMismatch => invalid("aud_mismatch", "The access token is meant for another API",
                "ask for a token with the authorizer's `audience`"),
            Self::IdToken => invalid("id_token", "An ID token is not an access token",
                "send the access token of the login, not its ID token"),
            Self::ClaimMismatch => invalid("claim_mismatch", "A claim of the access token has a wrong value",
                "take the token from the tenant, organization or application that the authorizer names"),
            Self::DpopRequired => invalid("dpop_required", "The access token is bound to a DPoP key",
                "send `Authorization: DPoP TOKEN` with a fresh proof in the `DPoP` header"),
            Self::DpopProof => dpop("dpop_proof", "invalid_dpop_proof", "The DPoP proof is not valid",
                "make a proof for exactly this method, address and token, with the clock set right"),
            Self::DpopNonce => dpop("dpop_nonce", "use_dpop_nonce", "The DPoP proof needs a nonce",
                "make the proof again with the nonce of the `DPoP-Nonce` header"),
            Self::DpopReplay => dpop("dpop_replay", "invalid_dpop_proof", "The DPoP proof was used before",
                "make a proof for each request, with a `jti` of its own"),
            Self::DpopBinding => invalid("dpop_binding", "The DPoP proof was made with another key",
                "make the proof with the key that the token was asked for with"),
            Self::MtlsBinding => invalid("mtls_binding", "The access token is bound to a client certificate",
                "connect with the certificate that the token was asked for with"),
            Self::Revoked => invalid("revoked", "The access token was revoked", "log in again"),
            Self::Inactive => invalid("inactive", "The access token is not active", "get a token again: the issuer has ended this one"),
            Self::IntrospectionUnavailable => Facts {
                remedy: "check that the issuer, and the stores of revocations and used proofs, can be reached from here, then try again",
                ..unavailable("introspection_unavailable", "The state of the access token cannot be told at the moment") },
            Self::Scope => Facts { code: "scope", public_code: "insufficient_scope", status: 403,
                error: Some("insufficient_scope"), description: "The access token lacks a required scope",
                remedy: "ask for a token with the missing scope, or grant it to the application or user" },
            Self::ClaimForbidden => Facts { code: "claim_forbidden", public_code: "insufficient_scope", status: 403,
                error: Some("insufficient_scope"), description: "The access token does not allow this",
                remedy: "call as a user whose claims the route accepts" },
            Self::StepUp => Facts { error: Some("insufficient_user_authentication"),
                ..invalid("step_up", "A stronger or more recent login is needed",
                    "log in again with the `acr_values` or `max_age` of the challenge") },
        }
    }
}

/// RFC 6750 section 3.1: without any authentication information, no error code.
const fn no_credential(
    code: &'static str,
    description: &'static str,
    remedy: &'static str,
) -> Facts {
    Facts {
        code,
        public_code: code,
        status: 401,
        error: None,
        description,
        remedy,
    }
}

const fn bad_request(code: &'static str, description: &'static str, remedy: &'static str) -> Facts {
    let error = Some("invalid_request");
    Facts {
        code,
        public_code: code,
        status: 400,
        error,
        description,
        remedy,
    }
}

/// RFC 9449 section 7.1: these errors go on a `DPoP` challenge.
const fn dpop(
    code: &'static str,
    error: &'static str,
    description: &'static str,
    remedy: &'static str,
) -> Facts {
    Facts {
        error: Some(error),
        ..invalid(code, description, remedy)
    }
}

/// Nothing is wrong with the request: it may be sent again.
const fn unavailable(code: &'static str, description: &'static str) -> Facts {
    let remedy = "check that the issuer can be reached from here, then try again";
    Facts {
        code,
        public_code: code,
        status: 503,
        error: None,
        description,
        remedy,
    }
}

const fn malformed(code: &'static str, remedy: &'static str) -> Facts {
    let public_code = "malformed_token";
    Facts {
        public_code,
        ..invalid(code, MALFORMED, remedy)
    }
}

const fn unverified(code: &'static str, remedy: &'static str) -> Facts {
    let public_code = "unverified_token";
    Facts {
        public_code,
        ..invalid(code, UNVERIFIED, remedy)
    }
}

const fn invalid(code: &'static str, description: &'static str, remedy: &'static str) -> Facts {
    let error = Some("invalid_token");
    Facts {
        code,
        public_code: code,
        status: 401,
        error,
        description,
        remedy,
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl std::error::Error for Reason {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_fits_in_a_quoted_string_of_a_challenge() {
        for reason in Reason::ALL {
            let fits = |c: char| (c == ' ' || c.is_ascii_graphic()) && c != '"' && c != '\\';
            assert!(reason.description().chars().all(fits), "{reason}");
        }
    }

    #[test]
    fn before_the_signature_is_checked_no_answer_tells_which_check_failed() {
        for reason in Reason::ALL {
            let expected = match reason.public_code() {
                "malformed_token" => MALFORMED,
                "unverified_token" => UNVERIFIED,
                _ => continue,
            };
            assert_eq!(reason.description(), expected, "{reason}");
            assert_eq!(reason.status(), 401, "{reason}");
        }
    }

    #[test]
    fn only_what_the_caller_may_not_is_403_and_only_an_issuer_s_outage_503() {
        for reason in Reason::ALL {
            let expected = match reason {
                Reason::Scope | Reason::ClaimForbidden => 403,
                Reason::KeysUnavailable | Reason::IntrospectionUnavailable => 503,
                Reason::MalformedHeader | Reason::MultipleCredentials => 400,
                _ => 401,
            };
            assert_eq!(reason.status(), expected, "{reason}");
        }
    }

    #[test]
    fn each_code_is_used_once() {
        let codes: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|r| r.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
    }
}

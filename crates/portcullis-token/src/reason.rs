use std::fmt;

/// Why a request's credential was refused.
///
/// Each reason is one row of the table in [`Reason::facts`], so that every adapter gives the same
/// answer to the same token. They are ordered as the checks are: the greatest of several is the
/// one that got furthest.
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
    /// `aud` names none of the expected audiences.
    AudMismatch,
    /// An ID token was sent as an access token.
    IdToken,
    /// The token is bound to a DPoP key (RFC 9449), so it is worth nothing as a bearer token.
    DpopRequired,
    /// The token is bound to a client certificate (RFC 8705) that was not shown.
    MtlsBinding,
    /// The token is good, but lacks a scope that the route asks for.
    Scope,
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
    pub const ALL: [Self; 29] = [
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
        Self::AudMismatch,
        Self::IdToken,
        Self::DpopRequired,
        Self::MtlsBinding,
        Self::Scope,
    ];

    /// The exact reason as logs, metrics and `explain` name it.
    pub const fn code(self) -> &'static str {
        self.facts().code
    }

    /// The reason as a caller is told it.
    ///
    /// Until the signature is checked, reasons share `malformed_token` and `unverified_token`, so
    /// that an unsigned probe cannot learn which issuers or keys are configured.
    pub const fn public_code(self) -> &'static str {
        self.facts().public_code
    }

    /// The HTTP status: 400 or 401, 403 for [`Reason::Scope`], 503 when keys cannot be had.
    pub const fn status(self) -> u16 {
        self.facts().status
    }

    /// RFC 6750's error code; none when the request carried no usable credential, or on 503.
    pub const fn error(self) -> Option<&'static str> {
        self.facts().error
    }

    /// One sentence for the caller, without anything taken from the token.
    pub const fn description(self) -> &'static str {
        self.facts().description
    }

    /// What the person who holds the token, or runs the API, can do about it.
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
            Self::KeysUnavailable => Facts { code: "keys_unavailable", public_code: "keys_unavailable", status: 503,
                error: None, description: "The issuer's keys cannot be reached at the moment",
                remedy: "check that the issuer can be reached from here, then try again" },
            Self::BadSignature => unverified("bad_signature",
                "get the token again: it was changed, or signed with a key that is not the issuer's"),
            Self::ClaimMissing => invalid("claim_missing", "The access token lacks a required claim",
                "have the issuer add the missing claim"),
            Self::Expired => invalid("expired", "The access token expired", "get a token again: this one has expired"),
            Self::NotYetValid => invalid("not_yet_valid", "The access token is not valid yet",
                "wait until `nbf`, or correct the clock of this machine or of the issuer"),
            Self::BadIat => invalid("bad_iat", "The access token was issued in the future",
                "correct the clock of this machine or of the issuer"),
            Self::AudMismatch => invalid("aud_mismatch", "The access token is meant for another API",
                "ask for a token with the authorizer's `audience`"),
            Self::IdToken => invalid("id_token", "An ID token is not an access token",
                "send the access token of the login, not its ID token"),
            Self::DpopRequired => invalid("dpop_required", "The access token is bound to a DPoP key",
                "ask for a token without DPoP"),
            Self::MtlsBinding => invalid("mtls_binding", "The access token is bound to a client certificate",
                "ask for a token that is not bound to a certificate"),
            Self::Scope => Facts { code: "scope", public_code: "insufficient_scope", status: 403,
                error: Some("insufficient_scope"), description: "The access token lacks a required scope",
                remedy: "ask for a token with the missing scope, or grant it to the application or user" },
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
    fn only_a_missing_scope_is_403_and_only_missing_keys_are_503() {
        for reason in Reason::ALL {
            let expected = match reason {
                Reason::Scope => 403,
                Reason::KeysUnavailable => 503,
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

use super::amz_date;
use crate::UnixTime;

/// Why a signed request was refused; printed in AWS's own words.
///
/// ```
/// use portcullis_token::sigv4::SignatureRefusal;
///
/// assert_eq!(SignatureRefusal::Missing.to_string(), "Missing Authentication Token");
/// assert_eq!(SignatureRefusal::Mismatch.code(), "signature_mismatch");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureRefusal {
    /// Neither a signature in `Authorization` nor one in the query.
    #[error("Missing Authentication Token")]
    Missing,
    /// Signatures in more than one place.
    #[error(
        "Only one auth mechanism allowed; only one of the X-Amz-Algorithm query parameter or the Authorization header should be specified"
    )]
    Twice,
    /// An algorithm that does not exist.
    #[error("Unsupported AWS 'algorithm'. Expected AWS4-HMAC-SHA256 or AWS4-ECDSA-P256-SHA256.")]
    Algorithm,
    /// A part of the signature is missing: `Credential`, `SignedHeaders`, `Signature` and others.
    #[error("Authorization requires '{0}' parameter.")]
    Incomplete(&'static str),
    /// A part that is there twice, or cannot be read.
    #[error("Authorization has an invalid '{0}' parameter.")]
    Malformed(&'static str),
    /// `Credential` is not `key/date/region/service/aws4_request`.
    #[error(
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term"
    )]
    Credential,
    /// Neither `X-Amz-Date` nor `Date`.
    #[error("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")]
    NoDate,
    /// The date is not of the form `20150830T123600Z`.
    #[error("Date must be in ISO-8601 'basic format'.")]
    Date,
    /// The day of the scope is not that of the date.
    #[error(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP"
    )]
    ScopeDate,
    /// `host` is not among the signed headers.
    #[error("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")]
    HostUnsigned,
    /// A header `x-amz-…` is not among them, the session token for example.
    #[error("'{0}' must be a 'SignedHeader' in the AWS Authorization.")]
    HeaderUnsigned(String),
    /// A signed header is not there.
    #[error("The signed header '{0}' is not in the request.")]
    HeaderMissing(String),
    /// A segment of the path is empty, `.` or `..`: signatures for several paths are the same.
    #[error("The path of a signed request must have no empty and no dot segment.")]
    Path,
    /// `UNSIGNED-PAYLOAD`, or a body signed in chunks.
    #[error("The body of the request must be signed: x-amz-content-sha256 must be its SHA-256.")]
    UnsignedBody,
    /// Signed for another region.
    #[error("Credential should be scoped to a valid region, not '{0}'.")]
    Region(String),
    /// Signed for another service.
    #[error("Credential should be scoped to correct service: '{0}'.")]
    Service(String),
    /// Signed too long ago.
    #[error("Signature expired: {} is now earlier than {} ({} - {window})", amz_date::format(*.signed), amz_date::format(*.earliest), amz_date::format(*.now))]
    Expired {
        /// When it was signed.
        signed: UnixTime,
        /// The earliest that is accepted.
        earliest: UnixTime,
        /// The time.
        now: UnixTime,
        /// From the one to the other, in words: `5 min.`
        window: String,
    },
    /// Signed in the future.
    #[error("Signature not yet current: {} is still later than {} ({} + 5 min.)", amz_date::format(*.signed), amz_date::format(*.latest), amz_date::format(*.now))]
    NotYetCurrent {
        /// When it was signed.
        signed: UnixTime,
        /// The latest that is accepted.
        latest: UnixTime,
        /// The time.
        now: UnixTime,
    },
    /// `X-Amz-Expires` is not a number from 1 to 604 800.
    #[error("X-Amz-Expires must be a number of seconds, at least 1 and at most 604800")]
    Expires,
    /// The signature is another one.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
    )]
    Mismatch,
    /// The access key or the session token is none of ours, or the two do not belong together.
    #[error("The security token included in the request is invalid.")]
    TokenInvalid,
    /// The session token was good once.
    #[error("The security token included in the request is expired")]
    TokenExpired,
}

impl SignatureRefusal {
    /// The reason in one lower-case word or several, for logs and `explain`.
    ///
    /// ```
    /// use portcullis_token::sigv4::SignatureRefusal;
    ///
    /// assert_eq!(SignatureRefusal::Path.code(), "signature_path");
    /// ```
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing => "signature_missing",
            Self::Twice => "signature_twice",
            Self::Algorithm => "signature_algorithm",
            Self::Incomplete(_) => "signature_incomplete",
            Self::Malformed(_) | Self::Credential => "signature_malformed",
            Self::NoDate | Self::Date | Self::ScopeDate | Self::Expires => "signature_date",
            Self::HostUnsigned | Self::HeaderUnsigned(_) => "header_unsigned",
            Self::HeaderMissing(_) => "signed_header_missing",
            Self::Path => "signature_path",
            Self::UnsignedBody => "body_unsigned",
            Self::Region(_) => "signature_region",
            Self::Service(_) => "signature_service",
            Self::Expired { .. } => "signature_expired",
            Self::NotYetCurrent { .. } => "signature_not_yet_current",
            Self::Mismatch => "signature_mismatch",
            Self::TokenInvalid => "session_token_invalid",
            Self::TokenExpired => "session_token_expired",
        }
    }

    /// AWS's name of the error, as in the header `x-amzn-errortype`.
    ///
    /// The names at which clients set their clock and try again are kept to errors of time and of
    /// the signature itself.
    ///
    /// ```
    /// use portcullis_token::sigv4::SignatureRefusal;
    ///
    /// assert_eq!(SignatureRefusal::Mismatch.error_type(), "InvalidSignatureException");
    /// assert_eq!(SignatureRefusal::TokenInvalid.error_type(), "AccessDeniedException");
    /// ```
    pub const fn error_type(&self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationTokenException",
            Self::TokenInvalid => "AccessDeniedException",
            Self::TokenExpired => "ExpiredTokenException",
            Self::Twice
            | Self::Algorithm
            | Self::Incomplete(_)
            | Self::Malformed(_)
            | Self::Credential
            | Self::NoDate
            | Self::Date
            | Self::Expires => "IncompleteSignatureException",
            _ => "InvalidSignatureException",
        }
    }
}

//! The look of express-jwt, and of express-jwt-authz for missing scopes.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use portcullis_token::Reason;
use serde_json::json;

use super::challenge::Parameters;
use super::{Answers, Rejection};

const FORMAT: &str = "Format is Authorization: Bearer [token]";

pub(super) fn restyle(rejection: &Rejection, response: Response<Bytes>) -> Response<Bytes> {
    match rejection.status() {
        StatusCode::FORBIDDEN => forbidden(rejection, response),
        StatusCode::SERVICE_UNAVAILABLE => {
            unauthorized(rejection, response, StatusCode::SERVICE_UNAVAILABLE)
        }
        _ => unauthorized(rejection, response, StatusCode::UNAUTHORIZED),
    }
}

/// express-jwt-authz: a plain text, and the same text as the error of the challenge.
fn forbidden(rejection: &Rejection, mut response: Response<Bytes>) -> Response<Bytes> {
    let message = rejection.answers.find_message(rejection);
    let message = message.unwrap_or("Insufficient scope").to_owned();
    let mut challenge = Parameters::of("Bearer");
    challenge.add("scope", &rejection.needs.scopes.join(" "));
    challenge.add("error", "Insufficient scope");
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(WWW_AUTHENTICATE, challenge.into_value());
    *response.body_mut() = Bytes::from(message);
    response
}

fn unauthorized(
    rejection: &Rejection,
    mut response: Response<Bytes>,
    status: StatusCode,
) -> Response<Bytes> {
    let (code, own) = facts(rejection.reason, &rejection.answers);
    let message = rejection.answers.find_message(rejection).unwrap_or(&own);
    let body = json!({
        "name": "UnauthorizedError",
        "code": code,
        "message": message,
        "status": status.as_u16(),
    });
    *response.status_mut() = status;
    *response.body_mut() = Bytes::from(body.to_string());
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    response
}

fn facts(reason: Reason, answers: &Answers) -> (&'static str, String) {
    let (code, message) = match reason {
        Reason::Missing => ("credentials_required", "No authorization token was found"),
        Reason::UnsupportedScheme => ("credentials_bad_scheme", FORMAT),
        Reason::MalformedHeader | Reason::MultipleCredentials => ("credentials_bad_format", FORMAT),
        Reason::Revoked | Reason::Inactive => ("revoked_token", "The token has been revoked."),
        Reason::AudMismatch => {
            let expected = answers.audiences.join(" or ");
            return (
                "invalid_token",
                format!("jwt audience invalid. expected: {expected}"),
            );
        }
        Reason::IssUnknown => {
            let expected = answers.issuers.join(",");
            return (
                "invalid_token",
                format!("jwt issuer invalid. expected: {expected}"),
            );
        }
        other => ("invalid_token", message(other)),
    };
    (code, message.to_owned())
}

fn message(reason: Reason) -> &'static str {
    match reason {
        Reason::TooLarge | Reason::NotJwt | Reason::JweUnsupported => "jwt malformed",
        Reason::BadBase64
        | Reason::BadHeader
        | Reason::BadClaims
        | Reason::ClaimType
        | Reason::CritUnsupported
        | Reason::KidInvalid
        | Reason::TypNotAllowed => "invalid token",
        Reason::AlgNotAllowed => "invalid algorithm",
        Reason::BadSignature | Reason::KeyUnknown | Reason::KeyAmbiguous => "invalid signature",
        Reason::Expired => "jwt expired",
        Reason::NotYetValid => "jwt not active",
        Reason::TooOld => "maxAge exceeded",
        other => other.description(),
    }
}

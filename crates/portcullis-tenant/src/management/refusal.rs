use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use portcullis_store::tenant::DatabaseError;
use portcullis_token::{NoRandomness, Reason};
use serde_json::json;

use super::operation::MAX_BYTES;

/// What there is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Object {
    Client,
    ClientGrant,
    Connection,
    Credential,
    Grant,
    Log,
    RefreshToken,
    ResourceServer,
    Role,
    Session,
    SigningKey,
    User,
}

impl Object {
    /// Auth0's `errorCode` and words.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Client => ("inexistent_client", "The client does not exist"),
            Self::ClientGrant => (
                "inexistent_client_grant",
                "The client grant does not exist.",
            ),
            Self::Connection => ("inexistent_connection", "The connection does not exist"),
            Self::Credential => ("inexistent_credential", "The credential does not exist."),
            Self::Grant => ("inexistent_grant", "The grant does not exist."),
            Self::Log => ("inexistent_log", "The log event does not exist."),
            Self::RefreshToken => (
                "inexistent_refresh_token",
                "The refresh token does not exist.",
            ),
            Self::ResourceServer => (
                "inexistent_resource_server",
                "The resource server does not exist",
            ),
            Self::Role => ("inexistent_role", "The role does not exist."),
            Self::Session => ("inexistent_session", "The session does not exist."),
            Self::SigningKey => ("inexistent_signing_key", "The signing key does not exist."),
            Self::User => ("inexistent_user", "The user does not exist."),
        }
    }
}

/// Why a request is not served: the one table of its statuses, codes and texts.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// There is no token, or not a good one.
    #[error("{}", token_message(*.0))]
    Token(Reason),
    /// The token has none of the scopes that are enough, which are listed.
    #[error("Insufficient scope, expected any of: {0}")]
    Scope(String),
    /// There is no such thing: 404.
    #[error("{}", .0.words().1)]
    Absent(Object),
    /// The body names something that there is not: 400.
    #[error("{}.", .0.words().1.trim_end_matches('.'))]
    Dangling(Object),
    /// The body is JSON and not what is wanted.
    #[error("Payload validation error: {0}.")]
    Body(String),
    /// The query is not what is wanted.
    #[error("Query validation error: {0}.")]
    Query(String),
    /// A parameter of the path is not what is wanted.
    #[error("Path validation error: {0}.")]
    Path(String),
    /// The body is no JSON.
    #[error("Invalid request payload JSON format")]
    Json,
    #[error("Unsupported Media Type")]
    ContentType,
    #[error("Payload content length greater than maximum allowed: {MAX_BYTES}")]
    TooLong,
    #[error("The request took too long to arrive")]
    TooSlow,
    #[error("The request broke off")]
    Interrupted,
    /// Somebody else has the name already: status 409 and a code of Auth0's.
    #[error("{message}")]
    Conflict {
        message: &'static str,
        code: &'static str,
    },
    /// A user cannot get this name: Auth0 has it as 400.
    #[error("{0}")]
    UserConflict(&'static str),
    /// The password is one that anybody guesses.
    #[error("PasswordStrengthError: Password is too weak")]
    WeakPassword,
    /// It cannot be done with this object.
    #[error("{0}")]
    NotAllowed(&'static str),
    /// Others ask for too much at the moment.
    #[error("Global limit has been reached")]
    Busy,
    /// Something here failed.
    #[error("Internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Refusal {
    /// What went wrong here, which the caller is not told.
    pub(super) fn internal(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Internal(Box::new(cause))
    }

    /// Status and `errorCode`, where Auth0 has one.
    fn facts(&self) -> (StatusCode, Option<&'static str>) {
        match self {
            Self::Token(_) => (StatusCode::UNAUTHORIZED, None),
            Self::Scope(_) => (StatusCode::FORBIDDEN, Some("insufficient_scope")),
            Self::Absent(object) => (StatusCode::NOT_FOUND, Some(object.words().0)),
            Self::Dangling(object) => (StatusCode::BAD_REQUEST, Some(object.words().0)),
            Self::Body(_) => (StatusCode::BAD_REQUEST, Some("invalid_body")),
            Self::Query(_) => (StatusCode::BAD_REQUEST, Some("invalid_query_string")),
            Self::Path(_) => (StatusCode::BAD_REQUEST, Some("invalid_uri")),
            Self::UserConflict(_) => (StatusCode::BAD_REQUEST, Some("auth0_idp_error")),
            Self::Json | Self::Interrupted | Self::WeakPassword => (StatusCode::BAD_REQUEST, None),
            Self::ContentType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, None),
            Self::TooLong => (StatusCode::PAYLOAD_TOO_LARGE, None),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, None),
            Self::Conflict { code, .. } => (StatusCode::CONFLICT, Some(code)),
            Self::NotAllowed(_) => (StatusCode::FORBIDDEN, Some("operation_not_supported")),
            Self::Busy => (StatusCode::TOO_MANY_REQUESTS, Some("too_many_requests")),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, None),
        }
    }
}

impl From<DatabaseError> for Refusal {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Busy { .. } => Self::Busy,
            error => Self::internal(error),
        }
    }
}

impl From<NoRandomness> for Refusal {
    fn from(error: NoRandomness) -> Self {
        Self::internal(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        if let Self::Internal(cause) = &self {
            tracing::error!(error = %portcullis::Chain(&**cause), "management request failed");
        } else {
            tracing::debug!(refusal = ?self, "management request refused");
        }
        let (status, code) = self.facts();
        let message = self.to_string();
        let mut body = json!({
            "statusCode": status.as_u16(),
            "error": status.canonical_reason(),
            "message": message,
        });
        if let Some(code) = code {
            body["errorCode"] = code.into();
        }
        if matches!(self, Self::Token(reason) if reason != Reason::Missing) {
            body["attributes"] = json!({ "error": message });
        }
        let media_type = "application/json; charset=utf-8";
        let mut response = (status, [(CONTENT_TYPE, media_type)], body.to_string()).into_response();
        if matches!(self, Self::Token(_)) {
            let challenge = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

const fn token_message(reason: Reason) -> &'static str {
    match reason {
        Reason::Missing => "Missing authentication",
        Reason::Expired => "Expired token received for JSON Web Token validation",
        Reason::AudMismatch => "Bad audience",
        _ => "Invalid token",
    }
}

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use portcullis::Chain;
use portcullis_store::tenant::DatabaseError;
use portcullis_token::{NoRandomness, SigningError};
use serde_json::json;

use crate::fault::Fault;
use crate::passwords::PasswordError;
use crate::pkce::VerifierError;
use crate::settings::{ErrorDialect, GrantType};
use crate::token_rate::TooMany;

use super::assertion::Wrong;
use super::credentials::Place;
use super::parameters::ParametersError;

/// Why a token request is refused. The text is the `error_description` that the caller gets.
///
/// Texts and statuses are Auth0's where they are known, since SDKs compare them.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("The body is neither application/x-www-form-urlencoded nor application/json.")]
    ContentType,
    #[error("The body is too long.")]
    TooLong,
    #[error("The body did not arrive in time.")]
    TooSlow,
    #[error("The body could not be read.")]
    Interrupted,
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    #[error("Unsupported grant type: {0}")]
    UnsupportedGrantType(String),
    #[error("The client credentials are there more than once.")]
    SeveralCredentials,
    #[error("Unauthorized")]
    Unauthorized {
        /// For the log only: a caller who learns it could search for client ids.
        reason: Unauthenticated,
        place: Place,
    },
    #[error("Grant type '{0}' not allowed for the client.")]
    GrantNotAllowed(GrantType),
    #[error("No audience parameter was provided, and no default audience has been configured")]
    NoAudience,
    #[error("Service not found: {0}")]
    UnknownAudience(String),
    #[error(
        "Client is not authorized to access \"{0}\". You need to create a \"client-grant\" \
         associated to this API. See: \
         https://auth0.com/docs/api/v2#!/Client_Grants/post_client_grants"
    )]
    NoClientGrant(String),
    #[error("Client has not been granted scopes: {0}")]
    ScopesNotGranted(String),
    #[error("The scope parameter names more than 200 scopes.")]
    TooManyScopes,
    #[error("None of the scopes was granted before.")]
    NoScopeLeft,
    /// Unknown, used, too late, or another client's: nobody learns which.
    #[error("Invalid authorization code")]
    InvalidCode,
    #[error("The redirect_uri is not that of the authorization request.")]
    RedirectUri,
    #[error("The code was requested without a code_challenge, which this application needs.")]
    NoChallenge,
    #[error(transparent)]
    Verifier(VerifierError),
    /// SDKs look for these words.
    #[error("Unknown or invalid refresh token.")]
    RefreshToken,
    #[error("Invalid or expired device code.")]
    DeviceCode,
    #[error("User has yet to authorize device code.")]
    DevicePending,
    #[error("You are polling faster than the specified interval of {interval} seconds.")]
    SlowDown { interval: i64 },
    #[error("User cancelled the confirmation prompt.")]
    DeviceDenied,
    #[error("The device code has expired.")]
    DeviceExpired,
    #[error("Wrong email or password.")]
    WrongPassword,
    #[error("user is blocked")]
    UserBlocked,
    #[error(
        "Your account has been blocked after multiple consecutive login attempts. Please wait, or \
         have it unblocked."
    )]
    TooManyAttempts,
    #[error("Too many requests: this application may make {} a second.", .0.limit)]
    TooManyRequests(TooMany),
    #[error("The connection is not enabled for this application.")]
    Connection,
    #[error("The password could not be checked. Please try again.")]
    Password(#[from] PasswordError),
    #[error("The token could not be signed.")]
    Signing(#[source] SigningError),
    #[error("The token could not be made.")]
    Randomness(#[from] NoRandomness),
    #[error("The tenant cannot answer at the moment.")]
    Database(#[from] DatabaseError),
    #[error("The tenant cannot answer.")]
    Json(#[source] serde_json::Error),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Database(cause) => Self::Database(cause),
            Fault::Randomness(cause) => Self::Randomness(cause),
            Fault::Signing(cause) => Self::Signing(cause),
            Fault::Password(cause) => Self::Password(cause),
            Fault::Json(cause) => Self::Json(cause),
        }
    }
}

/// Why a caller is not known to be a client.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unauthenticated {
    #[error("no credentials were sent")]
    Missing,
    #[error("the Authorization header is not Basic with a client id and a secret")]
    Malformed,
    // The id is not told: people swap it with the secret.
    #[error("no application has this client id")]
    UnknownClient,
    #[error("the secret is not that of the application")]
    WrongSecret { client_id: String },
    #[error("client_assertion and client_assertion_type do not belong together")]
    AssertionType,
    #[error("the client assertion is refused: {why}")]
    Assertion { client_id: String, why: Wrong },
}

/// Whose fault it is, by what is answered: a status and an `error` code.
type Answer = (StatusCode, &'static str);

impl Refusal {
    /// Logs the refusal and turns it into the answer of RFC 6749 section 5.2.
    ///
    /// `client_id` is that of an authenticated client.
    pub(super) fn answer(self, dialect: ErrorDialect, client_id: Option<&str>) -> Response {
        let (status, error) = match dialect {
            ErrorDialect::Auth0 => self.auth0(),
            ErrorDialect::Rfc6749 => self.rfc6749(),
        };
        self.log(error, client_id);
        let body = json!({ "error": error, "error_description": self.to_string() });
        let headers = [(CONTENT_TYPE, "application/json")];
        let mut response = (status, headers, body.to_string()).into_response();
        self.add_headers(response.headers_mut());
        response
    }

    fn add_headers(&self, headers: &mut HeaderMap) {
        match self {
            // Section 5.2 wants a challenge from whoever answers 401 to a header. Without one
            // there is none, because browsers would show a password dialog.
            Self::Unauthorized {
                place: Place::Header,
                ..
            } => {
                let challenge = HeaderValue::from_static(r#"Basic realm="token endpoint""#);
                headers.insert(WWW_AUTHENTICATE, challenge);
            }
            Self::TooManyRequests(TooMany { limit, retry_after }) => {
                headers.insert("x-ratelimit-limit", HeaderValue::from(*limit));
                headers.insert("x-ratelimit-remaining", HeaderValue::from(0));
                headers.insert("x-ratelimit-reset", HeaderValue::from(*retry_after));
                headers.insert(RETRY_AFTER, HeaderValue::from(*retry_after));
            }
            _ => {}
        }
    }

    /// The answer in Auth0's dialect.
    fn auth0(&self) -> Answer {
        match self {
            Self::ContentType
            | Self::Interrupted
            | Self::Parameters(_)
            | Self::Connection
            | Self::SeveralCredentials => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::TooLong => (StatusCode::PAYLOAD_TOO_LARGE, "invalid_request"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "invalid_request"),
            Self::UnsupportedGrantType(_) => (StatusCode::BAD_REQUEST, "unsupported_grant_type"),
            Self::TooManyScopes | Self::NoScopeLeft => (StatusCode::BAD_REQUEST, "invalid_scope"),
            Self::Unauthorized { .. } => (StatusCode::UNAUTHORIZED, "access_denied"),
            Self::GrantNotAllowed(_) => (StatusCode::FORBIDDEN, "unauthorized_client"),
            Self::NoAudience
            | Self::UnknownAudience(_)
            | Self::NoClientGrant(_)
            | Self::ScopesNotGranted(_)
            | Self::DeviceDenied => (StatusCode::FORBIDDEN, "access_denied"),
            Self::InvalidCode
            | Self::RedirectUri
            | Self::NoChallenge
            | Self::Verifier(_)
            | Self::RefreshToken
            | Self::DeviceCode
            | Self::WrongPassword => (StatusCode::FORBIDDEN, "invalid_grant"),
            Self::DevicePending => (StatusCode::FORBIDDEN, "authorization_pending"),
            Self::SlowDown { .. } => (StatusCode::TOO_MANY_REQUESTS, "slow_down"),
            Self::DeviceExpired => (StatusCode::FORBIDDEN, "expired_token"),
            Self::UserBlocked => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::TooManyAttempts => (StatusCode::TOO_MANY_REQUESTS, "too_many_attempts"),
            Self::TooManyRequests(_) | Self::Password(PasswordError::Busy) => {
                (StatusCode::TOO_MANY_REQUESTS, "too_many_requests")
            }
            Self::Database(DatabaseError::Busy { .. }) => {
                (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable")
            }
            Self::Password(_)
            | Self::Signing(_)
            | Self::Randomness(_)
            | Self::Database(_)
            | Self::Json(_) => (StatusCode::INTERNAL_SERVER_ERROR, "server_error"),
        }
    }

    /// The answer in that of RFC 6749 section 5.2: 400 where it is the caller's fault, and codes of
    /// the standards; `invalid_target` is of RFC 8707 section 2.
    fn rfc6749(&self) -> Answer {
        let error = match self {
            Self::Unauthorized { .. } => return (StatusCode::UNAUTHORIZED, "invalid_client"),
            Self::NoAudience => "invalid_request",
            Self::UnknownAudience(_) | Self::NoClientGrant(_) => "invalid_target",
            Self::ScopesNotGranted(_) => "invalid_scope",
            Self::UserBlocked | Self::TooManyAttempts => "invalid_grant",
            Self::SlowDown { .. } => "slow_down",
            _ => match self.auth0() {
                (StatusCode::FORBIDDEN, error) => error,
                answer => return answer,
            },
        };
        (StatusCode::BAD_REQUEST, error)
    }

    fn log(&self, error: &'static str, client_id: Option<&str>) {
        let cause = match self {
            Self::Signing(cause) => Chain(cause).to_string(),
            Self::Database(cause) => Chain(cause).to_string(),
            Self::Randomness(cause) => Chain(cause).to_string(),
            Self::Json(cause) => Chain(cause).to_string(),
            Self::Password(cause) if *cause != PasswordError::Busy => Chain(cause).to_string(),
            _ => return self.log_refusal(error, client_id),
        };
        tracing::error!(client_id, error = cause, "could not answer a token request");
    }

    fn log_refusal(&self, error: &'static str, client_id: Option<&str>) {
        let (client_id, reason) = match self {
            Self::Unauthorized { reason, .. } => (reason.client_id(), Some(reason)),
            _ => (client_id, None),
        };
        let description = self.to_string();
        let reason = reason.map(tracing::field::display);
        tracing::debug!(
            client_id,
            error,
            description,
            reason,
            "refused a token request"
        );
    }
}

impl Unauthenticated {
    /// The refusal of credentials that were not in a header.
    pub(super) const fn in_body(self) -> Refusal {
        Refusal::Unauthorized {
            reason: self,
            place: Place::Body,
        }
    }

    fn client_id(&self) -> Option<&str> {
        match self {
            Self::WrongSecret { client_id } | Self::Assertion { client_id, .. } => Some(client_id),
            Self::Missing | Self::Malformed | Self::UnknownClient | Self::AssertionType => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_refused_headers_are_challenged() {
        let unauthorized = |place| Refusal::Unauthorized {
            reason: Unauthenticated::UnknownClient,
            place,
        };
        for (name, refusal, status, challenged) in [
            ("header", unauthorized(Place::Header), 401, true),
            ("body", unauthorized(Place::Body), 401, false),
            ("other", Refusal::NoAudience, 403, false),
            ("ours", Refusal::Signing(SigningError::Crypto), 500, false),
            ("slow", Refusal::TooSlow, 408, false),
            ("interrupted", Refusal::Interrupted, 400, false),
        ] {
            let response = refusal.answer(ErrorDialect::Auth0, None);
            assert_eq!(response.status().as_u16(), status, "{name}");
            let challenge = response.headers().contains_key(WWW_AUTHENTICATE);
            assert_eq!(challenge, challenged, "{name}");
        }
    }

    #[test]
    fn each_dialect_has_statuses_and_codes_of_its_own() {
        let unauthorized = Unauthenticated::Missing.in_body();
        let text = || "x".to_owned();
        let too_many = TooMany {
            limit: 1,
            retry_after: 1,
        };
        for (refusal, auth0, rfc6749) in [
            (
                Refusal::InvalidCode,
                (403, "invalid_grant"),
                (400, "invalid_grant"),
            ),
            (
                Refusal::RefreshToken,
                (403, "invalid_grant"),
                (400, "invalid_grant"),
            ),
            (
                Refusal::WrongPassword,
                (403, "invalid_grant"),
                (400, "invalid_grant"),
            ),
            (
                unauthorized,
                (401, "access_denied"),
                (401, "invalid_client"),
            ),
            (
                Refusal::GrantNotAllowed(GrantType::Password),
                (403, "unauthorized_client"),
                (400, "unauthorized_client"),
            ),
            (
                Refusal::NoAudience,
                (403, "access_denied"),
                (400, "invalid_request"),
            ),
            (
                Refusal::UnknownAudience(text()),
                (403, "access_denied"),
                (400, "invalid_target"),
            ),
            (
                Refusal::NoClientGrant(text()),
                (403, "access_denied"),
                (400, "invalid_target"),
            ),
            (
                Refusal::ScopesNotGranted(text()),
                (403, "access_denied"),
                (400, "invalid_scope"),
            ),
            (
                Refusal::NoScopeLeft,
                (400, "invalid_scope"),
                (400, "invalid_scope"),
            ),
            (
                Refusal::DevicePending,
                (403, "authorization_pending"),
                (400, "authorization_pending"),
            ),
            (
                Refusal::SlowDown { interval: 10 },
                (429, "slow_down"),
                (400, "slow_down"),
            ),
            (
                Refusal::DeviceExpired,
                (403, "expired_token"),
                (400, "expired_token"),
            ),
            (
                Refusal::DeviceDenied,
                (403, "access_denied"),
                (400, "access_denied"),
            ),
            (
                Refusal::UserBlocked,
                (401, "unauthorized"),
                (400, "invalid_grant"),
            ),
            (
                Refusal::TooManyAttempts,
                (429, "too_many_attempts"),
                (400, "invalid_grant"),
            ),
            (
                Refusal::TooManyRequests(too_many),
                (429, "too_many_requests"),
                (429, "too_many_requests"),
            ),
            (
                Refusal::Randomness(NoRandomness),
                (500, "server_error"),
                (500, "server_error"),
            ),
        ] {
            let answers = [refusal.auth0(), refusal.rfc6749()];
            let answers = answers.map(|(status, error)| (status.as_u16(), error));
            assert_eq!(answers, [auth0, rfc6749], "{refusal:?}");
        }
    }
}

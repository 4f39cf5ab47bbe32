use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use portcullis::Chain;
use portcullis_token::SigningError;
use serde_json::json;

use crate::settings::GrantType;

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
    #[error("Missing required parameter: grant_type")]
    NoGrantType,
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
    #[error("The token could not be signed.")]
    Signing(#[source] SigningError),
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
}

impl Refusal {
    /// Logs the refusal and turns it into the answer of RFC 6749 section 5.2.
    ///
    /// `client_id` is that of an authenticated client.
    pub(super) fn answer(self, client_id: Option<&str>) -> Response {
        self.log(client_id);
        let (status, error) = self.status_and_error();
        let body = json!({ "error": error, "error_description": self.to_string() });
        let headers = [(CONTENT_TYPE, "application/json")];
        let mut response = (status, headers, body.to_string()).into_response();
        // Section 5.2 wants a challenge from whoever answers 401 to a header. Without one there
        // is none, because browsers would show a password dialog.
        if matches!(
            self,
            Self::Unauthorized {
                place: Place::Header,
                ..
            }
        ) {
            let challenge = HeaderValue::from_static(r#"Basic realm="token endpoint""#);
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }

    /// The status and the `error` code.
    fn status_and_error(&self) -> (StatusCode, &'static str) {
        match self {
            Self::ContentType
            | Self::Interrupted
            | Self::Parameters(_)
            | Self::NoGrantType
            | Self::SeveralCredentials => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::TooLong => (StatusCode::PAYLOAD_TOO_LARGE, "invalid_request"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "invalid_request"),
            Self::UnsupportedGrantType(_) => (StatusCode::BAD_REQUEST, "unsupported_grant_type"),
            Self::Unauthorized { .. } => (StatusCode::UNAUTHORIZED, "access_denied"),
            Self::GrantNotAllowed(_) => (StatusCode::FORBIDDEN, "unauthorized_client"),
            Self::NoAudience
            | Self::UnknownAudience(_)
            | Self::NoClientGrant(_)
            | Self::ScopesNotGranted(_) => (StatusCode::FORBIDDEN, "access_denied"),
            Self::Signing(_) => (StatusCode::INTERNAL_SERVER_ERROR, "server_error"),
        }
    }

    fn log(&self, client_id: Option<&str>) {
        if let Self::Signing(cause) = self {
            tracing::error!(client_id, error = %Chain(cause), "could not sign a token");
            return;
        }
        let (_, error) = self.status_and_error();
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
    fn client_id(&self) -> Option<&str> {
        match self {
            Self::WrongSecret { client_id } => Some(client_id),
            Self::Missing | Self::Malformed | Self::UnknownClient => None,
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
            let response = refusal.answer(None);
            assert_eq!(response.status().as_u16(), status, "{name}");
            let challenge = response.headers().contains_key(WWW_AUTHENTICATE);
            assert_eq!(challenge, challenged, "{name}");
        }
    }
}

//! Refusals and tokens in tonic's own types.

use bytes::Bytes;
use http::HeaderMap;
use portcullis_token::Reason;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Status};

use crate::{AccessToken, Rejection};

impl From<Rejection> for Status {
    /// `UNAUTHENTICATED`, `PERMISSION_DENIED` or `UNAVAILABLE`, the challenge as metadata.
    fn from(rejection: Rejection) -> Self {
        let code = match rejection.status().as_u16() {
            403 => Code::PermissionDenied,
            503 => Code::Unavailable,
            _ => Code::Unauthenticated,
        };
        let mut headers = HeaderMap::new();
        let answer = rejection.respond(None);
        for name in [http::header::WWW_AUTHENTICATE, http::header::RETRY_AFTER] {
            for value in answer.headers().get_all(&name) {
                headers.append(&name, value.clone());
            }
        }
        let metadata = MetadataMap::from_headers(headers);
        Self::with_details_and_metadata(code, rejection.to_string(), Bytes::new(), metadata)
    }
}

impl AccessToken {
    /// The token of a request that came through an [`AuthLayer`](crate::AuthLayer).
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, where the caller came without a token or no layer stands in front.
    ///
    /// ```
    /// use portcullis::AccessToken;
    /// use tonic::{Code, Request};
    ///
    /// let refused = AccessToken::of_request(&Request::new(())).unwrap_err();
    /// assert_eq!(refused.code(), Code::Unauthenticated);
    /// ```
    pub fn of_request<M>(request: &Request<M>) -> Result<Self, Status> {
        Self::find(request.extensions())
            .ok_or_else(|| Status::unauthenticated(Reason::Missing.description()))
    }
}

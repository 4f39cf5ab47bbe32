use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, Response};
use portcullis::{AccessToken, Issuer, KeySet, Verifier};
use serde_json::json;
use tower_layer::Layer as _;
use tower_service::Service;

use crate::{TestClock, TokenBuilder};

impl TokenBuilder {
    /// The token as a handler receives it, for tests that call the handler itself.
    ///
    /// It is signed and verified like any other, at [`TestClock::START`] and for any audience:
    /// there is no way around a verifier, not even here. [`AccessToken::with`] adds claims of
    /// one's own.
    ///
    /// ```
    /// use portcullis::AccessToken;
    /// use portcullis_testkit::TestIssuer;
    ///
    /// async fn list(token: AccessToken) -> String {
    ///     format!("the reports of {}", token.subject().unwrap_or("a machine"))
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let token = TestIssuer::new().token().subject("ada").accept();
    /// assert_eq!(list(token).await, "the reports of ada");
    /// # }
    /// ```
    ///
    /// # Panics
    /// When the token is not good, such as one that has expired.
    pub fn accept(self) -> AccessToken {
        let jwks = json!({ "keys": [self.key.public_jwk()] }).to_string();
        let keys = KeySet::parse(jwks.as_bytes()).expect("a signing key has a good public key");
        let auth = Verifier::builder()
            .issuer(Issuer::fixed(keys).any_audience())
            .clock(Arc::new(TestClock::default()))
            .build()
            .expect("an issuer with keys and for any audience is complete");
        let request = Request::builder()
            .header(AUTHORIZATION, format!("Bearer {}", self.sign()))
            .body(())
            .expect("a token is visible ASCII");
        let decision = pin!(auth.layer().layer(Handler).call(request));
        // Keys that are given are never waited for, so the answer is there at once.
        match decision.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(answer)) => match answer.extensions().get::<AccessToken>() {
                Some(token) => token.clone(),
                None => panic!("{}", String::from_utf8_lossy(answer.body())),
            },
            Poll::Pending => panic!("nothing is waited for"),
        }
    }
}

/// Hands out the token that it was called with.
#[derive(Clone)]
struct Handler;

impl Service<Request<()>> for Handler {
    type Response = Response<Bytes>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Bytes>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let mut answer = Response::new(Bytes::new());
        if let Some(token) = AccessToken::find(request.extensions()) {
            answer.extensions_mut().insert(token);
        }
        ready(Ok(answer))
    }
}

#[cfg(test)]
mod tests {
    use crate::TestIssuer;

    #[test]
    fn a_token_is_accepted_with_its_claims() {
        let issuer = TestIssuer::new();
        let token = issuer.token().scope("a b").subject("bo").accept();
        assert_eq!(token.subject(), Some("bo"));
        assert!(token.has_scope("b"));
    }

    #[test]
    #[should_panic(expected = "The access token expired")]
    fn a_token_that_has_expired_is_not() {
        drop(TestIssuer::new().token().expires_in(-60).accept());
    }
}

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use portcullis_token::may_carry_form;

/// The body of a request that is a form, for a token in [`TokenSource::Form`].
///
/// A layer decides before the body is read, so whoever wants such tokens reads it first, up to a
/// limit of its own, puts it here among the request's extensions, and back into the request. It
/// counts for requests that [may carry one](may_carry_form) only.
///
/// [`TokenSource::Form`]: crate::TokenSource::Form
///
/// ```
/// # use axum::{Router, body::{Body, to_bytes}, extract::Request, middleware, routing::post};
/// # use portcullis_testkit::TestIssuer;
/// # use tower::ServiceExt as _;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use axum::{http::StatusCode, middleware::Next, response::{IntoResponse as _, Response}};
/// use portcullis::{FormBody, TokenSource};
///
/// async fn read_form(request: Request, next: Next) -> Response {
///     let (mut head, body) = request.into_parts();
///     let Ok(body) = to_bytes(body, 64 * 1024).await else {
///         return StatusCode::PAYLOAD_TOO_LARGE.into_response();
///     };
///     head.extensions.insert(FormBody(body.clone()));
///     next.run(Request::from_parts(head, body.into())).await
/// }
///
/// let issuer = TestIssuer::new();
/// let auth = issuer
///     .verifier("api")
///     .sources([TokenSource::Form { name: "access_token".to_owned() }])
///     .build()?;
/// let app = Router::new()
///     .route("/", post(async |body: String| body))
///     .layer(auth.layer())
///     .layer(middleware::from_fn(read_form));
/// let form = format!("amount=7&access_token={}", issuer.token().audience("api").sign());
/// let request = Request::post("/").header("content-type", "application/x-www-form-urlencoded");
/// let answer = app.oneshot(request.body(Body::from(form.clone()))?).await?;
/// assert_eq!(answer.status(), 200);
/// assert_eq!(to_bytes(answer.into_body(), 64 * 1024).await?, form);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct FormBody(pub Bytes);

impl FormBody {
    /// The form of the request, where it may carry a token.
    pub(crate) fn of(head: &Parts) -> Option<&[u8]> {
        let Self(body) = head.extensions.get()?;
        let types = head.headers.get_all(CONTENT_TYPE).iter();
        let types = types.map(HeaderValue::as_bytes);
        may_carry_form(head.method.as_str(), types).then_some(body)
    }
}

impl std::fmt::Debug for FormBody {
    /// Without the form, which may hold a token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FormBody").finish_non_exhaustive()
    }
}

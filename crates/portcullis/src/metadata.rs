//! What an API says about itself to clients that do not know it yet (RFC 9728).

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use portcullis_token::TokenSource;
use serde::Serialize;
use tower_service::Service;
use url::Url;

use crate::{Answers, Verifier};

/// Where the metadata of a resource without a path is (RFC 9728 section 3).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The protected resource metadata of a [`Verifier`] (RFC 9728), as a `tower` service.
///
/// An axum router merges it, at its path; elsewhere [`Metadata::path`] says where to serve it. It
/// answers GET and HEAD, to pages of any origin, since all it says is public.
///
/// ```
/// use portcullis::Answers;
/// use portcullis_testkit::TestIssuer;
/// use tower::ServiceExt as _;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let auth = TestIssuer::new()
///     .verifier("https://expenses-api")
///     .answers(Answers::default().resource("https://api.example.com/expenses"))
///     .build()?;
/// let metadata = auth.well_known().name("Expenses");
/// assert_eq!(metadata.path(), "/.well-known/oauth-protected-resource/expenses");
///
/// let app = axum::Router::new().merge(metadata.clone());
/// let request = http::Request::get(metadata.path()).body(axum::body::Body::empty())?;
/// assert_eq!(app.oneshot(request).await?.headers()["content-type"], "application/json");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Metadata {
    answers: Arc<Answers>,
    sources: Vec<TokenSource>,
    name: Option<String>,
    documentation: Option<String>,
    scopes: Vec<String>,
    certificate_bound: bool,
}

/// The document (RFC 9728 section 2).
#[derive(Serialize)]
struct Document<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    authorization_servers: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<String>,
    bearer_methods_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dpop_signing_alg_values_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    tls_client_certificate_bound_access_tokens: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_documentation: Option<&'a str>,
}

impl Verifier {
    /// The metadata of the API that this verifier guards (RFC 9728).
    ///
    /// The resource is the one of [`Answers::resource`](crate::Answers::resource), or else the
    /// first audience; never the `Host` of a request. The scopes are those of
    /// [`Verifier::require`], whether declared before or after.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// let auth = TestIssuer::new().verifier("https://expenses-api").build()?;
    /// assert_eq!(auth.well_known().path(), "/.well-known/oauth-protected-resource");
    /// # Ok::<(), portcullis::BuildError>(())
    /// ```
    pub fn well_known(&self) -> Metadata {
        Metadata::new(Arc::clone(self.presentation()), self.sources())
    }
}

impl Metadata {
    /// The metadata of an API that several verifiers guard, or one that is not built yet.
    ///
    /// The resource is that of `answers`, and so are the algorithms of `DPoP`; `issuers` are the
    /// authorization servers, and `sources` the places that tokens are looked for in.
    ///
    /// ```
    /// use portcullis::{Answers, Metadata, TokenSource};
    ///
    /// let answers = Answers::default().resource("https://api.example.com/expenses");
    /// let issuers = ["https://tenant.eu.auth0.com/".to_owned()];
    /// let metadata = Metadata::of(&answers, issuers, &[TokenSource::Authorization]);
    /// assert_eq!(metadata.path(), "/.well-known/oauth-protected-resource/expenses");
    /// ```
    pub fn of(
        answers: &Answers,
        issuers: impl IntoIterator<Item = String>,
        sources: &[TokenSource],
    ) -> Self {
        let issuers = issuers.into_iter().collect();
        let answers = answers.clone().of_verifier(issuers, Vec::new());
        Self::new(Arc::new(answers), sources)
    }

    fn new(answers: Arc<Answers>, sources: &[TokenSource]) -> Self {
        Self {
            answers,
            sources: sources.to_vec(),
            name: None,
            documentation: None,
            scopes: Vec::new(),
            certificate_bound: false,
        }
    }

    /// The API's name for people: `resource_name`.
    ///
    /// ```
    /// # use http_body_util::BodyExt as _;
    /// # use portcullis_testkit::TestIssuer;
    /// # use tower::ServiceExt as _;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let auth = TestIssuer::new().verifier("https://expenses-api").build()?;
    /// let metadata = auth.well_known().name("Expenses");
    /// # let answer = metadata.oneshot(http::Request::new(())).await?;
    /// # let body = answer.into_body().collect().await?.to_bytes();
    /// let document: serde_json::Value = serde_json::from_slice(&body)?;
    /// assert_eq!(document["resource_name"], "Expenses");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self {
            name: Some(name.into()),
            ..self
        }
    }

    /// Where developers read about the API: `resource_documentation`.
    ///
    /// ```
    /// # use http_body_util::BodyExt as _;
    /// # use portcullis_testkit::TestIssuer;
    /// # use tower::ServiceExt as _;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let auth = TestIssuer::new().verifier("https://expenses-api").build()?;
    /// let metadata = auth.well_known().documentation("https://example.com/docs");
    /// # let answer = metadata.oneshot(http::Request::new(())).await?;
    /// # let body = answer.into_body().collect().await?.to_bytes();
    /// let document: serde_json::Value = serde_json::from_slice(&body)?;
    /// assert_eq!(document["resource_documentation"], "https://example.com/docs");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn documentation(self, url: impl Into<String>) -> Self {
        Self {
            documentation: Some(url.into()),
            ..self
        }
    }

    /// Adds scopes that no layer asks for, as those of handlers with a `Scoped`.
    ///
    /// ```
    /// # use portcullis::{ScopeSet as _, scopes};
    /// # use http_body_util::BodyExt as _;
    /// # use portcullis_testkit::TestIssuer;
    /// # use tower::ServiceExt as _;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// scopes! { ReadReports = "read:reports" }
    ///
    /// let auth = TestIssuer::new().verifier("https://expenses-api").build()?;
    /// let metadata = auth.well_known().scopes(ReadReports::scopes());
    /// # let answer = metadata.oneshot(http::Request::new(())).await?;
    /// # let body = answer.into_body().collect().await?.to_bytes();
    /// let document: serde_json::Value = serde_json::from_slice(&body)?;
    /// assert_eq!(document["scopes_supported"][0], "read:reports");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes.extend(scopes.into_iter().map(Into::into));
        self
    }

    /// Says that tokens may be bound to client certificates (RFC 8705 section 3.3).
    ///
    /// ```
    /// # use http_body_util::BodyExt as _;
    /// # use portcullis_testkit::TestIssuer;
    /// # use tower::ServiceExt as _;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let auth = TestIssuer::new().verifier("https://expenses-api").build()?;
    /// let metadata = auth.well_known().certificate_bound();
    /// # let answer = metadata.oneshot(http::Request::new(())).await?;
    /// # let body = answer.into_body().collect().await?.to_bytes();
    /// let document: serde_json::Value = serde_json::from_slice(&body)?;
    /// assert_eq!(document["tls_client_certificate_bound_access_tokens"], true);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn certificate_bound(self) -> Self {
        Self {
            certificate_bound: true,
            ..self
        }
    }

    /// Where it is to be served: the well-known path, and the path of the resource behind it.
    ///
    /// ```
    /// # use portcullis::Answers;
    /// # use portcullis_testkit::TestIssuer;
    /// let answers = Answers::default().resource("https://api.example.com/v1");
    /// let auth = TestIssuer::new().verifier("api").answers(answers).build()?;
    /// assert_eq!(auth.well_known().path(), "/.well-known/oauth-protected-resource/v1");
    /// # Ok::<(), portcullis::BuildError>(())
    /// ```
    pub fn path(&self) -> String {
        let resource = self.answers.resource_name();
        resource.map_or_else(|| WELL_KNOWN.to_owned(), path_of)
    }

    /// The document, as JSON.
    ///
    /// ```
    /// # use portcullis::{Answers, Metadata};
    /// let metadata = Metadata::of(&Answers::default().resource("https://a.example"), [], &[]);
    /// let document = String::from_utf8(metadata.document()).unwrap();
    /// assert_eq!(
    ///     document,
    ///     r#"{"resource":"https://a.example","bearer_methods_supported":[]}"#
    /// );
    /// ```
    ///
    /// # Panics
    /// Never: strings and lists of strings are always JSON.
    pub fn document(&self) -> Vec<u8> {
        let answers = &self.answers;
        let mut scopes = answers.known_scopes().to_vec();
        scopes.extend(self.scopes.iter().cloned());
        scopes.sort_unstable();
        scopes.dedup();
        let document = Document {
            resource: answers.resource_name(),
            authorization_servers: answers.issuer_names(),
            scopes_supported: scopes,
            bearer_methods_supported: bearer_methods(&self.sources),
            dpop_signing_alg_values_supported: answers
                .dpop_algorithms()
                .iter()
                .map(|algorithm| algorithm.name())
                .collect(),
            tls_client_certificate_bound_access_tokens: self.certificate_bound,
            resource_name: self.name.as_deref(),
            resource_documentation: self.documentation.as_deref(),
        };
        serde_json::to_vec(&document).expect("strings and lists of strings are always JSON")
    }

    fn respond(&self, method: &Method) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::default());
        if method != Method::GET && method != Method::HEAD {
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            let allowed = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(ALLOW, allowed);
            return response;
        }
        let headers = response.headers_mut();
        for (name, value) in [
            (CONTENT_TYPE, "application/json"),
            (CACHE_CONTROL, "public, max-age=300"),
            (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if method == Method::GET {
            *response.body_mut() = Full::from(self.document());
        }
        response
    }
}

impl<B> Service<Request<B>> for Metadata {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(self.respond(request.method())))
    }
}

#[cfg(feature = "axum")]
impl<S: Clone + Send + Sync + 'static> From<Metadata> for axum::Router<S> {
    fn from(metadata: Metadata) -> Self {
        Self::new().route_service(&metadata.path(), metadata)
    }
}

/// RFC 9728 section 2: those of RFC 6750. Other headers and cookies are not among them.
fn bearer_methods(sources: &[TokenSource]) -> Vec<&'static str> {
    let has = |is: fn(&TokenSource) -> bool| sources.iter().any(is);
    let header = has(|source| {
        matches!(
            source,
            TokenSource::Authorization | TokenSource::OptionalScheme
        )
    });
    let query = has(|source| matches!(source, TokenSource::Query { .. }));
    let body = has(|source| matches!(source, TokenSource::Form { .. }));
    let methods = [("header", header), ("body", body), ("query", query)].into_iter();
    methods
        .filter(|(_, has)| *has)
        .map(|(name, _)| name)
        .collect()
}

/// RFC 9728 section 3.1: the well-known path goes between the resource's host and its path.
pub(crate) fn path_of(resource: &str) -> String {
    let url = Url::parse(resource).ok().filter(Url::has_host);
    let path = url.as_ref().map_or("/", Url::path);
    match path {
        "/" => WELL_KNOWN.to_owned(),
        path => format!("{WELL_KNOWN}{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_path_goes_before_the_resources_own() {
        for (resource, expected) in [
            ("https://api.example.com", ""),
            ("https://api.example.com/", ""),
            ("https://api.example.com/v1", "/v1"),
            ("https://api.example.com/v1/", "/v1/"),
            ("https://expenses-api", ""),
            ("urn:expenses", ""),
            ("expenses", ""),
        ] {
            assert_eq!(
                path_of(resource),
                format!("{WELL_KNOWN}{expected}"),
                "{resource}"
            );
        }
    }
}

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use portcullis_token::{Algorithm, Reason};

use super::{ErrorDetail, ErrorStyle, Rejection};

/// How a verifier presents itself to callers: the words of its refusals and of its metadata.
///
/// The default is the realm `api`, [`ErrorStyle::Problem`], [`ErrorDetail::Standard`], and no
/// resource.
///
/// ```
/// use portcullis::{Answers, ErrorStyle, Reason, Rejection};
///
/// let answers = Answers::default().realm("expenses").style(ErrorStyle::Aws);
/// let answer = Rejection::new(Reason::Expired, &answers.into()).respond(None);
/// assert_eq!(&answer.body()[..], br#"{"message":"Unauthorized"}"#);
/// ```
#[derive(Clone, Debug)]
pub struct Answers {
    realm: String,
    style: ErrorStyle,
    detail: ErrorDetail,
    resource: Option<String>,
    base: Option<String>,
    dpop: Vec<Algorithm>,
    messages: Vec<(Reason, String)>,
    pub(super) audiences: Vec<String>,
    pub(super) issuers: Vec<String>,
    known_scopes: KnownScopes,
}

/// The scopes that the routes of a verifier ask for, collected while they are declared.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownScopes {
    names: Arc<RwLock<BTreeSet<String>>>,
}

impl Answers {
    /// The realm of the challenges. Default `api`.
    ///
    /// Characters that a quoted string cannot hold are left out of a challenge.
    ///
    /// ```
    /// # use portcullis::{Answers, Reason, Rejection};
    /// let answers = Answers::default().realm("expenses");
    /// let answer = Rejection::new(Reason::Missing, &answers.into()).respond(None);
    /// assert_eq!(answer.headers()["www-authenticate"], r#"Bearer realm="expenses""#);
    /// ```
    #[must_use]
    pub fn realm(self, realm: impl Into<String>) -> Self {
        Self {
            realm: realm.into(),
            ..self
        }
    }

    /// Whose error bodies are imitated. Default [`ErrorStyle::Problem`].
    ///
    /// ```
    /// # use portcullis::{Answers, ErrorStyle, Reason, Rejection};
    /// let answers = Answers::default().style(ErrorStyle::Tyk);
    /// let answer = Rejection::new(Reason::BadSignature, &answers.into()).respond(None);
    /// assert_eq!(answer.status(), 403, "as Tyk answers it");
    /// ```
    #[must_use]
    pub fn style(self, style: ErrorStyle) -> Self {
        Self { style, ..self }
    }

    /// How much a caller is told. Default [`ErrorDetail::Standard`].
    ///
    /// ```
    /// # use portcullis::{Answers, ErrorDetail, Reason, Rejection};
    /// let answers = Answers::default().detail(ErrorDetail::Debug);
    /// let answer = Rejection::new(Reason::KeyUnknown, &answers.into()).respond(None);
    /// let problem: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    /// assert_eq!(problem["reason"], "key_unknown");
    /// ```
    #[must_use]
    pub fn detail(self, detail: ErrorDetail) -> Self {
        Self { detail, ..self }
    }

    /// The resource identifier (RFC 9728 section 1.2): the address by which callers know this API.
    ///
    /// It is `resource` of the metadata, and makes challenges name the metadata's address. Without
    /// it the metadata names the first audience.
    ///
    /// ```
    /// # use portcullis::{Answers, Reason, Rejection};
    /// let answers = Answers::default().resource("https://api.example.com/");
    /// let answer = Rejection::new(Reason::Missing, &answers.into()).respond(None);
    /// let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
    /// let metadata = "https://api.example.com/.well-known/oauth-protected-resource";
    /// assert!(challenge.contains(metadata));
    /// ```
    #[must_use]
    pub fn resource(self, resource: impl Into<String>) -> Self {
        Self {
            resource: Some(resource.into()),
            ..self
        }
    }

    /// Where callers reach the service's `/`, for DPoP. Default: the resource.
    ///
    /// A proof must name this followed by the path of the request (RFC 9449 section 4.3), since
    /// behind a proxy a service cannot know by which address it was called.
    ///
    /// ```
    /// # use axum::{Router, body::Body, routing::get};
    /// # use http::Request;
    /// # use portcullis::{Algorithm, Answers};
    /// # use portcullis_testkit::{ProofKey, TestIssuer};
    /// # use tower::ServiceExt as _;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (issuer, key) = (TestIssuer::new(), ProofKey::new());
    /// let answers = Answers::default().base("https://api.example.com").dpop([Algorithm::Es256]);
    /// let auth = issuer.verifier("api").answers(answers).build()?;
    /// let app = Router::new().route("/reports", get(async || "in").layer(auth.layer()));
    ///
    /// let token = issuer.token().audience("api").claim("cnf", key.confirmation()).sign();
    /// let proof = key.proof("GET", "https://api.example.com/reports", &token, &[]);
    /// let request = Request::get("/reports")
    ///     .header("authorization", format!("DPoP {token}"))
    ///     .header("dpop", proof);
    /// assert_eq!(app.oneshot(request.body(Body::empty())?).await?.status(), 200);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn base(self, url: impl Into<String>) -> Self {
        Self {
            base: Some(url.into()),
            ..self
        }
    }

    /// Switches the scheme `DPoP` on, and names these algorithms in a challenge of its own.
    ///
    /// They should be those of [`Issuer::proofs`](crate::Issuer::proofs). It needs
    /// [`Answers::base`] or [`Answers::resource`]: without either, as without this, the scheme is
    /// refused as unsupported. Tokens that are bound to a key are never accepted without a proof.
    ///
    /// ```
    /// # use portcullis::{Algorithm, Answers, Reason, Rejection};
    /// let answers = Answers::default().dpop([Algorithm::Es256]);
    /// let answer = Rejection::new(Reason::Missing, &answers.into()).respond(None);
    /// let challenges = answer.headers().get_all("www-authenticate").iter();
    /// let dpop = challenges.last().unwrap();
    /// assert_eq!(dpop, r#"DPoP algs="ES256""#);
    /// ```
    #[must_use]
    pub fn dpop(self, algorithms: impl Into<Vec<Algorithm>>) -> Self {
        Self {
            dpop: algorithms.into(),
            ..self
        }
    }

    /// Says `text` for `reason` in bodies, whatever the style; challenges stay as they are.
    ///
    /// Words of its own tell a caller which check failed, also before the signature is checked.
    ///
    /// ```
    /// use portcullis::{Answers, ErrorStyle, Reason, Rejection};
    ///
    /// let early_tyk = Answers::default()
    ///     .style(ErrorStyle::Tyk)
    ///     .message(Reason::AlgNotAllowed, "Key not authorized:Unexpected signing method.");
    /// let answer = Rejection::new(Reason::AlgNotAllowed, &early_tyk.into()).respond(None);
    /// let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    /// assert_eq!(body["error"], "Key not authorized:Unexpected signing method.");
    /// ```
    #[must_use]
    pub fn message(mut self, reason: Reason, text: impl Into<String>) -> Self {
        self.messages.push((reason, text.into()));
        self
    }

    /// Whose error bodies are imitated.
    ///
    /// ```
    /// use portcullis::{Answers, ErrorStyle};
    ///
    /// assert!(matches!(Answers::default().error_style(), ErrorStyle::Problem));
    /// ```
    pub const fn error_style(&self) -> &ErrorStyle {
        &self.style
    }

    /// How much a caller is told.
    ///
    /// ```
    /// use portcullis::{Answers, ErrorDetail};
    ///
    /// assert_eq!(Answers::default().error_detail(), ErrorDetail::Standard);
    /// ```
    pub const fn error_detail(&self) -> ErrorDetail {
        self.detail
    }

    /// The same, of a verifier with these issuers and audiences.
    pub(crate) fn of_verifier(self, issuers: Vec<String>, audiences: Vec<String>) -> Self {
        Self {
            issuers,
            audiences,
            known_scopes: KnownScopes::default(),
            ..self
        }
    }

    pub(crate) const fn known_scopes(&self) -> &KnownScopes {
        &self.known_scopes
    }

    pub(crate) fn issuer_names(&self) -> &[String] {
        &self.issuers
    }

    /// The resource identifier: the configured one, or else the first audience.
    pub(crate) fn resource_name(&self) -> Option<&str> {
        let audience = || self.audiences.first().map(String::as_str);
        self.resource.as_deref().or_else(audience)
    }

    pub(crate) fn realm_name(&self) -> &str {
        &self.realm
    }

    /// The configured resource identifier.
    pub(crate) fn resource_url(&self) -> Option<&str> {
        self.resource.as_deref()
    }

    pub(crate) fn base_url(&self) -> Option<&str> {
        self.base.as_deref().or(self.resource.as_deref())
    }

    pub(crate) fn dpop_algorithms(&self) -> &[Algorithm] {
        &self.dpop
    }

    /// The message for `rejection`, unless the style's own is wanted.
    pub(super) fn find_message(&self, rejection: &Rejection) -> Option<&str> {
        let wanted = |(reason, _): &&(Reason, String)| *reason == rejection.reason;
        let found = self.messages.iter().rev().find(wanted);
        found.map(|(_, text)| text.as_str())
    }

    /// The address of the metadata of the configured resource (RFC 9728 section 3.1).
    pub(crate) fn metadata_url(&self) -> Option<String> {
        let resource = self.resource.as_deref()?;
        let url = url::Url::parse(resource).ok()?;
        let path = crate::metadata::path_of(resource);
        url.join(&path).ok().map(String::from)
    }
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            realm: "api".to_owned(),
            style: ErrorStyle::Problem,
            detail: ErrorDetail::Standard,
            resource: None,
            base: None,
            dpop: Vec::new(),
            messages: Vec::new(),
            audiences: Vec::new(),
            issuers: Vec::new(),
            known_scopes: KnownScopes::default(),
        }
    }
}

impl KnownScopes {
    pub(crate) fn add<'s>(&self, scopes: impl Iterator<Item = &'s str>) {
        // A set of names is whole after every step, whoever panicked.
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        names.extend(scopes.map(str::to_owned));
    }

    /// The same for each request: nothing is written but at the first one.
    #[cfg(feature = "axum")]
    pub(crate) fn learn(&self, scopes: &[&str]) {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        let knows = scopes.iter().all(|scope| names.contains(*scope));
        drop(names);
        if !knows {
            self.add(scopes.iter().copied());
        }
    }

    pub(crate) fn to_vec(&self) -> Vec<String> {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        names.iter().cloned().collect()
    }
}

/// Seconds, as `max_age` is written.
pub(super) const fn seconds(age: Duration) -> u64 {
    age.as_secs()
}

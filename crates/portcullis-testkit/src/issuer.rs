use std::fmt;
use std::future;
use std::hash::{DefaultHasher, Hasher as _};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use portcullis::{
    BoxFuture, Document, FetchError, Issuer, KeyFetcher, Revalidated, Verifier, VerifierBuilder,
};
use portcullis_token::{KeySet, SigningKey};
use serde_json::{Value, json};
use url::Url;

use crate::{TestClock, TokenBuilder};

/// An OpenID provider in memory: it signs tokens, and is the [`KeyFetcher`] that finds its keys.
///
/// Clones are the same provider.
///
/// ```
/// use portcullis::Credentials;
/// use portcullis_testkit::TestIssuer;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let issuer = TestIssuer::new();
/// let auth = issuer.verifier("api").build()?;
/// let token = || issuer.token().audience("api").sign();
/// assert!(auth.verify(&Credentials::bearer(&token())).await.is_ok());
/// issuer.rotate();
/// assert!(auth.verify(&Credentials::bearer(&token())).await.is_ok(), "the key was fetched");
/// assert_eq!(issuer.key_fetches(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TestIssuer {
    name: Arc<str>,
    state: Arc<Mutex<State>>,
}

struct State {
    signing: Arc<SigningKey>,
    published: Vec<Value>,
    answer: Answer,
    fetched: Vec<String>,
    revalidated: usize,
    tags: bool,
    base: String,
}

/// How the provider answers when its documents are fetched.
///
/// ```
/// use portcullis::{Credentials, Reason};
/// use portcullis_testkit::{Answer, TestIssuer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let issuer = TestIssuer::new();
/// let auth = issuer.verifier("api").build()?;
/// issuer.answer(Answer::Status(503));
/// let token = issuer.token().audience("api").sign();
/// let refused = auth.verify(&Credentials::bearer(&token)).await;
/// assert_eq!(refused.unwrap_err(), Reason::KeysUnavailable);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// With the documents.
    #[default]
    Documents,
    /// With this HTTP status and nothing else.
    Status(u16),
    /// With a page for people.
    Html,
    /// With a key set that has no keys.
    EmptySet,
    /// With the discovery document of somebody else.
    OtherIssuer,
    /// Never.
    Hang,
    /// Not at all: the connection is reset.
    Reset,
    /// With more bytes than anybody should read.
    TooLarge,
    /// With the documents, but for the key set: that with this HTTP status.
    NoKeys(u16),
}

impl TestIssuer {
    /// The provider `https://issuer.example/`, with one key.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// assert_eq!(TestIssuer::new().name(), "https://issuer.example/");
    /// ```
    pub fn new() -> Self {
        Self::named("https://issuer.example/")
    }

    /// A provider with this `issuer`, spelled as its documents and tokens spell it.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// let issuer = TestIssuer::named("https://tenant.eu.auth0.com/");
    /// assert_eq!(issuer.discovery_document()["issuer"], "https://tenant.eu.auth0.com/");
    /// ```
    ///
    /// # Panics
    /// When the machine has no randomness for a key.
    pub fn named(issuer: &str) -> Self {
        let signing = SigningKey::generate().expect("the system gives randomness");
        let state = State {
            published: vec![signing.public_jwk()],
            signing: Arc::new(signing),
            answer: Answer::default(),
            fetched: Vec::new(),
            revalidated: 0,
            tags: false,
            base: issuer.trim_end_matches('/').to_owned(),
        };
        Self {
            name: issuer.into(),
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// The issuer's name, as tokens carry it.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// let issuer = TestIssuer::named("https://tenant.eu.auth0.com/");
    /// assert_eq!(issuer.name(), "https://tenant.eu.auth0.com/");
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A token that is good for an hour of a [`TestClock`] that was not moved.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use portcullis_testkit::{TestClock, TestIssuer};
    /// let token = TestIssuer::new().token().accept();
    /// assert_eq!(token.subject(), Some("ada"));
    /// let end = TestClock::START.plus(Duration::from_hours(1));
    /// assert_eq!(token.claims().expires_at(), Some(end));
    /// ```
    pub fn token(&self) -> TokenBuilder {
        TokenBuilder::new(Arc::clone(&self.state().signing), &self.name)
    }

    /// The start of a verifier that trusts this issuer, for tokens with this audience.
    ///
    /// It finds the issuer's keys by discovery, and its clock stands still at
    /// [`TestClock::START`]; what else is set replaces that.
    ///
    /// ```
    /// # use portcullis::{Cache, Credentials};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("https://expenses-api").cache(Cache::default()).build()?;
    /// let token = issuer.token().audience("https://expenses-api").sign();
    /// assert!(auth.verify(&Credentials::bearer(&token)).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn verifier(&self, audience: &str) -> VerifierBuilder {
        Verifier::builder()
            .issuer(Issuer::discover(self.name()).audience(audience))
            .fetcher(Arc::new(self.clone()))
            .clock(Arc::new(TestClock::default()))
    }

    /// Makes a key, publishes it alone, and signs with it from here on.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// let issuer = TestIssuer::new();
    /// let kid = || issuer.jwks()["keys"][0]["kid"].clone();
    /// let old = kid();
    /// issuer.rotate();
    /// assert_ne!(kid(), old);
    /// ```
    ///
    /// # Panics
    /// When the machine has no randomness for a key.
    pub fn rotate(&self) {
        let signing = SigningKey::generate().expect("the system gives randomness");
        let mut state = self.state();
        state.published = vec![signing.public_jwk()];
        state.signing = Arc::new(signing);
    }

    /// How documents are answered from here on.
    ///
    /// ```
    /// # use portcullis_testkit::{Answer, TestIssuer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// issuer.answer(Answer::Reset);
    /// assert!(issuer.verifier("api").build()?.ready().await.is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn answer(&self, answer: Answer) {
        self.state().answer = answer;
    }

    /// The addresses that were fetched so far, in order.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// issuer.verifier("api").build()?.ready().await?;
    /// let [discovery, keys] = issuer.fetched().try_into().unwrap();
    /// assert_eq!(discovery, "https://issuer.example/.well-known/openid-configuration");
    /// assert_eq!(keys, "https://issuer.example/.well-known/jwks.json");
    /// # Ok(())
    /// # }
    /// ```
    pub fn fetched(&self) -> Vec<String> {
        self.state().fetched.clone()
    }

    /// How many times the key set was fetched.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// let auth = issuer.verifier("api").build()?;
    /// assert_eq!(issuer.key_fetches(), 0);
    /// auth.ready().await?;
    /// assert_eq!(issuer.key_fetches(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn key_fetches(&self) -> usize {
        self.state()
            .fetched
            .iter()
            .filter(|url| url.ends_with("jwks.json"))
            .count()
    }

    /// Gives the key set an entity tag, and answers 304 to whoever has it, from here on.
    ///
    /// ```
    /// # use portcullis::KeyFetcher as _;
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// issuer.tag_documents();
    /// let keys = "https://issuer.example/.well-known/jwks.json".parse()?;
    /// let document = issuer.fetch(&keys, 64 * 1024).await?;
    /// assert!(document.etag.is_some_and(|etag| etag.starts_with('"')));
    /// # Ok(())
    /// # }
    /// ```
    pub fn tag_documents(&self) {
        self.state().tags = true;
    }

    /// How many times the key set was asked for and had not changed.
    ///
    /// ```
    /// # use portcullis::KeyFetcher as _;
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// issuer.tag_documents();
    /// let keys = "https://issuer.example/.well-known/jwks.json".parse()?;
    /// let etag = issuer.fetch(&keys, 64 * 1024).await?.etag.unwrap();
    /// issuer.revalidate(&keys, 64 * 1024, &etag).await?;
    /// assert_eq!(issuer.revalidations(), 1);
    /// issuer.rotate();
    /// issuer.revalidate(&keys, 64 * 1024, &etag).await?;
    /// assert_eq!(issuer.revalidations(), 1, "they have changed");
    /// # Ok(())
    /// # }
    /// ```
    pub fn revalidations(&self) -> usize {
        self.state().revalidated
    }

    /// Publishes the key set elsewhere, below `base`, from here on.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// let issuer = TestIssuer::new();
    /// issuer.move_keys("https://keys.example/");
    /// let address = &issuer.discovery_document()["jwks_uri"];
    /// assert_eq!(address, "https://keys.example/.well-known/jwks.json");
    /// ```
    pub fn move_keys(&self, base: &str) {
        base.trim_end_matches('/')
            .clone_into(&mut self.state().base);
    }

    /// Publishes, under the id of the signing key, another key in its place.
    ///
    /// [`publish_signing_key`](Self::publish_signing_key) is then the rotation of an issuer that
    /// keeps its key ids.
    ///
    /// ```
    /// # use portcullis::{Credentials, Reason};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let issuer = TestIssuer::new();
    /// issuer.publish_predecessor();
    /// let auth = issuer.verifier("api").build()?;
    /// let token = issuer.token().audience("api").sign();
    /// let refused = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(refused.unwrap_err(), Reason::BadSignature);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// When the machine has no randomness for a key.
    pub fn publish_predecessor(&self) {
        let predecessor = SigningKey::generate().expect("the system gives randomness");
        let mut jwk = predecessor.public_jwk();
        let mut state = self.state();
        jwk["kid"] = json!(state.signing.kid());
        state.published = vec![jwk];
    }

    /// Publishes the signing key alone.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// let issuer = TestIssuer::new();
    /// let own = issuer.jwks();
    /// issuer.publish_predecessor();
    /// assert_ne!(issuer.jwks(), own);
    /// issuer.publish_signing_key();
    /// assert_eq!(issuer.jwks(), own);
    /// ```
    pub fn publish_signing_key(&self) {
        let mut state = self.state();
        state.published = vec![state.signing.public_jwk()];
    }

    /// Publishes another key besides those that are published.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// let issuer = TestIssuer::new();
    /// issuer.publish_another();
    /// assert_eq!(issuer.key_set().keys().len(), 2);
    /// ```
    ///
    /// # Panics
    /// When the machine has no randomness for a key.
    pub fn publish_another(&self) {
        let signing = SigningKey::generate().expect("the system gives randomness");
        self.state().published.push(signing.public_jwk());
    }

    /// Publishes, besides the published keys, two keys under the id of `other`'s: that of `other`
    /// and the own signing key.
    ///
    /// A token that names this id, even one that `other` has signed, is then good by neither.
    ///
    /// ```
    /// # use portcullis::{Credentials, Reason};
    /// # use portcullis_testkit::TestIssuer;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (issuer, other) = (TestIssuer::new(), TestIssuer::new());
    /// issuer.publish_twins(&other);
    /// let auth = issuer.verifier("api").build()?;
    /// let token = other.token().audience("api").sign();
    /// let refused = auth.verify(&Credentials::bearer(&token)).await;
    /// assert_eq!(refused.unwrap_err(), Reason::KeyAmbiguous);
    /// # Ok(())
    /// # }
    /// ```
    pub fn publish_twins(&self, other: &Self) {
        let twin = other.state().signing.public_jwk();
        let mut state = self.state();
        let mut own = state.signing.public_jwk();
        own["kid"] = twin["kid"].clone();
        state.published.extend([twin, own]);
    }

    /// Withdraws what [`publish_twins`](Self::publish_twins) has published.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// let (issuer, other) = (TestIssuer::new(), TestIssuer::new());
    /// issuer.publish_twins(&other);
    /// issuer.withdraw_twins(&other);
    /// assert_eq!(issuer.key_set().keys().len(), 1);
    /// ```
    pub fn withdraw_twins(&self, other: &Self) {
        let kid = other.state().signing.kid().to_owned();
        self.state().published.retain(|jwk| jwk["kid"] != *kid);
    }

    /// The published keys.
    ///
    /// ```
    /// # use portcullis::Algorithm;
    /// # use portcullis_testkit::TestIssuer;
    /// let keys = TestIssuer::new().key_set();
    /// assert_eq!(keys.keys()[0].algorithm(), Algorithm::Rs256);
    /// ```
    ///
    /// # Panics
    /// Never: the provider publishes a good key.
    pub fn key_set(&self) -> KeySet {
        let jwks = self.jwks().to_string();
        KeySet::parse(jwks.as_bytes()).expect("the provider publishes a good key")
    }

    /// The key set as it is published (RFC 7517 section 5).
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// let jwks = TestIssuer::new().jwks();
    /// assert_eq!(jwks["keys"][0]["kty"], "RSA");
    /// ```
    pub fn jwks(&self) -> Value {
        json!({ "keys": self.state().published })
    }

    /// The discovery document.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// let document = TestIssuer::new().discovery_document();
    /// assert_eq!(document["jwks_uri"], "https://issuer.example/.well-known/jwks.json");
    /// ```
    pub fn discovery_document(&self) -> Value {
        let base = self.state().base.clone();
        json!({ "issuer": &*self.name, "jwks_uri": format!("{base}/.well-known/jwks.json") })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no code panics while it holds the lock")
    }

    /// The entity tag of a document, where they have some.
    fn etag(&self, body: &Value) -> Option<String> {
        let tags = self.state().tags;
        tags.then(|| {
            let mut hasher = DefaultHasher::new();
            hasher.write(body.to_string().as_bytes());
            format!("\"{:x}\"", hasher.finish())
        })
    }

    /// The body of the document at `url`, or the status that stands for it.
    fn document(&self, url: &Url) -> Result<Value, u16> {
        if url.path().ends_with("/.well-known/openid-configuration") {
            Ok(self.discovery_document())
        } else if url.path().ends_with("/.well-known/jwks.json") {
            Ok(self.jwks())
        } else {
            Err(404)
        }
    }
}

impl Default for TestIssuer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TestIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestIssuer")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl KeyFetcher for TestIssuer {
    fn fetch<'a>(
        &'a self,
        url: &'a Url,
        limit: usize,
    ) -> BoxFuture<'a, Result<Document, FetchError>> {
        let answer = {
            let mut state = self.state();
            state.fetched.push(url.to_string());
            state.answer
        };
        Box::pin(async move {
            let is_key_set = url.path().ends_with("jwks.json");
            let body = match answer {
                Answer::Hang => return future::pending().await,
                Answer::Reset => return Err(reset(url)),
                Answer::TooLarge => {
                    return Err(FetchError::TooLarge {
                        url: url.clone(),
                        limit,
                    });
                }
                Answer::Status(status) => Err(status),
                Answer::NoKeys(status) if is_key_set => Err(status),
                Answer::Html => return Ok(Document::new("<html>")),
                Answer::EmptySet if is_key_set => Ok(json!({ "keys": [] })),
                Answer::OtherIssuer => {
                    Ok(Self::named("https://other.example/").discovery_document())
                }
                Answer::Documents | Answer::EmptySet | Answer::NoKeys(_) => self.document(url),
            };
            match body {
                Ok(body) => Ok(Document {
                    etag: self.etag(&body),
                    ..Document::new(body.to_string())
                }),
                Err(status) => Err(FetchError::Status {
                    url: url.clone(),
                    status,
                }),
            }
        })
    }

    fn revalidate<'a>(
        &'a self,
        url: &'a Url,
        limit: usize,
        etag: &'a str,
    ) -> BoxFuture<'a, Result<Revalidated, FetchError>> {
        Box::pin(async move {
            let document = self.fetch(url, limit).await?;
            if document.etag.as_deref() == Some(etag) {
                self.state().revalidated += 1;
                return Ok(Revalidated::NotModified { max_age: None });
            }
            Ok(Revalidated::Modified(document))
        })
    }
}

fn reset(url: &Url) -> FetchError {
    FetchError::Unreachable {
        url: url.clone(),
        cause: io::Error::from(io::ErrorKind::ConnectionReset).into(),
    }
}

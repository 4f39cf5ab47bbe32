//! The verified token, as a handler receives it.

#[cfg(feature = "axum")]
mod handler;

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;

use http::Extensions;
use portcullis_token::{Claims, Reason, Secret, Verified};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::layer::Checked;

#[cfg(feature = "axum")]
pub use handler::{AccessTokenRejection, FindVerifier};
#[cfg(feature = "axum")]
pub(crate) use handler::{refused, refusing, verifier_of};

/// An access token that was verified, and the claims of one's own that it carries.
///
/// There is no way to make one but by a [`Verifier`](crate::Verifier), so a function that takes it
/// need not check again. `T` is read from the claims after they are verified; a token without the
/// claims that `T` needs is refused with 401 `claim_type`.
///
/// In axum it is an extractor, with a layer or, but for tokens in the query, without; behind other
/// `tower` services, [`AccessToken::find`] takes it from
/// the request's extensions.
///
/// ```
/// use portcullis::AccessToken;
/// use portcullis_testkit::TestIssuer;
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Mine {
///     #[serde(rename = "https://expenses.example/team")]
///     team: Option<String>,
/// }
///
/// fn greet(token: AccessToken<Mine>) -> String {
///     let team = token.custom().team.as_deref();
///     format!("{:?} of {}", token.subject(), team.unwrap_or("no team"))
/// }
///
/// let token = TestIssuer::new().token().claim("https://expenses.example/team", "red").accept();
/// assert_eq!(greet(token.with()?), r#"Some("ada") of red"#);
/// # Ok::<(), portcullis::Reason>(())
/// ```
#[derive(Clone)]
pub struct AccessToken<T = ()> {
    verified: Verified,
    token: Secret<Arc<str>>,
    custom: T,
}

impl AccessToken {
    /// The token of a request that an [`AuthLayer`](crate::AuthLayer) let through.
    ///
    /// None where no layer stands in front, or the caller came without a token.
    ///
    /// ```
    /// use portcullis::AccessToken;
    ///
    /// fn handle(request: &http::Request<()>) -> &'static str {
    ///     match AccessToken::find(request.extensions()) {
    ///         Some(token) if token.has_scope("read:reports") => "reports",
    ///         Some(_) => "no reports",
    ///         None => "stranger",
    ///     }
    /// }
    /// assert_eq!(handle(&http::Request::new(())), "stranger");
    /// ```
    pub fn find(extensions: &Extensions) -> Option<Self> {
        extensions.get().and_then(Self::of)
    }

    fn of(checked: &Checked) -> Option<Self> {
        let credential = checked.credential.as_ref()?;
        Some(Self {
            verified: credential.verified.clone(),
            token: credential.token.clone(),
            custom: (),
        })
    }

    /// The same token with the claims of one's own.
    ///
    /// ```
    /// # use portcullis::Reason;
    /// # use portcullis_testkit::TestIssuer;
    /// #[derive(serde::Deserialize)]
    /// struct Mine {
    ///     seats: u32,
    /// }
    ///
    /// let token = |seats: &str| TestIssuer::new().token().claim("seats", seats.len()).accept();
    /// assert_eq!(token("four").with::<Mine>()?.custom().seats, 4);
    /// let other = TestIssuer::new().token().claim("seats", "four").accept();
    /// assert_eq!(other.with::<Mine>().unwrap_err(), Reason::ClaimType);
    /// # Ok::<(), Reason>(())
    /// ```
    ///
    /// # Errors
    /// [`Reason::ClaimType`] when the claims are not those of `T`.
    pub fn with<T: DeserializeOwned + 'static>(self) -> Result<AccessToken<T>, Reason> {
        let custom = if TypeId::of::<T>() == TypeId::of::<()>() {
            // No claims are asked for; serde reads that from nothing but null.
            serde_json::from_value(Value::Null).map_err(|_| Reason::ClaimType)?
        } else {
            self.verified.deserialize()?
        };
        Ok(AccessToken {
            verified: self.verified,
            token: self.token,
            custom,
        })
    }
}

impl<T> AccessToken<T> {
    /// `sub`: whom the token is about. Unique within its issuer only.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// let token = TestIssuer::new().token().subject("auth0|ada").accept();
    /// assert_eq!(token.subject(), Some("auth0|ada"));
    /// ```
    pub fn subject(&self) -> Option<&str> {
        self.claims().subject()
    }

    /// The application the token was issued to, by `azp` or `client_id`.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// let token = TestIssuer::new().token().claim("azp", "expenses-app").accept();
    /// assert_eq!(token.client_id(), Some("expenses-app"));
    /// ```
    pub fn client_id(&self) -> Option<&str> {
        self.claims().client_id()
    }

    /// The scopes that the token grants.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// let token = TestIssuer::new().token().scope("openid read:reports").accept();
    /// assert_eq!(token.scopes().collect::<Vec<_>>(), ["openid", "read:reports"]);
    /// ```
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.verified.scopes()
    }

    /// Whether the token grants `scope`, compared byte for byte.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// let token = TestIssuer::new().token().scope("read:reports").accept();
    /// assert!(token.has_scope("read:reports"));
    /// assert!(!token.has_scope("read"));
    /// ```
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().any(|granted| granted == scope)
    }

    /// Every claim, as the issuer signed them.
    ///
    /// ```
    /// # use portcullis::ClaimValue;
    /// # use portcullis_testkit::TestIssuer;
    /// let token = TestIssuer::new().token().claim("org_id", "org_1").accept();
    /// let organization = token.claims().find("org_id").and_then(ClaimValue::as_str);
    /// assert_eq!(organization, Some("org_1"));
    /// ```
    pub fn claims(&self) -> &Claims {
        self.verified.claims()
    }

    /// The claims of one's own.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// #[derive(serde::Deserialize)]
    /// struct Mine {
    ///     org_id: String,
    /// }
    ///
    /// let token = TestIssuer::new().token().claim("org_id", "org_1").accept();
    /// assert_eq!(token.with::<Mine>()?.custom().org_id, "org_1");
    /// # Ok::<(), portcullis::Reason>(())
    /// ```
    pub const fn custom(&self) -> &T {
        &self.custom
    }

    /// The proof of verification, for functions that demand it.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// use portcullis::Verified;
    ///
    /// /// Cannot be called for a caller who was not verified.
    /// fn reports_of(caller: &Verified) -> String {
    ///     format!("the reports of {:?}", caller.subject())
    /// }
    ///
    /// let token = TestIssuer::new().token().accept();
    /// assert_eq!(reports_of(token.verified()), r#"the reports of Some("ada")"#);
    /// ```
    pub const fn verified(&self) -> &Verified {
        &self.verified
    }

    /// The token itself, to call another API in the caller's name.
    ///
    /// ```
    /// # use portcullis_testkit::TestIssuer;
    /// let token = TestIssuer::new().token().accept();
    /// assert_eq!(format!("{:?}", token.raw()), "[redacted]");
    /// let header = format!("Bearer {}", token.raw().expose());
    /// assert_eq!(header.matches('.').count(), 2);
    /// ```
    pub fn raw(&self) -> Secret<&str> {
        Secret::new(self.token.expose())
    }
}

impl<T> fmt::Debug for AccessToken<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").finish_non_exhaustive()
    }
}

use portcullis::{Credentials, Verifier};
use portcullis_token::{Reason, TokenType, UnixTime, Unverified, Verified};

use crate::fault::Fault;
use crate::open_id;

/// An issuer whose logins the pool takes.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its name in `Logins`, and others under which it is known as well.
    ///
    /// The first is part of every identity's id.
    pub names: Vec<String>,
    /// The applications whose ID tokens are taken.
    pub client_ids: Vec<String>,
    /// Verifies ID tokens of those applications.
    pub verifier: Verifier,
}

/// A login that was proved.
#[derive(Debug)]
pub(crate) struct Login {
    /// The provider's first name.
    pub(crate) provider: String,
    pub(crate) subject: String,
    pub(crate) token: Verified,
}

impl Provider {
    /// The name of the issuer `url` in `Logins`: without scheme, and without a slash at its end.
    ///
    /// ```
    /// use portcullis_pool::Provider;
    ///
    /// assert_eq!(Provider::name_of("https://myorg.us.auth0.com/"), "myorg.us.auth0.com");
    /// ```
    pub fn name_of(url: &str) -> &str {
        let (_, rest) = url.split_once("://").unwrap_or(("", url));
        rest.trim_end_matches('/')
    }

    /// Proves the login that an ID token of this provider is.
    pub(crate) async fn verify(&self, text: &str, now: UnixTime) -> Result<Login, Fault> {
        let verified = self.verifier.verify(&Credentials::bearer(text)).await;
        let token = verified.map_err(|reason| refusal(reason, text, now))?;
        // OpenID Connect Core section 3.1.3.7: whom it was issued to.
        let azp = token.claims().find("azp");
        let is_ours = |azp: &str| self.client_ids.iter().any(|own| own == azp);
        if azp.is_some_and(|azp| !azp.as_str().is_some_and(is_ours)) {
            return Err(unsupported());
        }
        let Some(subject) = token.subject().filter(|subject| !subject.is_empty()) else {
            return Err(invalid("Missing a required claim: sub"));
        };
        let subject = subject.to_owned();
        Ok(Login {
            provider: self.names.first().cloned().unwrap_or_default(),
            subject,
            token,
        })
    }
}

pub(crate) fn unsupported() -> Fault {
    Fault::not_authorized("Token is not from a supported provider of this identity pool.")
}

fn invalid(what: &str) -> Fault {
    Fault::not_authorized(format!("Invalid login token. {what}"))
}

fn refusal(reason: Reason, text: &str, now: UnixTime) -> Fault {
    let claims = || Unverified::parse(text, TokenType::Any, &mut ()).ok();
    let is_own = || {
        let token = claims();
        token.is_some_and(|token| token.claims().issuer() == Some(open_id::ISSUER))
    };
    match reason {
        Reason::IssUnknown | Reason::AlgNotAllowed if is_own() => {
            invalid("Can't pass in a Cognito token.")
        }
        Reason::IssUnknown => invalid("Issuer doesn't match providerName"),
        Reason::AlgNotAllowed
        | Reason::KeyUnknown
        | Reason::KeyAmbiguous
        | Reason::BadSignature => invalid("Couldn't verify signed token."),
        Reason::Expired => {
            let expires = claims().and_then(|token| token.claims().expires_at());
            let expires = expires.unwrap_or_default().0;
            invalid(&format!("Token expired: {expires} >= {}", now.0))
        }
        Reason::AudMismatch => {
            let has_audience =
                claims().is_some_and(|token| token.claims().audience().next().is_some());
            if has_audience {
                unsupported()
            } else {
                invalid("Missing a required claim: aud")
            }
        }
        Reason::KeysUnavailable => Fault::provider_away(),
        _ => invalid("Not a valid OpenId Connect identity token."),
    }
}

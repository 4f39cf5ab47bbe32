//! The classic mistakes, told from a token that was refused.

use std::fmt;
use std::time::Duration;

use portcullis_token::{Claims, Reason, UnixTime};

use super::{Glance, Refused};

/// A clock that is further off than this is not what a caller means by skew.
const MAX_SKEW: Duration = Duration::from_mins(5);

/// What is probably wrong. It has nothing of the token in it but a number of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    TrailingSlash,
    AudienceSlash,
    WrongRegion,
    IdToken,
    NoAudience,
    SharedSecret,
    AudienceIsClient,
    Ahead(u64),
    JustExpired(u64),
    /// Nothing special: what helps in most cases.
    Remedy(&'static str),
}

impl Hint {
    /// Looks for a mistake that explains the refusal.
    pub(super) fn find(refused: &Refused<'_>, glance: &Glance<'_>, now: UnixTime) -> Self {
        let &Refused {
            reason,
            token,
            issuers,
            audiences,
        } = refused;
        let claims = glance.claims();
        let special = match reason {
            Reason::NotJwt if !token.contains('.') => Some(Self::NoAudience),
            Reason::JweUnsupported => Some(Self::NoAudience),
            Reason::IdToken => Some(Self::IdToken),
            Reason::AlgNotAllowed if is_hmac(glance) => Some(Self::SharedSecret),
            Reason::IssUnknown => claims.and_then(|claims| issuer(claims, issuers)),
            Reason::AudMismatch => claims.and_then(|claims| audience(claims, audiences)),
            Reason::NotYetValid => claims.and_then(|claims| ahead(claims.not_before()?, now)),
            Reason::BadIat => claims.and_then(|claims| ahead(claims.issued_at()?, now)),
            Reason::Expired => claims.and_then(|claims| just_expired(claims, now)),
            _ => None,
        };
        special.unwrap_or(Self::Remedy(reason.remedy()))
    }
}

fn is_hmac(glance: &Glance<'_>) -> bool {
    let algorithm = glance.header().map(portcullis_token::Header::algorithm);
    algorithm.is_some_and(|algorithm| !algorithm.is_asymmetric())
}

fn issuer(claims: &Claims, issuers: &[&str]) -> Option<Hint> {
    let got = claims.issuer()?;
    let same_but_for_slash =
        |name: &&str| got != *name && got.trim_end_matches('/') == name.trim_end_matches('/');
    if issuers.iter().any(same_but_for_slash) {
        return Some(Hint::TrailingSlash);
    }
    let tenant = auth0_tenant(got)?;
    let same_tenant = |name: &&str| auth0_tenant(name) == Some(tenant);
    let is_elsewhere = issuers.iter().any(same_tenant);
    is_elsewhere.then_some(Hint::WrongRegion)
}

/// `acme` of `https://acme.eu.auth0.com/`.
fn auth0_tenant(issuer: &str) -> Option<&str> {
    let host = issuer.strip_prefix("https://")?.trim_end_matches('/');
    host.strip_suffix(".auth0.com")?.split('.').next()
}

/// OpenID Connect Core section 2: the audience of an ID token is the application.
fn audience(claims: &Claims, wanted: &[&str]) -> Option<Hint> {
    let is_id_token = ["nonce", "at_hash", "c_hash"]
        .iter()
        .any(|name| claims.find(name).is_some());
    if is_id_token {
        return Some(Hint::IdToken);
    }
    let bare = |audience: &str| audience.trim_end_matches('/').to_owned();
    let wanted: Vec<String> = wanted.iter().map(|audience| bare(audience)).collect();
    if claims.audience().any(|own| wanted.contains(&bare(own))) {
        return Some(Hint::AudienceSlash);
    }
    let client = claims.client_id()?;
    let is_client = claims.audience().any(|audience| audience == client);
    is_client.then_some(Hint::AudienceIsClient)
}

fn ahead(time: UnixTime, now: UnixTime) -> Option<Hint> {
    let skew = time.since(now);
    (skew <= MAX_SKEW).then_some(Hint::Ahead(skew.as_secs()))
}

fn just_expired(claims: &Claims, now: UnixTime) -> Option<Hint> {
    let ago = now.since(claims.expires_at()?);
    (ago <= MAX_SKEW).then_some(Hint::JustExpired(ago.as_secs()))
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TrailingSlash => {
                "the issuer differs by the slash at its end only: write it as the token's `iss` has it"
            }
            Self::AudienceSlash => {
                "the audience differs by the slash at its end only: write it as the token's `aud` has it"
            }
            Self::WrongRegion => {
                "the token is of the tenant of this name in another region of Auth0"
            }
            Self::IdToken => "this is an ID token: send the access token of the login",
            Self::NoAudience => {
                "Auth0 gives such a token when none of your APIs was named: ask for an `audience`"
            }
            Self::SharedSecret => {
                "the token is signed with a shared secret: at Auth0 set the signing algorithm of the API to RS256"
            }
            Self::AudienceIsClient => {
                "`aud` is the client id, not an API: ask for a token with the API's `audience`"
            }
            Self::Ahead(seconds) => {
                return write!(
                    f,
                    "the issuer's clock is {seconds} s ahead of this machine's: correct the one that is wrong"
                );
            }
            Self::JustExpired(seconds) => {
                return write!(
                    f,
                    "expired {seconds} s ago: get a token again, and if that does not help compare the clocks"
                );
            }
            Self::Remedy(remedy) => remedy,
        })
    }
}

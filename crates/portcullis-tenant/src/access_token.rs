//! The claims of access tokens, in Auth0's four dialects.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use portcullis_store::tenant::ResourceServer;
use portcullis_token::{Secret, SigningError, UnixTime, base64url};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::ids::sha256;
use crate::settings::Api;
use crate::{Issuer, KeyRing};

/// How an API's access tokens are written, by the names of Auth0's `token_dialect`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenDialect {
    /// Auth0's own: `typ` is `JWT`, the client is `azp`, and `gty` tells the grant.
    #[default]
    AccessToken,
    /// Auth0's own, with `permissions`.
    AccessTokenAuthz,
    /// That of RFC 9068: `typ` is `at+jwt`, the client is `client_id`, and there is a `jti`.
    Rfc9068Profile,
    /// That of RFC 9068, with `permissions`.
    Rfc9068ProfileAuthz,
}

/// The text names no [`TokenDialect`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a token dialect")]
pub struct UnknownTokenDialect;

impl TokenDialect {
    /// Every dialect.
    pub const ALL: [Self; 4] = [
        Self::AccessToken,
        Self::AccessTokenAuthz,
        Self::Rfc9068Profile,
        Self::Rfc9068ProfileAuthz,
    ];

    /// Auth0's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
            Self::AccessTokenAuthz => "access_token_authz",
            Self::Rfc9068Profile => "rfc9068_profile",
            Self::Rfc9068ProfileAuthz => "rfc9068_profile_authz",
        }
    }

    const fn is_rfc9068(self) -> bool {
        matches!(self, Self::Rfc9068Profile | Self::Rfc9068ProfileAuthz)
    }

    const fn has_permissions(self) -> bool {
        matches!(self, Self::AccessTokenAuthz | Self::Rfc9068ProfileAuthz)
    }

    const fn typ(self) -> &'static str {
        if self.is_rfc9068() { "at+jwt" } else { "JWT" }
    }
}

impl fmt::Display for TokenDialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for TokenDialect {
    type Err = UnknownTokenDialect;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|dialect| dialect.name() == name)
            .ok_or(UnknownTokenDialect)
    }
}

/// On whose behalf a token is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject<'a> {
    /// The application's own: `sub` is `CLIENT_ID@clients`.
    Client,
    /// That of the user with this id, such as `auth0|507f1f77bcf86cd799439011`.
    User(&'a str),
}

/// The grants that Auth0 tells in `gty`; a login in a browser is not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToldGrant {
    /// `client-credentials`: with a hyphen, unlike the `grant_type`.
    ClientCredentials,
    /// `password`.
    Password,
    /// `refresh_token`.
    RefreshToken,
}

impl ToldGrant {
    const fn name(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client-credentials",
            Self::Password => "password",
            Self::RefreshToken => "refresh_token",
        }
    }
}

/// What an access token says.
#[derive(Clone, Copy, Debug)]
pub struct AccessToken<'a> {
    /// The `iss`.
    pub issuer: &'a Issuer,
    /// How it is written.
    pub dialect: TokenDialect,
    /// On whose behalf it is used.
    pub subject: Subject<'a>,
    /// Who got it.
    pub client_id: &'a str,
    /// The API. With the scope `openid` the user-info endpoint is added.
    pub audience: &'a str,
    /// Scopes, separated by spaces; left out when empty.
    pub scope: &'a str,
    /// Told in the `_authz` dialects only, even when empty.
    pub permissions: &'a [&'a str],
    /// Told in Auth0's own dialects only.
    pub grant: Option<ToldGrant>,
    /// The `jti` of RFC 9068's dialects; not read for others.
    pub jti: &'a str,
    /// The `iat`.
    pub issued_at: UnixTime,
    /// From `iat` to `exp`.
    pub lifetime: Duration,
    /// What the tenant's settings add; none of the names above.
    pub custom: Option<&'a Map<String, Value>>,
}

/// The claims in the order of Auth0's tokens.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: String,
    aud: OneOrTwo<'a>,
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "str::is_empty")]
    scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    gty: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    azp: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<&'a [&'a str]>,
    #[serde(flatten)]
    custom: Option<&'a Map<String, Value>>,
}

/// The audience: a text for one, a list for two.
#[derive(Serialize)]
#[serde(untagged)]
enum OneOrTwo<'a> {
    One(&'a str),
    Two([String; 2]),
}

impl AccessToken<'_> {
    /// Signs the token with the current key.
    ///
    /// # Errors
    /// [`SigningError::Crypto`] when the machine runs out of memory.
    pub fn sign(&self, keys: &KeyRing) -> Result<Secret<String>, SigningError> {
        keys.sign(self.dialect.typ(), &self.claims())
            .map(Secret::new)
    }

    fn claims(&self) -> Claims<'_> {
        let rfc9068 = self.dialect.is_rfc9068();
        let sub = match self.subject {
            Subject::Client => format!("{}@clients", self.client_id),
            Subject::User(id) => id.to_owned(),
        };
        let auth0 = |grant: ToldGrant| (!rfc9068).then(|| grant.name());
        Claims {
            iss: self.issuer.as_str(),
            sub,
            aud: self.aud(),
            iat: self.issued_at.0,
            exp: self.issued_at.plus(self.lifetime).0,
            scope: self.scope,
            gty: self.grant.and_then(auth0),
            jti: rfc9068.then_some(self.jti),
            client_id: rfc9068.then_some(self.client_id),
            azp: (!rfc9068).then_some(self.client_id),
            permissions: self.dialect.has_permissions().then_some(self.permissions),
            custom: self.custom,
        }
    }

    fn aud(&self) -> OneOrTwo<'_> {
        if self.scope.split(' ').any(|scope| scope == "openid") {
            let user_info = self.issuer.endpoint("userinfo");
            OneOrTwo::Two([self.audience.to_owned(), user_info])
        } else {
            OneOrTwo::One(self.audience)
        }
    }
}

/// By what a signed token is revoked, whatever its dialect: the SHA-256 of it, base64url.
///
/// Whoever accepts such a token here asks
/// [`TokenIds::is_revoked`](portcullis_store::tenant::TokenIds::is_revoked) for it.
pub(crate) fn revocation_id(token: &Secret<String>) -> String {
    base64url::encode(&sha256(token.expose()))
}

/// How long the tokens of `api` are valid; a time that cannot be meant is read as Auth0's default.
pub(crate) fn lifetime(api: &ResourceServer) -> Duration {
    let seconds = u64::try_from(api.token_lifetime).ok();
    seconds
        .filter(|seconds| *seconds > 0)
        .map_or(Api::DEFAULT_TOKEN_LIFETIME, Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(token: &AccessToken<'_>) -> Value {
        serde_json::to_value(token.claims()).unwrap()
    }

    #[test]
    fn a_dialect_is_named_as_auth0_names_it() {
        for dialect in TokenDialect::ALL {
            assert_eq!(dialect.name().parse(), Ok(dialect));
        }
        for name in ["", "Access_Token", "rfc9068"] {
            assert_eq!(
                name.parse::<TokenDialect>(),
                Err(UnknownTokenDialect),
                "{name}"
            );
        }
    }

    #[test]
    fn each_dialect_has_its_own_claims() {
        let issuer = "https://tenant.example/".parse().unwrap();
        let token = AccessToken {
            issuer: &issuer,
            dialect: TokenDialect::AccessToken,
            subject: Subject::User("auth0|507f1f77bcf86cd799439011"),
            client_id: "web",
            audience: "https://expenses-api",
            scope: "read:reports",
            permissions: &["read:reports", "write:reports"],
            grant: Some(ToldGrant::RefreshToken),
            jti: "unique",
            issued_at: UnixTime(1_700_000_000),
            lifetime: Duration::from_hours(24),
            custom: None,
        };
        let shared = json!({
            "iss": "https://tenant.example/",
            "sub": "auth0|507f1f77bcf86cd799439011",
            "aud": "https://expenses-api",
            "iat": 1_700_000_000,
            "exp": 1_700_086_400,
            "scope": "read:reports",
        });
        let auth0 = json!({ "azp": "web", "gty": "refresh_token" });
        let rfc9068 = json!({ "client_id": "web", "jti": "unique" });
        let permissions = json!({ "permissions": ["read:reports", "write:reports"] });
        for (dialect, typ, own, permissions) in [
            (TokenDialect::AccessToken, "JWT", &auth0, &Value::Null),
            (TokenDialect::AccessTokenAuthz, "JWT", &auth0, &permissions),
            (
                TokenDialect::Rfc9068Profile,
                "at+jwt",
                &rfc9068,
                &Value::Null,
            ),
            (
                TokenDialect::Rfc9068ProfileAuthz,
                "at+jwt",
                &rfc9068,
                &permissions,
            ),
        ] {
            let mut expected = shared.as_object().unwrap().clone();
            for more in [own, permissions] {
                expected.extend(more.as_object().cloned().unwrap_or_default());
            }
            let token = AccessToken { dialect, ..token };
            assert_eq!(claims(&token), Value::Object(expected), "{dialect}");
            assert_eq!(dialect.typ(), typ, "{dialect}");
        }
    }

    #[test]
    fn claims_follow_the_grant_and_the_scopes() {
        let issuer = "https://tenant.example/".parse().unwrap();
        let token = AccessToken {
            issuer: &issuer,
            dialect: TokenDialect::AccessTokenAuthz,
            subject: Subject::Client,
            client_id: "web",
            audience: "api",
            scope: "",
            permissions: &[],
            grant: None,
            jti: "",
            issued_at: UnixTime(0),
            lifetime: Duration::from_secs(1),
            custom: None,
        };
        let with_user_info = json!(["api", "https://tenant.example/userinfo"]);
        for (name, token, claim, expected) in [
            ("client", token, "sub", json!("web@clients")),
            ("no scope", token, "scope", Value::Null),
            ("no permissions", token, "permissions", json!([])),
            ("a login", token, "gty", Value::Null),
            (
                "client credentials",
                AccessToken {
                    grant: Some(ToldGrant::ClientCredentials),
                    ..token
                },
                "gty",
                json!("client-credentials"),
            ),
            (
                "password",
                AccessToken {
                    grant: Some(ToldGrant::Password),
                    ..token
                },
                "gty",
                json!("password"),
            ),
            (
                "openid",
                AccessToken {
                    scope: "read openid",
                    ..token
                },
                "aud",
                with_user_info,
            ),
            (
                "almost openid",
                AccessToken {
                    scope: "openid2",
                    ..token
                },
                "aud",
                json!("api"),
            ),
        ] {
            let claims = claims(&token);
            assert_eq!(
                claims.get(claim).unwrap_or(&Value::Null),
                &expected,
                "{name}"
            );
        }
    }
}

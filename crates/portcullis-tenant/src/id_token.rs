//! What a client learns about a user: the ID token and the answer of `/userinfo`.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use portcullis_token::{Secret, SigningError, UnixTime, base64url};
use serde_json::{Map, Value};

use crate::{Issuer, KeyRing};

/// A user, as far as clients may learn about one.
#[derive(Clone, Copy, Debug)]
pub struct User<'a> {
    /// The `sub`, such as `auth0|507f1f77bcf86cd799439011`.
    pub id: &'a str,
    /// The address, lower case.
    pub email: Option<&'a str>,
    /// Whether it is known to be the user's.
    pub email_verified: bool,
    /// The whole name; the address stands in for an absent one.
    pub name: Option<&'a str>,
    /// The first name.
    pub given_name: Option<&'a str>,
    /// The last name.
    pub family_name: Option<&'a str>,
    /// The address up to its `@` stands in for an absent one.
    pub nickname: Option<&'a str>,
    /// A URL; a Gravatar of the address stands in for an absent one.
    pub picture: Option<&'a str>,
    /// When any of this changed last.
    pub updated_at: UnixTime,
}

impl User<'_> {
    /// The claims that `scope` opens (OpenID Connect Core 1.0 section 5.4), without `sub`.
    ///
    /// As Auth0 has it, `updated_at` is an ISO 8601 text, and a claim's own name is a scope, too.
    pub fn claims(&self, scope: &str) -> Map<String, Value> {
        let has = |names: &[&str]| scope.split(' ').any(|scope| names.contains(&scope));
        let local_part = self.email.and_then(|email| email.split('@').next());
        let gravatar = || self.email.map(gravatar);
        let picture = self.picture.map(str::to_owned).or_else(gravatar);
        let text = |value: Option<&str>| value.map(Value::from);
        let email_verified = self.email.map(|_| Value::from(self.email_verified));
        [
            ("given_name", "profile", text(self.given_name)),
            ("family_name", "profile", text(self.family_name)),
            ("nickname", "profile", text(self.nickname.or(local_part))),
            ("name", "profile", text(self.name.or(self.email))),
            ("picture", "profile", picture.map(Value::from)),
            ("updated_at", "profile", Some(iso(self.updated_at).into())),
            ("email", "email", text(self.email)),
            ("email_verified", "email", email_verified),
        ]
        .into_iter()
        .filter(|(claim, group, _)| has(&[claim, group]))
        .filter_map(|(claim, _, value)| Some((claim.to_owned(), value?)))
        .collect()
    }
}

/// What an ID token says (OpenID Connect Core 1.0 section 2).
#[derive(Clone, Copy, Debug)]
pub struct IdToken<'a> {
    /// The `iss`.
    pub issuer: &'a Issuer,
    /// The `aud`: who asked.
    pub client_id: &'a str,
    /// Who logged in.
    pub user: User<'a>,
    /// The scopes that were given; they decide what is told of the user.
    pub scope: &'a str,
    /// That of the authorization request. Absent in answers to a refresh token: SDKs refuse it.
    pub nonce: Option<&'a str>,
    /// The code that is sent along, for `c_hash` (section 3.3.2.11).
    pub code: Option<&'a Secret<String>>,
    /// The access token that is sent along by the browser, for `at_hash` (section 3.2.2.9).
    pub access_token: Option<&'a Secret<String>>,
    /// When the password was typed; told where `max_age` was asked for.
    pub authenticated_at: Option<UnixTime>,
    /// The session, for logouts.
    pub session: Option<&'a str>,
    /// The `iat`.
    pub issued_at: UnixTime,
    /// From `iat` to `exp`.
    pub lifetime: Duration,
    /// What the tenant's settings add; the token's own claims win.
    pub custom: Option<&'a Map<String, Value>>,
}

impl IdToken<'_> {
    /// What Auth0 gives unless told otherwise: 10 hours.
    pub const DEFAULT_LIFETIME: Duration = Duration::from_hours(10);

    /// Signs the token with the current key.
    ///
    /// # Errors
    /// [`SigningError::Crypto`] when the machine runs out of memory.
    pub fn sign(&self, keys: &KeyRing) -> Result<Secret<String>, SigningError> {
        keys.sign("JWT", &self.claims()).map(Secret::new)
    }

    fn claims(&self) -> Map<String, Value> {
        let mut claims = self.custom.cloned().unwrap_or_default();
        claims.extend(self.user.claims(self.scope));
        let text = |value: Option<&str>| value.map(Value::from);
        let hash = |token: Option<&Secret<String>>| token.map(|token| half_hash(token).into());
        let exp = self.issued_at.plus(self.lifetime);
        for (name, value) in [
            ("iss", Some(self.issuer.as_str().into())),
            ("sub", Some(self.user.id.into())),
            ("aud", Some(self.client_id.into())),
            ("iat", Some(self.issued_at.0.into())),
            ("exp", Some(exp.0.into())),
            ("auth_time", self.authenticated_at.map(|time| time.0.into())),
            ("sid", text(self.session)),
            ("nonce", text(self.nonce)),
            ("c_hash", hash(self.code)),
            ("at_hash", hash(self.access_token)),
        ] {
            if let Some(value) = value {
                claims.insert(name.to_owned(), value);
            }
        }
        claims
    }
}

/// The left half of the SHA-256, which belongs to RS256 (section 3.1.3.6).
fn half_hash(token: &Secret<String>) -> String {
    let hash = digest(&SHA256, token.expose().as_bytes());
    let (left, _) = hash.as_ref().split_at(hash.as_ref().len() / 2);
    base64url::encode(left)
}

/// Such as `2026-11-24T14:00:00.000Z`: Auth0 tells milliseconds.
pub(crate) fn iso(time: UnixTime) -> String {
    let text = time.to_string();
    match text.strip_suffix('Z') {
        Some(text) => format!("{text}.000Z"),
        None => text,
    }
}

/// A picture for an address, by its SHA-256; one is drawn where none was chosen.
pub(crate) fn gravatar(email: &str) -> String {
    let address = email.trim().to_lowercase();
    let hash = digest(&SHA256, address.as_bytes());
    let hex = hash.as_ref().iter().fold(String::new(), |mut hex, byte| {
        hex.push_str(&format!("{byte:02x}"));
        hex
    });
    format!("https://s.gravatar.com/avatar/{hex}?s=480&r=pg&d=identicon")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ADA: User<'_> = User {
        id: "auth0|507f1f77bcf86cd799439011",
        email: Some("ada@example.com"),
        email_verified: true,
        name: None,
        given_name: None,
        family_name: None,
        nickname: None,
        picture: None,
        updated_at: UnixTime(1_700_000_000),
    };

    #[test]
    fn each_scope_opens_its_claims() {
        let full = User {
            name: Some("Ada Lovelace"),
            given_name: Some("Ada"),
            family_name: Some("Lovelace"),
            nickname: Some("countess"),
            picture: Some("https://example.com/ada.png"),
            ..ADA
        };
        let bare = User { email: None, ..ADA };
        let profile = json!({
            "name": "Ada Lovelace",
            "given_name": "Ada",
            "family_name": "Lovelace",
            "nickname": "countess",
            "picture": "https://example.com/ada.png",
            "updated_at": "2023-11-14T22:13:20.000Z",
        });
        let email = json!({ "email": "ada@example.com", "email_verified": true });
        let mut both = profile.clone();
        both.as_object_mut()
            .unwrap()
            .extend(email.as_object().unwrap().clone());
        for (name, user, scope, expected) in [
            ("openid", full, "openid", json!({})),
            ("profile", full, "openid profile", profile),
            ("email", full, "email", email.clone()),
            ("both", full, "openid profile email", both),
            (
                "a claim",
                full,
                "openid name",
                json!({ "name": "Ada Lovelace" }),
            ),
            ("another", full, "profiles emails", json!({})),
            ("no address", bare, "email", json!({})),
            (
                "nothing known",
                bare,
                "profile",
                json!({ "updated_at": "2023-11-14T22:13:20.000Z" }),
            ),
        ] {
            assert_eq!(Value::Object(user.claims(scope)), expected, "{name}");
        }
    }

    #[test]
    fn an_address_stands_in_for_what_is_not_known() {
        let claims = ADA.claims("profile");
        assert_eq!(claims["nickname"], "ada");
        assert_eq!(claims["name"], "ada@example.com");
        let picture = claims["picture"].as_str().unwrap();
        let hash = "b5fc85e55755f9e0d030a10ab4429b6b2944855f9a0d60077fe832becbc41d72";
        let expected = format!("https://s.gravatar.com/avatar/{hash}?s=480&r=pg&d=identicon");
        assert_eq!(picture, expected);
        let other = User {
            email: Some(" Ada@Example.com "),
            ..ADA
        };
        assert_eq!(other.claims("picture")["picture"], picture);
    }

    #[test]
    fn an_id_token_tells_what_was_asked_for_and_no_more() {
        let issuer = "https://tenant.example/".parse().unwrap();
        // OpenID Connect Core 1.0 appendix A.4 and A.6.
        let code =
            Secret::new("Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk".to_owned());
        let access_token = Secret::new("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y".to_owned());
        let token = IdToken {
            issuer: &issuer,
            client_id: "web",
            user: ADA,
            scope: "openid",
            nonce: None,
            code: None,
            access_token: None,
            authenticated_at: None,
            session: None,
            issued_at: UnixTime(1_700_000_000),
            lifetime: IdToken::DEFAULT_LIFETIME,
            custom: None,
        };
        let least = json!({
            "iss": "https://tenant.example/",
            "sub": "auth0|507f1f77bcf86cd799439011",
            "aud": "web",
            "iat": 1_700_000_000,
            "exp": 1_700_036_000,
        });
        assert_eq!(Value::Object(token.claims()), least);

        let most = IdToken {
            scope: "openid email",
            nonce: Some("n"),
            code: Some(&code),
            access_token: Some(&access_token),
            authenticated_at: Some(UnixTime(1_699_999_000)),
            session: Some("s"),
            ..token
        };
        let mut expected = least.as_object().unwrap().clone();
        let more = json!({
            "email": "ada@example.com",
            "email_verified": true,
            "nonce": "n",
            "c_hash": "LDktKdoQak3Pk0cnXxCltA",
            "at_hash": "77QmUPtjPfzWtF2AnpK9RQ",
            "auth_time": 1_699_999_000,
            "sid": "s",
        });
        expected.extend(more.as_object().unwrap().clone());
        assert_eq!(most.claims(), expected);
    }
}

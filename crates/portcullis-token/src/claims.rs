use serde_json::Value;

use crate::json::{ClaimValue, Limits, Object};
use crate::{DuplicateClaims, Reason, Step, Trace, UnixTime, base64url};

const LIMITS: Limits = Limits {
    depth: 32,
    members: 256,
};

/// The largest integer that every JSON reader agrees on (RFC 8259 section 6).
const MAX_NUMBER: f64 = 9_007_199_254_740_992.0;

/// A token's claims; the registered ones have the types of RFC 7519 section 4.1.
///
/// Clones share one piece of memory. They are only as trustworthy as where they come from: those of
/// [`Verified`](crate::Verified) were signed by the issuer.
///
/// ```
/// use portcullis_token::{TokenType, UnixTime, Unverified};
///
/// // {"alg":"RS256"}.{"sub":"ada","aud":"api","exp":100}
/// let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEiLCJhdWQiOiJhcGkiLCJleHAiOjEwMH0.AA";
/// let token = Unverified::parse(token, TokenType::Lenient, &mut ())?;
/// let claims = token.claims();
/// assert_eq!(claims.subject(), Some("ada"));
/// assert!(claims.audience().eq(["api"]));
/// assert_eq!(claims.expires_at(), Some(UnixTime(100)));
/// # Ok::<(), portcullis_token::Reason>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    members: Object,
}

impl Claims {
    /// Reads the second segment, still base64url, and tells whether a claim stood twice.
    pub(crate) fn parse(
        segment: &[u8],
        duplicates: DuplicateClaims,
        trace: &mut impl Trace,
    ) -> Result<(Self, bool), Reason> {
        let json = base64url::decode(segment).map_err(|_| Reason::BadBase64);
        let claims = json.and_then(|json| match Self::from_json(&json) {
            Err(Reason::BadClaims) if duplicates == DuplicateClaims::Last => {
                Ok((Self::last_of_each(&json)?, true))
            }
            claims => Ok((claims?, false)),
        });
        match &claims {
            Ok((claims, _)) => {
                trace.passed(Step::Claims, || {
                    format!("{} members", claims.members.members().count())
                });
            }
            Err(reason) => trace.refused(
                Step::Claims,
                || {
                    "a JSON object without duplicates, registered claims of their RFC 7519 types"
                        .to_owned()
                },
                || reason.code().to_owned(),
            ),
        }
        claims
    }

    pub(crate) fn from_json(json: &[u8]) -> Result<Self, Reason> {
        Self::typed(Object::parse(json, LIMITS).map_err(|_| Reason::BadClaims)?)
    }

    fn last_of_each(json: &[u8]) -> Result<Self, Reason> {
        Self::typed(Object::parse_last(json, LIMITS).map_err(|_| Reason::BadClaims)?)
    }

    fn typed(members: Object) -> Result<Self, Reason> {
        let well_typed = members
            .members()
            .all(|(name, value)| has_registered_type(name, value));
        if well_typed {
            Ok(Self { members })
        } else {
            Err(Reason::ClaimType)
        }
    }

    /// `iss`: who issued the token.
    ///
    /// ```
    /// use portcullis_token::Introspected;
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"iss":"https://a.example/"}"#)?;
    /// assert_eq!(answer.claims().issuer(), Some("https://a.example/"));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn issuer(&self) -> Option<&str> {
        self.text("iss")
    }

    /// `sub`: whom the token is about. Unique within its issuer only.
    ///
    /// ```
    /// use portcullis_token::Introspected;
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"sub":"auth0|ada"}"#)?;
    /// assert_eq!(answer.claims().subject(), Some("auth0|ada"));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn subject(&self) -> Option<&str> {
        self.text("sub")
    }

    /// `azp` (Auth0) or `client_id` (RFC 9068): the application the token was issued to.
    ///
    /// ```
    /// use portcullis_token::Introspected;
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"client_id":"web"}"#)?;
    /// assert_eq!(answer.claims().client_id(), Some("web"));
    /// let both = Introspected::parse(br#"{"active":true,"client_id":"web","azp":"app"}"#)?;
    /// assert_eq!(both.claims().client_id(), Some("app"));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn client_id(&self) -> Option<&str> {
        self.text("azp").or_else(|| self.text("client_id"))
    }

    /// `aud`: the APIs the token is meant for; empty when the claim is absent.
    ///
    /// ```
    /// use portcullis_token::Introspected;
    ///
    /// let one = Introspected::parse(br#"{"active":true,"aud":"api"}"#)?;
    /// assert!(one.claims().audience().eq(["api"]));
    /// let two = Introspected::parse(br#"{"active":true,"aud":["api","userinfo"]}"#)?;
    /// assert!(two.claims().audience().eq(["api", "userinfo"]));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn audience(&self) -> impl Iterator<Item = &str> {
        strings(self.find("aud"))
    }

    /// `exp`: the token is refused from this second on. A fraction is dropped.
    ///
    /// ```
    /// use portcullis_token::{Introspected, UnixTime};
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"exp":100.9}"#)?;
    /// assert_eq!(answer.claims().expires_at(), Some(UnixTime(100)));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn expires_at(&self) -> Option<UnixTime> {
        self.time("exp")
    }

    /// `nbf`: the token is refused before this second. A fraction is dropped.
    ///
    /// ```
    /// use portcullis_token::{Introspected, UnixTime};
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"nbf":100}"#)?;
    /// assert_eq!(answer.claims().not_before(), Some(UnixTime(100)));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn not_before(&self) -> Option<UnixTime> {
        self.time("nbf")
    }

    /// `iat`: when the token was issued. A fraction is dropped.
    ///
    /// ```
    /// use std::time::Duration;
    /// use portcullis_token::Introspected;
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"iat":100,"exp":3700}"#)?;
    /// let claims = answer.claims();
    /// let lifetime = claims.issued_at().zip(claims.expires_at()).map(|(from, to)| to.since(from));
    /// assert_eq!(lifetime, Some(Duration::from_secs(3600)));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn issued_at(&self) -> Option<UnixTime> {
        self.time("iat")
    }

    /// `jti`: the token's own id. Unique within its issuer only.
    ///
    /// ```
    /// use portcullis_token::Introspected;
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"jti":"t-1"}"#)?;
    /// assert_eq!(answer.claims().token_id(), Some("t-1"));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn token_id(&self) -> Option<&str> {
        self.text("jti")
    }

    /// `auth_time`: when the user logged in (OpenID Connect Core section 2). A fraction is
    /// dropped.
    ///
    /// ```
    /// use portcullis_token::{Introspected, UnixTime};
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"auth_time":100}"#)?;
    /// assert_eq!(answer.claims().authenticated_at(), Some(UnixTime(100)));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn authenticated_at(&self) -> Option<UnixTime> {
        self.time("auth_time")
    }

    /// Any claim by its literal name, registered or not.
    ///
    /// ```
    /// use portcullis_token::Introspected;
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"https://example.com/team":"red"}"#)?;
    /// let team = answer.claims().find("https://example.com/team");
    /// assert_eq!(team.and_then(|team| team.as_str()), Some("red"));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn find(&self, name: &str) -> Option<ClaimValue<'_>> {
        self.members.find(name)
    }

    /// Any claim by its literal name, or, for a `path` that begins with `/`, a value within one
    /// by its JSON pointer (RFC 6901).
    ///
    /// ```
    /// use portcullis_token::Introspected;
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"realm_access":{"roles":["staff"]}}"#)?;
    /// let role = answer.claims().locate("/realm_access/roles/0");
    /// assert_eq!(role.and_then(|role| role.as_str()), Some("staff"));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn locate(&self, path: &str) -> Option<ClaimValue<'_>> {
        let Some(pointer) = path.strip_prefix('/') else {
            return self.find(path);
        };
        let name_end = pointer.find('/').unwrap_or(pointer.len());
        let (name, rest) = pointer.split_at(name_end);
        if name.contains('~') {
            self.find(&name.replace("~1", "/").replace("~0", "~"))
        } else {
            self.find(name)
        }?
        .pointer(rest)
    }

    /// The scopes listed in the claims that `sources` name, such as `scope`, `scp` and
    /// `/realm_access/roles`; see [`Claims::locate`].
    ///
    /// A string is split at spaces and at nothing else (RFC 6749 section 3.3); an array lists one
    /// scope an item.
    ///
    /// ```
    /// use portcullis_token::Introspected;
    ///
    /// let json = br#"{"active":true,"scope":"read write","permissions":["delete"]}"#;
    /// let answer = Introspected::parse(json)?;
    /// let sources = ["scope", "permissions"].map(str::to_owned);
    /// assert!(answer.claims().scopes(&sources).eq(["read", "write", "delete"]));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn scopes<'c>(&'c self, sources: &'c [String]) -> impl Iterator<Item = &'c str> {
        sources
            .iter()
            .flat_map(|name| strings(self.locate(name)))
            .flat_map(|text| text.split(' '))
            .filter(|scope| !scope.is_empty())
    }

    /// What they take in memory, in bytes: about as many as their JSON.
    ///
    /// ```
    /// use portcullis_token::Introspected;
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"sub":"ada"}"#)?;
    /// assert!((20..100).contains(&answer.claims().size()));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.members.size()
    }

    /// All claims as one object.
    pub(crate) fn to_value(&self) -> Value {
        Value::Object(self.members.to_map())
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.find(name).and_then(ClaimValue::as_str)
    }

    fn time(&self, name: &str) -> Option<UnixTime> {
        self.find(name).and_then(numeric_date)
    }
}

/// A string, or the strings of an array; nothing for anything else.
fn strings(value: Option<ClaimValue<'_>>) -> impl Iterator<Item = &str> {
    let one = value.and_then(ClaimValue::as_str);
    let many = value.into_iter().flat_map(ClaimValue::items);
    one.into_iter().chain(many.filter_map(ClaimValue::as_str))
}

fn has_registered_type(name: &str, value: ClaimValue<'_>) -> bool {
    match name {
        "iss" | "sub" | "jti" | "client_id" | "azp" => value.as_str().is_some(),
        "aud" | "scope" => is_string_or_strings(value),
        "exp" | "nbf" | "iat" | "auth_time" => numeric_date(value).is_some(),
        "cnf" => value.is_object(),
        _ => true,
    }
}

fn is_string_or_strings(value: ClaimValue<'_>) -> bool {
    let mut items = value.items();
    value.as_str().is_some() || (value.is_array() && items.all(|item| item.as_str().is_some()))
}

/// RFC 7519 section 2: seconds since 1970, with or without a fraction, from 0 to 2^53.
fn numeric_date(value: ClaimValue<'_>) -> Option<UnixTime> {
    let seconds = value
        .as_f64()
        .filter(|seconds| (0.0..=MAX_NUMBER).contains(seconds))?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the line above bounds it to 0..=2^53; dropping the fraction is documented"
    )]
    Some(UnixTime(seconds as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Claims, Reason> {
        parse_with(json, DuplicateClaims::Rejected).map(|(claims, _)| claims)
    }

    fn parse_with(json: &str, duplicates: DuplicateClaims) -> Result<(Claims, bool), Reason> {
        let segment = base64url::encode(json.as_bytes());
        Claims::parse(segment.as_bytes(), duplicates, &mut ())
    }

    #[test]
    fn registered_claims_have_their_types() {
        for json in [
            "{}",
            r#"{"iss":"a","sub":"b","jti":"c","client_id":"d","azp":"e"}"#,
            r#"{"aud":"a"}"#,
            r#"{"aud":["a","b"]}"#,
            r#"{"aud":[]}"#,
            r#"{"exp":0,"nbf":1.5,"iat":9007199254740992}"#,
            r#"{"scope":"a b"}"#,
            r#"{"scope":["a","b"]}"#,
            r#"{"cnf":{"jkt":"x"}}"#,
            r#"{"anything":null,"https://example.com/roles":[1,{}]}"#,
        ] {
            assert_eq!(parse(json).map(drop), Ok(()), "{json}");
        }
        for json in [
            r#"{"iss":1}"#,
            r#"{"iss":null}"#,
            r#"{"sub":["a"]}"#,
            r#"{"jti":1}"#,
            r#"{"azp":{}}"#,
            r#"{"aud":1}"#,
            r#"{"aud":{}}"#,
            r#"{"aud":null}"#,
            r#"{"aud":[1,"x"]}"#,
            r#"{"exp":"1"}"#,
            r#"{"exp":null}"#,
            r#"{"exp":true}"#,
            r#"{"exp":-1}"#,
            r#"{"exp":1e300}"#,
            r#"{"exp":9007199254740994}"#,
            r#"{"nbf":"soon"}"#,
            r#"{"iat":[]}"#,
            r#"{"auth_time":"x"}"#,
            r#"{"scope":1}"#,
            r#"{"scope":["a",1]}"#,
            r#"{"cnf":"x"}"#,
        ] {
            assert_eq!(parse(json), Err(Reason::ClaimType), "{json}");
        }
    }

    #[test]
    fn claims_are_one_bounded_object_without_duplicates() {
        let many = |count: usize| {
            let members: Vec<_> = (0..count).map(|n| format!("\"c{n}\":0")).collect();
            format!("{{{}}}", members.join(","))
        };
        assert_eq!(parse(&many(256)).map(drop), Ok(()));
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(32), "]".repeat(32));
        for json in [
            "[]",
            "1",
            "",
            "{}{}",
            r#"{"sub":"a","sub":"a"}"#,
            &many(257),
            &deep,
        ] {
            assert_eq!(parse(json), Err(Reason::BadClaims), "{json:.60}");
        }
        let padded = Claims::parse(b"e30=", DuplicateClaims::Rejected, &mut ());
        assert_eq!(padded, Err(Reason::BadBase64));
    }

    #[test]
    fn of_claims_that_stand_twice_the_last_counts_where_that_is_asked_for() {
        let many = |count: usize| {
            let members: Vec<_> = (0..count).map(|n| format!("\"c{n}\":0")).collect();
            format!("{{\"c0\":1,{}}}", members.join(","))
        };
        for (json, expected) in [
            (
                r#"{"sub":"a","exp":1}"#,
                Ok((r#"{"sub":"a","exp":1}"#, false)),
            ),
            (
                r#"{"sub":"a","exp":1,"sub":"b"}"#,
                Ok((r#"{"sub":"b","exp":1}"#, true)),
            ),
            (
                r#"{"aud":["a"],"aud":{"b":1},"aud":"c","x":null}"#,
                Ok((r#"{"aud":"c","x":null}"#, true)),
            ),
            (
                r#"{"cnf":{"jkt":"a","jkt":"b"}}"#,
                Ok((r#"{"cnf":{"jkt":"b"}}"#, true)),
            ),
            (r#"{"sub":"a","sub":1}"#, Err(Reason::ClaimType)),
            (r#"{"sub":"a","sub":"b""#, Err(Reason::BadClaims)),
            ("[]", Err(Reason::BadClaims)),
            (&many(256), Err(Reason::BadClaims)),
        ] {
            let parsed = parse_with(json, DuplicateClaims::Last);
            let expected = expected.map(|(json, repeats)| (parse(json).unwrap(), repeats));
            assert_eq!(parsed, expected, "{json:.60}");
        }
        let (claims, repeats) = parse_with(&many(255), DuplicateClaims::Last).unwrap();
        assert_eq!((claims.members.members().count(), repeats), (255, true));
        let (claims, _) = parse_with(r#"{"sub":"a","sub":"b"}"#, DuplicateClaims::Last).unwrap();
        assert_eq!(claims.subject(), Some("b"));
    }

    #[test]
    fn scopes_are_split_at_spaces_only() {
        let sources = ["scope", "scp", "/realm_access/roles"].map(str::to_owned);
        for (json, expected) in [
            (r#"{"scope":"a  b "}"#, &["a", "b"][..]),
            (r#"{"scope":"a,b c\td"}"#, &["a,b", "c\td"]),
            (r#"{"scope":["a","b"],"scp":"c"}"#, &["a", "b", "c"]),
            (r#"{"permissions":["a"]}"#, &[]),
            (r#"{"scp":{"a":1}}"#, &[]),
            (r#"{"realm_access":{"roles":["a","b"]}}"#, &["a", "b"]),
            (r#"{"realm_access":["roles"]}"#, &[]),
            ("{}", &[]),
        ] {
            let claims = parse(json).unwrap();
            assert_eq!(
                claims.scopes(&sources).collect::<Vec<_>>(),
                expected,
                "{json}"
            );
        }
    }

    #[test]
    fn a_fraction_of_a_second_is_dropped() {
        let claims = parse(r#"{"exp":100.9}"#).unwrap();
        assert_eq!(claims.expires_at(), Some(UnixTime(100)));
    }
}

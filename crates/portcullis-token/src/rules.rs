use std::sync::Arc;
use std::time::Duration;

use crate::times::{check_expiry, check_valid_from};
use crate::{
    Algorithm, Claims, KeySet, Reason, Sender, Step, TokenType, Trace, UnixTime, Unverified,
};

/// What a token of one issuer must be like, compiled once from the configuration.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The `iss` to ask for, as configured; absent when the configuration gives the check up.
    pub issuer: Option<String>,
    /// The `aud` values of which a token needs one; absent when the check is given up.
    pub audience: Option<Vec<String>>,
    /// What the issuer may sign with.
    pub algorithms: Vec<Algorithm>,
    /// How far clocks may differ, for `exp`, `nbf` and `iat`.
    pub leeway: Duration,
    /// Which `typ` a token may carry.
    pub token_type: TokenType,
    /// The claims that list scopes.
    pub scope_claims: Arc<[String]>,
}

/// A token that its issuer signed and that is good here and at this time.
///
/// There is no way to make one but [`Rules::verify`], so a function that takes it need not check.
#[derive(Clone, Debug)]
pub struct Verified {
    claims: Arc<Claims>,
    scope_claims: Arc<[String]>,
}

impl Rules {
    /// Rules with the defaults: [`Algorithm::DEFAULT`], 5 s leeway, any access token's `typ`, and
    /// scopes from `scope` and `scp`.
    pub fn new(issuer: Option<String>, audience: Option<Vec<String>>) -> Self {
        Self {
            issuer,
            audience,
            algorithms: Algorithm::DEFAULT.to_vec(),
            leeway: Duration::from_secs(5),
            token_type: TokenType::Lenient,
            scope_claims: ["scope", "scp"].map(str::to_owned).into(),
        }
    }

    /// Decides about `token` with the issuer's `keys`, at the time `now`.
    ///
    /// With an empty key set every token that gets as far is [`Reason::KeyUnknown`], which tells
    /// the caller that fetching keys may change the answer.
    ///
    /// # Errors
    /// The [`Reason`] of the first check that fails.
    pub fn verify(
        &self,
        token: &Unverified<'_>,
        keys: &KeySet,
        sender: &Sender<'_>,
        now: UnixTime,
        trace: &mut impl Trace,
    ) -> Result<Verified, Reason> {
        // Before any key work, so that foreign and expired tokens cannot cause a key fetch.
        self.check_issuer(token.claims(), keys, trace)?;
        self.check_algorithm(token, trace)?;
        check_expiry(token.claims(), now, self.leeway, trace)?;

        check_signature(token, keys, trace)?;

        // Signed by the issuer from here on, so the answers may be specific.
        let claims = token.claims();
        check_valid_from(claims, now, self.leeway, trace)?;
        self.check_audience(claims, trace)?;
        self.check_kind(claims, trace)?;
        check_binding(claims, sender, trace)?;
        Ok(Verified {
            claims: Arc::clone(claims),
            scope_claims: Arc::clone(&self.scope_claims),
        })
    }

    fn check_issuer(
        &self,
        claims: &Claims,
        keys: &KeySet,
        trace: &mut impl Trace,
    ) -> Result<(), Reason> {
        let got = || {
            claims
                .issuer()
                .map_or_else(|| "no `iss`".to_owned(), |iss| format!("`{iss}`"))
        };
        let Some(expected) = keys.issuer().or(self.issuer.as_deref()) else {
            trace.passed(Step::Issuer, || format!("any allowed; {}", got()));
            return Ok(());
        };
        // Until discovery has told the issuer's own spelling both pass: without keys, nothing is
        // accepted anyway.
        let holds = claims.issuer().is_some_and(|issuer| {
            issuer == expected || (keys.is_empty() && differ_by_a_slash(issuer, expected))
        });
        trace.check(
            Step::Issuer,
            holds,
            Reason::IssUnknown,
            || format!("`{expected}`"),
            got,
        )
    }

    fn check_algorithm(
        &self,
        token: &Unverified<'_>,
        trace: &mut impl Trace,
    ) -> Result<(), Reason> {
        let algorithm = token.header().algorithm();
        let holds = self.algorithms.contains(&algorithm);
        let expected = || {
            let names: Vec<_> = self.algorithms.iter().map(|a| a.name()).collect();
            format!("one of {}", names.join(", "))
        };
        trace.check(
            Step::Algorithm,
            holds,
            Reason::AlgNotAllowed,
            expected,
            || algorithm.name().to_owned(),
        )
    }

    fn check_audience(&self, claims: &Claims, trace: &mut impl Trace) -> Result<(), Reason> {
        let got = || match claims.audience().collect::<Vec<_>>() {
            none if none.is_empty() => "no `aud`".to_owned(),
            some => format!("`{}`", some.join("`, `")),
        };
        let Some(expected) = &self.audience else {
            trace.passed(Step::Audience, || format!("any allowed; {}", got()));
            return Ok(());
        };
        let holds = claims
            .audience()
            .any(|audience| expected.iter().any(|e| e == audience));
        let expected = || format!("`{}`", expected.join("` or `"));
        trace.check(Step::Audience, holds, Reason::AudMismatch, expected, got)
    }

    /// OpenID Connect Core section 2 and 3.1.3.6: what only an ID token carries. A `typ` of
    /// `at+jwt` has already told the two apart.
    fn check_kind(&self, claims: &Claims, trace: &mut impl Trace) -> Result<(), Reason> {
        let sign = ["nonce", "at_hash", "c_hash"]
            .into_iter()
            .find(|name| claims.find(name).is_some())
            .or_else(|| {
                claims
                    .find("token_use")
                    .filter(|value| *value == "id")
                    .map(|_| "token_use")
            });
        let holds = sign.is_none() || self.token_type == TokenType::AccessToken;
        let got = || match sign {
            Some(name) => format!("an ID token: it has `{name}`"),
            None => "an access token".to_owned(),
        };
        trace.check(
            Step::Kind,
            holds,
            Reason::IdToken,
            || "an access token".to_owned(),
            got,
        )
    }
}

impl Verified {
    /// The claims, as the issuer signed them.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The claims as a type of one's own; members that it does not name are ignored.
    ///
    /// # Errors
    /// [`Reason::ClaimType`] when a claim is missing or of another type.
    pub fn deserialize<T: serde::de::DeserializeOwned>(&self) -> Result<T, Reason> {
        self.claims.deserialize()
    }

    /// The scopes that the token grants.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.claims.scopes(&self.scope_claims)
    }
}

fn check_signature(
    token: &Unverified<'_>,
    keys: &KeySet,
    trace: &mut impl Trace,
) -> Result<(), Reason> {
    let header = token.header();
    let key = keys
        .find(header.kid(), header.algorithm())
        .inspect_err(|reason| {
            trace.refused(
                Step::Key,
                || match keys
                    .keys()
                    .iter()
                    .filter_map(|key| key.kid())
                    .collect::<Vec<_>>()
                {
                    none if none.is_empty() => "a key of the issuer, but none is known".to_owned(),
                    some => format!("one of the issuer's keys: {}", some.join(", ")),
                },
                || match header.kid() {
                    Some(kid) => format!("{kid} for {} ({reason})", header.algorithm()),
                    None => format!("no kid, for {} ({reason})", header.algorithm()),
                },
            );
        })?;
    trace.passed(Step::Key, || {
        key.kid().unwrap_or("the issuer's only key").to_owned()
    });

    let result = key.verify(token.signing_input(), token.signature());
    trace.check(
        Step::Signature,
        result.is_ok(),
        Reason::BadSignature,
        || format!("a signature of {} by this key", key.algorithm()),
        || {
            if result.is_ok() {
                "matches"
            } else {
                "does not match"
            }
            .to_owned()
        },
    )
}

/// RFC 9449 section 6 and RFC 8705 section 3: a bound token is worth nothing without its key, and
/// no key can be shown here, so `cnf` is never ignored.
fn check_binding(
    claims: &Claims,
    _sender: &Sender<'_>,
    trace: &mut impl Trace,
) -> Result<(), Reason> {
    let Some(confirmation) = claims.find("cnf") else {
        trace.passed(Step::Binding, || "a bearer token".to_owned());
        return Ok(());
    };
    let reason = match confirmation.get("jkt") {
        Some(_) => Reason::DpopRequired,
        None => Reason::MtlsBinding,
    };
    trace.refused(
        Step::Binding,
        || "a bearer token".to_owned(),
        || format!("`cnf` {confirmation}"),
    );
    Err(reason)
}

fn differ_by_a_slash(a: &str, b: &str) -> bool {
    a.strip_suffix('/') == Some(b) || b.strip_suffix('/') == Some(a)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{Outcome, Recorder, Requirement, SigningKey};

    const NOW: UnixTime = UnixTime(1_000);

    struct Issuer {
        key: SigningKey,
        keys: KeySet,
    }

    impl Issuer {
        fn new() -> Self {
            let key = SigningKey::generate().unwrap();
            let document = json!({ "keys": [key.public_jwk()] });
            let keys = KeySet::parse(document.to_string().as_bytes()).unwrap();
            Self { key, keys }
        }

        /// A token that passes every check, with claims replaced or, by `null`, removed.
        fn token(&self, changes: &Value) -> String {
            let mut claims =
                json!({ "iss": "https://issuer.example/", "aud": "api", "exp": 1_060 });
            for (name, value) in changes.as_object().unwrap() {
                if value.is_null() {
                    claims.as_object_mut().unwrap().remove(name);
                } else {
                    claims[name] = value.clone();
                }
            }
            self.key.sign("JWT", &claims).unwrap()
        }
    }

    fn rules() -> Rules {
        Rules::new(
            Some("https://issuer.example/".to_owned()),
            Some(vec!["api".to_owned()]),
        )
    }

    fn verify(token: &str, keys: &KeySet) -> Result<Verified, Reason> {
        let token = Unverified::parse(token, TokenType::Lenient, &mut ())?;
        rules().verify(&token, keys, &Sender::default(), NOW, &mut ())
    }

    #[test]
    fn each_claim_has_one_answer() {
        let issuer = Issuer::new();
        for (changes, expected) in [
            (json!({}), Ok(())),
            (json!({ "aud": ["other", "api"] }), Ok(())),
            (json!({ "iss": null }), Err(Reason::IssUnknown)),
            (
                json!({ "iss": "https://issuer.example" }),
                Err(Reason::IssUnknown),
            ),
            (
                json!({ "iss": "https://ISSUER.example/" }),
                Err(Reason::IssUnknown),
            ),
            (json!({ "exp": null }), Err(Reason::ClaimMissing)),
            (json!({ "exp": 996 }), Ok(())),
            (json!({ "exp": 995 }), Err(Reason::Expired)),
            (json!({ "nbf": 1_006 }), Err(Reason::NotYetValid)),
            (json!({ "iat": 1_006 }), Err(Reason::BadIat)),
            (json!({ "aud": null }), Err(Reason::AudMismatch)),
            (json!({ "aud": [] }), Err(Reason::AudMismatch)),
            (json!({ "aud": "ap" }), Err(Reason::AudMismatch)),
            (json!({ "aud": "API" }), Err(Reason::AudMismatch)),
            (json!({ "nonce": "n" }), Err(Reason::IdToken)),
            (json!({ "at_hash": "h" }), Err(Reason::IdToken)),
            (json!({ "token_use": "id" }), Err(Reason::IdToken)),
            (json!({ "token_use": "access" }), Ok(())),
            (json!({ "cnf": { "jkt": "x" } }), Err(Reason::DpopRequired)),
            (
                json!({ "cnf": { "x5t#S256": "x" } }),
                Err(Reason::MtlsBinding),
            ),
            (json!({ "cnf": {} }), Err(Reason::MtlsBinding)),
        ] {
            let result = verify(&issuer.token(&changes), &issuer.keys);
            assert_eq!(result.map(drop), expected, "{changes}");
        }
    }

    #[test]
    fn a_signature_counts_only_under_the_issuers_own_key() {
        let (issuer, stranger) = (Issuer::new(), Issuer::new());
        let token = issuer.token(&json!({}));
        assert_eq!(
            verify(&token, &stranger.keys).map(drop),
            Err(Reason::KeyUnknown)
        );

        // The stranger's key under the issuer's key id.
        let mut jwk = stranger.key.public_jwk();
        jwk["kid"] = json!(issuer.key.kid());
        let imposter = json!({ "keys": [jwk] }).to_string();
        let imposter = KeySet::parse(imposter.as_bytes()).unwrap();
        assert_eq!(
            verify(&token, &imposter).map(drop),
            Err(Reason::BadSignature)
        );
    }

    #[test]
    fn a_single_changed_bit_is_always_refused() {
        let issuer = Issuer::new();
        let token = issuer.token(&json!({ "sub": "ada" }));
        assert!(verify(&token, &issuer.keys).is_ok());
        for index in 0..token.len() {
            for bit in 0..7 {
                let mut bytes = token.clone().into_bytes();
                bytes[index] ^= 1 << bit;
                let changed = String::from_utf8(bytes).unwrap();
                assert!(
                    verify(&changed, &issuer.keys).is_err(),
                    "byte {index}, bit {bit}"
                );
            }
        }
    }

    #[test]
    fn an_expired_or_foreign_token_never_gets_as_far_as_the_keys() {
        let issuer = Issuer::new();
        let none = KeySet::default();
        for (changes, expected) in [
            (json!({ "exp": 10 }), Reason::Expired),
            (
                json!({ "iss": "https://evil.example/" }),
                Reason::IssUnknown,
            ),
            (json!({}), Reason::KeyUnknown),
            (
                json!({ "iss": "https://issuer.example" }),
                Reason::KeyUnknown,
            ),
        ] {
            let result = verify(&issuer.token(&changes), &none);
            assert_eq!(result.map(drop), Err(expected), "{changes}");
        }
    }

    #[test]
    fn the_spelling_of_the_discovery_document_is_the_one_that_counts() {
        let issuer = Issuer::new();
        let keys = issuer.keys.of_issuer("https://issuer.example".to_owned());
        let with = |iss: &str| json!({ "iss": iss, "aud": "api", "exp": 1_060 });
        let sign = |iss: &str| issuer.key.sign("JWT", &with(iss)).unwrap();
        assert!(verify(&sign("https://issuer.example"), &keys).is_ok());
        let other = verify(&sign("https://issuer.example/"), &keys);
        assert_eq!(other.map(drop), Err(Reason::IssUnknown));
    }

    #[test]
    fn an_algorithm_the_authorizer_does_not_list_is_refused() {
        let issuer = Issuer::new();
        let token = issuer.token(&json!({}));
        let token = Unverified::parse(&token, TokenType::Lenient, &mut ()).unwrap();
        let rules = Rules {
            algorithms: vec![Algorithm::Es256],
            ..rules()
        };
        let result = rules.verify(&token, &issuer.keys, &Sender::default(), NOW, &mut ());
        assert_eq!(result.map(drop), Err(Reason::AlgNotAllowed));
    }

    #[test]
    fn one_alternative_of_a_requirement_is_needed_as_a_whole() {
        let issuer = Issuer::new();
        let either = || Requirement::any(["admin", "a b"]);
        for (changes, required, expected) in [
            (json!({}), Requirement::default(), Ok(())),
            (json!({}), Requirement::from(" "), Ok(())),
            (json!({ "scope": "a b" }), Requirement::from("b a"), Ok(())),
            (json!({ "scp": ["a"] }), Requirement::from("a"), Ok(())),
            (
                json!({ "scope": "a" }),
                Requirement::from("a b"),
                Err(Reason::Scope),
            ),
            (
                json!({ "scope": "ab" }),
                Requirement::from("a"),
                Err(Reason::Scope),
            ),
            (
                json!({ "scope": "A" }),
                Requirement::from("a"),
                Err(Reason::Scope),
            ),
            (json!({}), Requirement::from("a"), Err(Reason::Scope)),
            (json!({ "scope": "admin" }), either(), Ok(())),
            (json!({ "scope": "a b" }), either(), Ok(())),
            (json!({ "scope": "a" }), either(), Err(Reason::Scope)),
        ] {
            let verified = verify(&issuer.token(&changes), &issuer.keys).unwrap();
            assert_eq!(
                required.check(&verified, &mut ()),
                expected,
                "{changes} for {required}"
            );
        }
    }

    #[test]
    fn a_recorded_refusal_tells_what_was_expected_and_what_came() {
        let issuer = Issuer::new();
        let token = issuer.token(&json!({ "aud": "other" }));
        let mut trace = Recorder::default();
        let token = Unverified::parse(&token, TokenType::Lenient, &mut trace).unwrap();
        let result = rules().verify(&token, &issuer.keys, &Sender::default(), NOW, &mut trace);
        assert_eq!(result.map(drop), Err(Reason::AudMismatch));
        let last = trace.into_records().pop().unwrap();
        assert_eq!(last.step, Step::Audience);
        assert_eq!(
            last.outcome,
            Outcome::Refused {
                expected: "`api`".to_owned(),
                got: "`other`".to_owned()
            }
        );
    }
}

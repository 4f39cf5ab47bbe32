//! The same tokens before `jsonwebtoken`: we accept nothing that it refuses, and each token that
//! it accepts and we refuse is listed with its reason.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{DecodingKey, Validation};
use portcullis_token::{Algorithm, KeySet, Reason, Sender, UnixTime, Unverified, base64url};
use serde_json::{Value, json};

use crate::rows::{ISSUER, rules};
use crate::signer::{Signer, change};

/// Tokens that it accepts and we refuse: by name, our reason, and why we are right.
#[rustfmt::skip]
const STRICTER: &[(&str, Reason, &str)] = &[
    (r#"header {"alg":"RS256","kid":"x"}"#, Reason::KeyUnknown, "it is given one key and does not compare `kid`"),
    (r#"header {"alg":"RS256","kid":""}"#, Reason::KidInvalid, "it is given one key and does not look at `kid`"),
    (r#"header {"alg":"RS256","kid":"k\n"}"#, Reason::KidInvalid, "control characters would end up in logs and lookups"),
    (r#"header {"alg":"RS256","typ":"dpop+jwt"}"#, Reason::TypNotAllowed, "another kind of token (RFC 8725 section 3.11)"),
    (r#"header {"alg":"RS256","typ":"id+jwt"}"#, Reason::TypNotAllowed, "another kind of token (RFC 8725 section 3.11)"),
    (r#"header {"alg":"RS256","crit":["x"]}"#, Reason::CritUnsupported, "an extension it does not understand (RFC 7515 section 4.1.11)"),
    (r#"header {"alg":"RS256","crit":[]}"#, Reason::CritUnsupported, "`crit` must not be empty (RFC 7515 section 4.1.11)"),
    (r#"header {"alg":"RS256","crit":["b64"]}"#, Reason::CritUnsupported, "an extension it does not understand (RFC 7797 section 6)"),
    (r#"header {"alg":"RS256","b64":false}"#, Reason::CritUnsupported, "the payload would not be base64url (RFC 7797 section 3)"),
    (r#"header {"alg":"RS256","b64":true}"#, Reason::CritUnsupported, "JWTs do not use `b64` (RFC 7797 section 7)"),
    (r#"header {"alg":"RS256","zip":"DEF"}"#, Reason::CritUnsupported, "compression belongs to encrypted tokens (RFC 7516 section 4.1.3)"),
    (r#"header {"alg":"RS256","enc":"A128GCM"}"#, Reason::CritUnsupported, "`enc` belongs to encrypted tokens (RFC 7516 section 4.1.2)"),
    (r#"header {"alg":"RS256","x":[[[[[[[[1]]]]]]]]}"#, Reason::BadHeader, "a header is at most eight levels deep here"),
    (r#"claims {"iss":["https://issuer.example/"]}"#, Reason::ClaimType, "`iss` is one string (RFC 7519 section 4.1.1)"),
    (r#"claims {"iat":"then"}"#, Reason::ClaimType, "`iat` is a number (RFC 7519 section 4.1.6)"),
    (r#"claims {"sub":1}"#, Reason::ClaimType, "`sub` is a string (RFC 7519 section 4.1.2)"),
    (r#"claims {"jti":1}"#, Reason::ClaimType, "`jti` is a string (RFC 7519 section 4.1.7)"),
    (r#"claims {"scope":1}"#, Reason::ClaimType, "`scope` is a string (RFC 8693 section 4.2)"),
    (r#"claims {"azp":1}"#, Reason::ClaimType, "`azp` is a string (OpenID Connect Core section 2)"),
    (r#"claims {"cnf":{"jkt":"x"}}"#, Reason::DpopRequired, "bound to a key that was not shown (RFC 9449 section 7.1)"),
    (r#"claims {"cnf":{}}"#, Reason::MtlsBinding, "bound to something that is not known (RFC 7800 section 3.1)"),
    (r#"claims {"cnf":"x"}"#, Reason::ClaimType, "`cnf` is an object (RFC 7800 section 3.1)"),
    (r#"claims {"nonce":"n"}"#, Reason::IdToken, "an ID token is not for APIs (RFC 9068 section 6)"),
    (r#"claims {"at_hash":"h"}"#, Reason::IdToken, "an ID token is not for APIs (RFC 9068 section 6)"),
    (r#"claims {"token_use":"id"}"#, Reason::IdToken, "an ID token is not for APIs (RFC 9068 section 6)"),
    ("issued in an hour", Reason::BadIat, "a clock is wrong, or the token was prepared"),
    ("an own claim twice", Reason::BadClaims, "readers differ in which they believe (RFC 7519 section 4)"),
    ("257 more claims", Reason::BadClaims, "at most 256 claims here"),
    ("33 levels", Reason::BadClaims, "claims are at most 32 levels deep here"),
    ("17 KiB", Reason::TooLarge, "a token is at most 16 KiB long here"),
];

/// A token and what to call it.
struct Case {
    name: String,
    token: String,
}

/// Both verifiers, asked for the same issuer, audience, key and leeway.
struct Both {
    signer: Signer,
    keys: KeySet,
    theirs: DecodingKey,
    now: UnixTime,
}

impl Both {
    fn new() -> Self {
        let signer = Signer::new(Algorithm::Rs256);
        let jwk = signer.jwk();
        let (n, e) = (jwk["n"].as_str().unwrap(), jwk["e"].as_str().unwrap());
        #[expect(
            clippy::disallowed_methods,
            reason = "it reads the machine's clock, so ours is set to the same"
        )]
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Self {
            keys: signer.keys(),
            theirs: DecodingKey::from_rsa_components(n, e).unwrap(),
            now: UnixTime(now.as_secs()),
            signer,
        }
    }

    fn ours(&self, token: &str) -> Result<(), Reason> {
        let rules = rules(Algorithm::Rs256);
        let token = Unverified::parse(token, &rules, &mut ())?;
        let sender = Sender::default();
        rules
            .verify(&token, &self.keys, &sender, self.now, &mut ())
            .map(drop)
    }

    fn theirs_accepts(&self, token: &str) -> bool {
        let mut validation = Validation::new(jsonwebtoken::Algorithm::RS256);
        validation.leeway = 5;
        validation.validate_nbf = true;
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&["api"]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        jsonwebtoken::decode::<Value>(token, &self.theirs, &validation).is_ok()
    }

    fn claims(&self, changes: &Value) -> Value {
        let mut claims = json!({
            "iss": ISSUER, "sub": "ada", "aud": "api",
            "iat": self.now.0 - 60, "exp": self.now.0 + 600,
        });
        change(&mut claims, changes);
        claims
    }

    fn corpus(&self) -> Vec<Case> {
        let mut corpus = self.headers();
        corpus.extend(self.bodies());
        corpus.extend(self.spellings());
        corpus
    }

    fn headers(&self) -> Vec<Case> {
        let body = self.claims(&json!({})).to_string();
        let case = |header: &str| Case {
            name: format!("header {header}"),
            token: self.signer.sign_raw(header.as_bytes(), body.as_bytes()),
        };
        let members = [
            r#""kid":"k""#,
            r#""kid":"x""#,
            r#""kid":1"#,
            r#""kid":"""#,
            r#""kid":"k\n""#,
            r#""typ":"JWT""#,
            r#""typ":"at+jwt""#,
            r#""typ":"dpop+jwt""#,
            r#""typ":"id+jwt""#,
            r#""typ":1"#,
            r#""alg":"RS256""#,
            r#""alg":"none""#,
            r#""crit":["x"]"#,
            r#""crit":[]"#,
            r#""crit":["b64"]"#,
            r#""b64":false"#,
            r#""b64":true"#,
            r#""zip":"DEF""#,
            r#""enc":"A128GCM""#,
            r#""jku":"https://evil.example/""#,
            r#""x":[[[[[[[[1]]]]]]]]"#,
            r#""x":null"#,
        ];
        let mut cases: Vec<Case> = members
            .iter()
            .map(|member| case(&format!("{{\"alg\":\"RS256\",{member}}}")))
            .collect();
        for header in [
            r#"{"alg":"RS256"}"#,
            "{}",
            "[]",
            "x",
            r#"{"alg":"none"}"#,
            r#"{"alg":"HS256"}"#,
            r#"{"alg":"RS384"}"#,
            r#"{"alg":"PS256"}"#,
            r#"{"alg":"rs256"}"#,
            r#"{"alg":"RS256"} "#,
            r#"{"alg":"RS256"}x"#,
        ] {
            cases.push(case(header));
        }
        cases
    }

    fn bodies(&self) -> Vec<Case> {
        let now = self.now.0;
        let changes = [
            json!({}),
            json!({ "iss": null }),
            json!({ "iss": "https://evil.example/" }),
            json!({ "iss": "https://issuer.example" }),
            json!({ "iss": [ISSUER] }),
            json!({ "iss": 1 }),
            json!({ "aud": null }),
            json!({ "aud": [] }),
            json!({ "aud": ["api", "b"] }),
            json!({ "aud": "API" }),
            json!({ "aud": ["api", 1] }),
            json!({ "aud": 1 }),
            json!({ "exp": null }),
            json!({ "exp": "9999999999" }),
            json!({ "exp": 1e300 }),
            json!({ "exp": -1 }),
            json!({ "exp": true }),
            json!({ "exp": 9_999_999_999.5 }),
            json!({ "nbf": "soon" }),
            json!({ "nbf": -1 }),
            json!({ "iat": "then" }),
            json!({ "sub": 1 }),
            json!({ "jti": 1 }),
            json!({ "scope": 1 }),
            json!({ "azp": 1 }),
            json!({ "cnf": { "jkt": "x" } }),
            json!({ "cnf": {} }),
            json!({ "cnf": "x" }),
            json!({ "nonce": "n" }),
            json!({ "at_hash": "h" }),
            json!({ "token_use": "id" }),
            json!({ "token_use": "access" }),
            json!({ "https://a.example/team": "x" }),
        ];
        let relative = [
            ("an hour expired", json!({ "exp": now - 3_600 })),
            ("valid in an hour", json!({ "nbf": now + 3_600 })),
            ("issued in an hour", json!({ "iat": now + 3_600 })),
        ];
        let sign = |changes: &Value| self.signer.sign(&json!({}), &self.claims(changes));
        let plain = changes.iter().map(|changes| Case {
            name: format!("claims {changes}"),
            token: sign(changes),
        });
        let relative = relative.iter().map(|(name, changes)| Case {
            name: (*name).to_owned(),
            token: sign(changes),
        });
        plain.chain(relative).chain(self.raw_bodies()).collect()
    }

    /// Claims that no JSON writer makes.
    fn raw_bodies(&self) -> Vec<Case> {
        let good = self.claims(&json!({})).to_string();
        let inner = good.trim_matches(['{', '}']);
        let many: Vec<String> = (0..257).map(|n| format!("\"c{n}\":0")).collect();
        let deep = |depth| format!("\"x\":{}{}", "[".repeat(depth), "]".repeat(depth));
        [
            ("a claim twice", format!("{{{inner},\"sub\":\"eve\"}}")),
            (
                "a claim twice, escaped",
                format!("{{{inner},\"s\\u0075b\":\"eve\"}}"),
            ),
            ("aud twice", format!("{{\"aud\":\"other\",{inner}}}")),
            (
                "an own claim twice",
                format!("{{{inner},\"role\":1,\"role\":2}}"),
            ),
            ("white space around", format!(" {good}\n")),
            ("a byte order mark", format!("\u{feff}{good}")),
            ("bytes after the claims", format!("{good}x")),
            ("a second object", format!("{good}{good}")),
            ("257 more claims", format!("{{{inner},{}}}", many.join(","))),
            ("32 levels", format!("{{{inner},{}}}", deep(31))),
            ("33 levels", format!("{{{inner},{}}}", deep(32))),
            ("200 levels", format!("{{{inner},{}}}", deep(199))),
            ("an array", format!("[{good}]")),
            (
                "17 KiB",
                format!("{{{inner},\"x\":\"{}\"}}", "x".repeat(17 * 1024)),
            ),
        ]
        .into_iter()
        .map(|(name, body)| Case {
            name: name.to_owned(),
            token: self
                .signer
                .sign_raw(br#"{"alg":"RS256","kid":"k"}"#, body.as_bytes()),
        })
        .collect()
    }

    /// The same good token, written differently.
    fn spellings(&self) -> Vec<Case> {
        let good = self.signer.sign(&json!({}), &self.claims(&json!({})));
        let (input, signature) = good.rsplit_once('.').unwrap();
        let bytes = base64url::decode(signature.as_bytes()).unwrap();
        let trailing = format!("{}B", signature.get(..signature.len() - 1).unwrap());
        let cut = base64url::encode(&bytes[..255]);
        let longer = base64url::encode(&[bytes.as_slice(), &[0]].concat());
        [
            ("padding", format!("{good}==")),
            ("trailing bits", format!("{input}.{trailing}")),
            ("a line break after", format!("{good}\n")),
            ("a space before", format!(" {good}")),
            ("no signature", format!("{input}.")),
            ("two segments", input.to_owned()),
            ("four segments", format!("{good}.AA")),
            ("five segments", format!("{good}.AA.AA")),
            ("a shorter signature", format!("{input}.{cut}")),
            ("a longer signature", format!("{input}.{longer}")),
            (
                "a zero signature",
                format!("{input}.{}", base64url::encode(&[0; 256])),
            ),
            ("empty", String::new()),
        ]
        .map(|(name, token)| Case {
            name: name.to_owned(),
            token,
        })
        .into()
    }
}

#[test]
fn we_are_stricter_where_it_is_listed_and_nowhere_laxer() {
    let both = Both::new();
    let mut surprises = Vec::new();
    for Case { name, token } in both.corpus() {
        let ours = both.ours(&token);
        let listed = STRICTER.iter().find(|(listed, ..)| *listed == name);
        let expected = match (both.theirs_accepts(&token), listed) {
            (true, None) => Ok(()),
            (true, Some((_, reason, _))) => Err(*reason),
            // Which of our reasons it is does not matter here.
            (false, None) if ours.is_err() => continue,
            (false, _) => {
                surprises.push(format!("{name}: it refuses, we say {ours:?}"));
                continue;
            }
        };
        if ours != expected {
            surprises.push(format!("{name}: it accepts, we say {ours:?}"));
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}

#[test]
fn each_difference_has_a_reason_and_is_in_the_corpus() {
    let corpus = Both::new().corpus();
    for (name, _, why) in STRICTER {
        assert!(!why.is_empty(), "{name}");
        assert!(corpus.iter().any(|case| case.name == *name), "{name}");
    }
}

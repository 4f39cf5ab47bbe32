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
        let mut claims = json!({ "iss": "https://issuer.example/", "aud": "api", "exp": 1_060 });
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

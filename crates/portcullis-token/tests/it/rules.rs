//! What a verified token can be asked, and how it is checked again.

use std::time::Duration;

use portcullis_token::{
    Algorithm, Introspected, Reason, Rules, Sender, TokenType, UnixTime, Unverified, Verified,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::rows::{NOW, claims, rules};
use crate::signer::Signer;

fn verify(rules: &Rules, signer: &Signer, changes: &Value) -> Result<Verified, Reason> {
    let token = signer.sign(&json!({}), &claims(changes));
    let token = Unverified::parse(&token, rules, &mut ())?;
    rules.verify(&token, &signer.keys(), &Sender::default(), NOW, &mut ())
}

#[test]
fn a_verified_token_tells_whose_it_is() {
    let signer = Signer::new(Algorithm::EdDsa);
    let rules = rules(Algorithm::EdDsa);
    for (changes, client, is_machine, is_anonymous) in [
        (json!({}), None, false, false),
        (json!({ "azp": "a" }), Some("a"), false, false),
        (json!({ "client_id": "b" }), Some("b"), false, false),
        (json!({ "gty": "client-credentials" }), None, true, false),
        (json!({ "gty": "password" }), None, false, false),
        (json!({ "sub": "a@clients" }), None, true, false),
        (json!({ "sub": "anon@a" }), None, false, true),
    ] {
        let token = verify(&rules, &signer, &changes).unwrap();
        assert_eq!(token.client_id(), client, "{changes}");
        assert_eq!(token.is_machine(), is_machine, "{changes}");
        assert_eq!(token.is_anonymous_session(), is_anonymous, "{changes}");
        assert_eq!(token.kid(), Some("k"), "{changes}");
        let thumbprint = token.key_thumbprint().unwrap();
        assert!(signer.keys().contains(thumbprint), "{changes}");
    }
}

#[test]
fn claims_are_read_as_the_service_s_own_type() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Membership {
        #[serde(rename = "https://a.example/team")]
        team: Option<String>,
        sub: String,
    }
    let signer = Signer::new(Algorithm::EdDsa);
    let read = |team: Value| {
        let changes = json!({ "https://a.example/team": team });
        verify(&rules(Algorithm::EdDsa), &signer, &changes)?.deserialize::<Membership>()
    };
    let expected = Membership {
        team: Some("x".to_owned()),
        sub: "ada".to_owned(),
    };
    assert_eq!(read(json!("x")), Ok(expected));
    assert_eq!(read(json!(1)), Err(Reason::ClaimType));
}

#[test]
fn a_cached_token_is_checked_again_without_its_signature() {
    let signer = Signer::new(Algorithm::EdDsa);
    let loose = rules(Algorithm::EdDsa);
    let strict = Rules {
        max_age: Some(Duration::from_secs(90)),
        audience: Some(vec!["other".to_owned(), "api".to_owned()]),
        ..loose.clone()
    };
    let narrow = Rules {
        audience: Some(vec!["other".to_owned()]),
        ..loose.clone()
    };
    let earlier = verify(&loose, &signer, &json!({})).unwrap();
    let remembered = earlier.remember();
    let now = NOW.0;
    for (name, rules, now, expected) in [
        ("at once", &loose, now, Ok(())),
        ("in its last second", &loose, now + 64, Ok(())),
        ("expired", &loose, now + 65, Err(Reason::Expired)),
        ("not too old", &strict, now + 35, Ok(())),
        ("too old", &strict, now + 36, Err(Reason::TooOld)),
        ("another audience", &narrow, now, Err(Reason::AudMismatch)),
        ("a clock put back", &loose, now - 100, Err(Reason::BadIat)),
    ] {
        let sender = Sender::default();
        let again = rules.verify_again(&remembered, "token", &sender, UnixTime(now), &mut ());
        if let Ok(again) = &again {
            assert_eq!(again.key_thumbprint(), earlier.key_thumbprint(), "{name}");
            assert_eq!(again.kid(), earlier.kid(), "{name}");
        }
        assert_eq!(again.map(drop), expected, "{name}");
    }
}

#[test]
fn an_answer_of_introspection_is_checked_like_a_token() {
    let rules = Rules {
        token_type: TokenType::AccessToken,
        ..rules(Algorithm::EdDsa)
    };
    for (changes, expected) in [
        (json!({}), Ok(())),
        (json!({ "iss": null }), Ok(())),
        (
            json!({ "iss": "https://evil.example/" }),
            Err(Reason::IssUnknown),
        ),
        (json!({ "exp": NOW.0 - 5 }), Err(Reason::Expired)),
        (json!({ "exp": null }), Err(Reason::ClaimMissing)),
        (json!({ "nbf": NOW.0 + 6 }), Err(Reason::NotYetValid)),
        (json!({ "aud": "other" }), Err(Reason::AudMismatch)),
        (json!({ "cnf": { "jkt": "x" } }), Err(Reason::DpopRequired)),
    ] {
        let mut answer = claims(&json!({ "active": true }));
        crate::signer::change(&mut answer, &changes);
        let answer = Introspected::parse(answer.to_string().as_bytes()).unwrap();
        let sender = Sender::default();
        let result = rules.verify_introspected(&answer, "opaque", &sender, NOW, &mut ());
        if let Ok(token) = &result {
            assert_eq!(token.key_thumbprint(), None, "{changes}");
            assert_eq!(
                token.scopes().collect::<Vec<_>>(),
                ["read:reports"],
                "{changes}"
            );
        }
        assert_eq!(result.map(drop), expected, "{changes}");
    }
}

#[test]
fn checks_are_given_up_only_in_words() {
    let signer = Signer::new(Algorithm::EdDsa);
    let bound = json!({ "cnf": { "jkt": "x" } });
    let unbound = Rules {
        ignore_confirmation: true,
        ..rules(Algorithm::EdDsa)
    };
    assert!(verify(&unbound, &signer, &bound).is_ok());

    let by_client = Rules {
        client_id_as_audience: true,
        ..rules(Algorithm::EdDsa)
    };
    for (changes, expected) in [
        (json!({ "aud": null, "client_id": "api" }), Ok(())),
        (
            json!({ "aud": null, "client_id": "b" }),
            Err(Reason::AudMismatch),
        ),
        (
            json!({ "aud": "b", "client_id": "api" }),
            Err(Reason::AudMismatch),
        ),
        (json!({ "aud": null }), Err(Reason::AudMismatch)),
    ] {
        let result = verify(&by_client, &signer, &changes);
        assert_eq!(result.map(drop), expected, "{changes}");
    }
    let result = verify(
        &rules(Algorithm::EdDsa),
        &signer,
        &json!({ "aud": null, "client_id": "api" }),
    );
    assert_eq!(result.map(drop), Err(Reason::AudMismatch));
}

#[test]
fn neither_a_token_nor_a_secret_is_printed() {
    let signer = Signer::new(Algorithm::Hs256);
    let rules = rules(Algorithm::Hs256);
    let text = signer.sign(&json!({}), &claims(&json!({})));
    let token = Unverified::parse(&text, &rules, &mut ()).unwrap();
    let keys = signer.keys();
    for printed in [format!("{token:?}"), format!("{keys:?}")] {
        for part in text.split('.') {
            assert!(!printed.contains(part), "{printed}");
        }
        assert!(!printed.contains("7, 7"), "{printed}");
    }
}

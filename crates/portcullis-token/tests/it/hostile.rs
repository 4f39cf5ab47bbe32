//! Whatever comes, the answer is a reason and never a panic.

use portcullis_token::{
    Algorithm, ClaimRule, Introspected, KeySet, ProofOffer, Sender, TokenType, Unverified,
    base64url, bearer_token,
};
use proptest::prelude::*;
use serde_json::json;

use crate::rows::{NOW, claims, rules};
use crate::signer::Signer;

/// A token of three segments, of which the first two may be JSON.
fn token_like() -> impl Strategy<Value = String> {
    let segment = || {
        prop_oneof![
            any::<Vec<u8>>(),
            r#"\{("(alg|kid|typ|exp|aud|cnf)":("RS256"|"ES256"|[0-9]{1,20}|null|\[\]|\{\}),?){0,4}\}"#
                .prop_map(String::into_bytes),
        ]
    };
    let tail = any::<Vec<u8>>();
    (segment(), segment(), tail).prop_map(|(header, claims, signature)| {
        let parts = [header, claims, signature].map(|part| base64url::encode(&part));
        parts.join(".")
    })
}

proptest! {
    #[test]
    fn no_token_makes_it_panic(token in prop_oneof![token_like(), ".*"]) {
        let rules = rules(Algorithm::Rs256);
        if let Ok(token) = Unverified::parse(&token, TokenType::Any, &mut ()) {
            let keys = KeySet::default();
            let verdict = rules.verify(&token, &keys, &Sender::default(), NOW, &mut ());
            prop_assert!(verdict.is_err());
        }
    }

    #[test]
    fn no_header_line_makes_it_panic(line in any::<Vec<u8>>()) {
        if let Ok(token) = bearer_token([line.as_slice()]) {
            prop_assert!(!token.is_empty());
        }
    }

    #[test]
    fn no_document_makes_it_panic(bytes in any::<Vec<u8>>(), text in ".*") {
        prop_assert!(KeySet::parse(&bytes).is_err());
        prop_assert!(Introspected::parse(&bytes).is_err());
        prop_assert!(KeySet::from_pem(&text, Algorithm::Rs256).is_err());
        let armoured = format!("-----BEGIN CERTIFICATE-----{text}-----END CERTIFICATE-----");
        prop_assert!(KeySet::from_pem(&armoured, Algorithm::Rs256).is_err());
    }

    #[test]
    fn no_jwk_makes_it_panic(
        kty in "RSA|EC|OKP|oct",
        crv in "P-256|P-384|P-521|Ed25519|x",
        number in any::<Vec<u8>>(),
    ) {
        let number = base64url::encode(&number);
        let jwk = json!({
            "kty": kty, "crv": crv, "n": number, "e": "AQAB", "x": number, "y": number,
        });
        let set = json!({ "keys": [jwk] }).to_string();
        if let Ok(set) = KeySet::parse(set.as_bytes()) {
            prop_assert!(!set.is_empty());
        }
    }

    #[test]
    fn no_proof_makes_it_panic(proof in prop_oneof![token_like(), ".*"], url in ".*") {
        let signer = Signer::new(Algorithm::Hs256);
        let rules = rules(Algorithm::Hs256);
        let bound = signer.sign(&json!({}), &claims(&json!({ "cnf": { "jkt": "x" } })));
        let token = Unverified::parse(&bound, &rules, &mut ()).unwrap();
        let offer = ProofOffer { proof: &proof, method: "GET", url: &url };
        let sender = Sender { proof: Some(offer), certificate: None };
        prop_assert!(rules.verify(&token, &signer.keys(), &sender, NOW, &mut ()).is_err());
    }

    #[test]
    fn no_pattern_makes_it_panic(pattern in ".*") {
        let rule = ClaimRule::matches("sub", &pattern);
        if let Ok(rule) = rule {
            let answer = Introspected::parse(br#"{"active":true,"sub":"ada"}"#).unwrap();
            prop_assert!(rule.holds(answer.claims()) || !rule.to_string().is_empty());
        }
    }
}

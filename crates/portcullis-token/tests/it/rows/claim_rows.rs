//! From row 21 on: claims, signature, sender, and what the route asks.

use std::time::Duration;

use portcullis_token::{
    Algorithm, ClaimRule, Introspected, OnFail, ProofOffer, Reason, Requirement, Rules, Sender,
    StepUp, TokenType, Unverified, Verified, base64url,
};
use serde_json::{Value, json};

use super::{NOW, Table, claims, rules};
use crate::proofs::{Prover, proof_claims};
use crate::signer::change;

#[test]
fn rows_21_to_24_read_the_claims() {
    let mut table = Table::new();
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(32), "]".repeat(32));
    let members: Vec<String> = (0..257).map(|n| format!("\"c{n}\":0")).collect();
    let many = format!("{{{}}}", members.join(","));
    for body in ["[]", "1", "\u{feff}{}", "{}x", "{} {}", &deep, &many] {
        table.body_row(21, body, Reason::BadClaims);
    }
    let not_utf8 = table
        .signer
        .sign_raw(br#"{"alg":"RS256","kid":"k"}"#, b"{\"sub\":\"\xff\"}");
    table.token_row(21, "not UTF-8", &not_utf8, Reason::BadClaims);
    table.body_row(22, r#"{"sub":"a","sub":"a"}"#, Reason::BadClaims);
    table.body_row(22, r#"{"sub":"a","s\u0075b":"b"}"#, Reason::BadClaims);
    table.body_row(22, r#"{"cnf":{"jkt":"a","jkt":"a"}}"#, Reason::BadClaims);
    for claim in ["exp", "nbf", "iat"] {
        for value in ["\"1\"", "null", "true", "-1", "9007199254740994", "1e300"] {
            table.body_row(23, &format!("{{\"{claim}\":{value}}}"), Reason::ClaimType);
        }
        table.body_row(23, &format!("{{\"{claim}\":NaN}}"), Reason::BadClaims);
    }
    for value in ["1", "{}", "null", r#"[1,"x"]"#] {
        table.body_row(23, &format!("{{\"aud\":{value}}}"), Reason::ClaimType);
    }
    for claim in ["iss", "sub", "jti"] {
        table.body_row(23, &format!("{{\"{claim}\":1}}"), Reason::ClaimType);
    }
    table.body_row(23, r#"{"scope":1}"#, Reason::ClaimType);
    for issuer in [
        Value::Null,
        json!("https://evil.example/"),
        json!("https://issuer.example"),
        json!("https://ISSUER.example/"),
        json!("https://issuer.example:443/"),
    ] {
        table.claims_row(24, &json!({ "iss": issuer }), Reason::IssUnknown);
    }
    table.finish();
}

/// A JSON reader may take an object of one such name for the value that is written inside it.
#[test]
fn a_claim_in_an_object_of_a_magic_name_is_an_object() {
    let mut table = Table::new();
    let good = claims(&json!({}));
    for name in ["RawValue", "Number"].map(|name| format!("$serde_json::private::{name}")) {
        for claim in ["scope", "aud", "exp", "iss"] {
            let hidden = json!({ &name: good[claim].to_string() });
            table.claims_row(23, &json!({ claim: hidden }), Reason::ClaimType);
        }
        let deep = format!(r#"{{"{name}":"#).repeat(1_300) + "1" + &"}".repeat(1_300);
        let deep = format!(r#"{{"active":true,"x":{deep}}}"#);
        let read = Introspected::parse(deep.as_bytes()).map(drop);
        table.row(21, &name, read, Reason::IntrospectionUnavailable);
    }
    table.body_row(23, &hidden("sub", 1_300), Reason::ClaimType);
    table.finish();
}

/// Brackets that look like text to whoever counts them.
fn hidden(claim: &str, depth: usize) -> String {
    let inside = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    json!({ claim: { "$serde_json::private::RawValue": inside } }).to_string()
}

#[test]
fn row_29_checks_the_signature() {
    let mut table = Table::new();
    let good = table.token(&json!({}));
    let (input, signature) = good.rsplit_once('.').unwrap();
    let signature = base64url::decode(signature.as_bytes()).unwrap();
    let mut wrong = signature.clone();
    wrong[0] ^= 1;
    for (name, bytes) in [
        ("wrong", wrong),
        ("all zero", vec![0; 256]),
        ("one byte", vec![1]),
        ("truncated", signature[..255].to_vec()),
        ("longer", [signature.as_slice(), &[0]].concat()),
    ] {
        let token = format!("{input}.{}", base64url::encode(&bytes));
        table.token_row(29, name, &token, Reason::BadSignature);
    }
    table.finish();
}

#[test]
fn rows_30_to_36_check_the_claims() {
    let mut table = Table::new();
    let now = NOW.0;
    table.claims_row(30, &json!({ "exp": null }), Reason::ClaimMissing);
    table.claims_row(31, &json!({ "exp": now - 5 }), Reason::Expired);
    table.claims_row(32, &json!({ "nbf": now + 6 }), Reason::NotYetValid);
    table.claims_row(33, &json!({ "iat": now + 6 }), Reason::BadIat);
    for aud in [
        Value::Null,
        json!([]),
        json!("other"),
        json!(["ap"]),
        json!("API"),
        json!("api2"),
    ] {
        table.claims_row(34, &json!({ "aud": aud }), Reason::AudMismatch);
    }
    for claim in ["nonce", "at_hash", "c_hash"] {
        table.claims_row(35, &json!({ claim: "x" }), Reason::IdToken);
    }
    table.claims_row(35, &json!({ "token_use": "id" }), Reason::IdToken);

    table.rules = Rules {
        max_age: Some(Duration::from_secs(30)),
        ..rules(Algorithm::Rs256)
    };
    table.claims_row(33, &json!({ "iat": now - 36 }), Reason::TooOld);
    table.rules = Rules {
        max_lifetime: Some(Duration::from_secs(119)),
        ..rules(Algorithm::Rs256)
    };
    table.claims_row(33, &json!({}), Reason::Lifetime);
    table.rules = Rules {
        required_claims: vec!["jti".to_owned()],
        claim_rules: [ClaimRule::equals("org_id", "org_1")].into(),
        ..rules(Algorithm::Rs256)
    };
    table.claims_row(36, &json!({ "org_id": "org_1" }), Reason::ClaimMissing);
    table.claims_row(
        36,
        &json!({ "jti": "a", "org_id": "org_2" }),
        Reason::ClaimMismatch,
    );
    table.claims_row(36, &json!({ "jti": "a" }), Reason::ClaimMismatch);
    let good = table.token(&json!({ "jti": "a", "org_id": "org_1" }));
    assert!(table.verify(&good).is_ok());

    table.rules = Rules {
        token_type: TokenType::AccessToken,
        ..rules(Algorithm::Rs256)
    };
    let profile = json!({ "jti": "a", "client_id": "c" });
    let typed = |claims: &Value| table.signer.sign(&json!({ "typ": "at+jwt" }), claims);
    assert!(table.verify(&typed(&claims(&profile))).is_ok());
    let without: Vec<(&str, String)> = ["sub", "client_id", "iat", "jti"]
        .into_iter()
        .map(|name| {
            let mut claims = claims(&profile);
            change(&mut claims, &json!({ name: null }));
            (name, typed(&claims))
        })
        .collect();
    for (name, token) in without {
        table.token_row(36, name, &token, Reason::ClaimMissing);
    }
    table.finish();
}

#[test]
fn rows_37_to_42_check_the_sender() {
    let mut table = Table::new();
    let (prover, stranger) = (Prover::new(Algorithm::Es256), Prover::new(Algorithm::Es256));
    let bound = table.token(&json!({ "cnf": { "jkt": prover.thumbprint() } }));
    let plain = table.token(&json!({}));
    let certified = table.token(&json!({ "cnf": { "x5t#S256": base64url::encode(&[1; 32]) } }));
    let unknown = table.token(&json!({ "cnf": { "kid": "x" } }));
    let check = |token: &str, proof: Option<&str>, certificate| {
        let proof = proof.map(|proof| ProofOffer {
            proof,
            method: "GET",
            url: "https://api.example/reports",
        });
        let token = Unverified::parse(token, &table.rules, &mut ())?;
        let sender = Sender { proof, certificate };
        table
            .rules
            .verify(&token, &table.keys, &sender, NOW, &mut ())
            .map(drop)
    };
    let good = prover.proof(&json!({}), &proof_claims(&bound));
    assert_eq!(check(&bound, Some(&good), None), Ok(()));
    assert_eq!(check(&certified, None, Some([1; 32])), Ok(()));
    let foreign = stranger.proof(&json!({}), &proof_claims(&bound));
    let unneeded = prover.proof(&json!({}), &proof_claims(&plain));
    let rows = [
        (
            37,
            "a bound token alone",
            check(&bound, None, None),
            Reason::DpopRequired,
        ),
        (
            38,
            "not a proof",
            check(&bound, Some("x"), None),
            Reason::DpopProof,
        ),
        (
            41,
            "another key",
            check(&bound, Some(&foreign), None),
            Reason::DpopBinding,
        ),
        (
            41,
            "a token of no key",
            check(&plain, Some(&unneeded), None),
            Reason::DpopBinding,
        ),
        (
            42,
            "no certificate",
            check(&certified, None, None),
            Reason::MtlsBinding,
        ),
        (
            42,
            "another certificate",
            check(&certified, None, Some([2; 32])),
            Reason::MtlsBinding,
        ),
        (
            42,
            "an unknown confirmation",
            check(&unknown, None, Some([1; 32])),
            Reason::MtlsBinding,
        ),
    ];
    for (number, input, got, expected) in rows {
        table.row(number, input, got, expected);
    }
    table.finish();
}

#[test]
fn rows_46_to_48_check_what_the_route_asks() {
    let mut table = Table::new();
    table.rules.claim_rules = [ClaimRule::equals("plan", "paid").on_fail(OnFail::Forbid)].into();
    let verified = |changes: Value| table.verify(&table.token(&changes)).unwrap();
    let login = |acr: &str, age: u64| verified(json!({ "acr": acr, "auth_time": NOW.0 - age }));
    let step_up = StepUp {
        acr_values: vec!["mfa".to_owned()],
        max_age: Some(Duration::from_mins(5)),
    };
    let ask = |token: &Verified| step_up.check(token, NOW, &mut ());
    assert_eq!(ask(&login("mfa", 305)), Ok(()));
    assert_eq!(
        verified(json!({ "plan": "paid" })).check_claims(&[], &mut ()),
        Ok(())
    );
    let scope = Requirement::from("write:reports").check(&verified(json!({})), &mut ());
    let rows = [
        (46, "another scope", scope, Reason::Scope),
        (
            47,
            "another plan",
            verified(json!({ "plan": "free" })).check_claims(&[], &mut ()),
            Reason::ClaimForbidden,
        ),
        (
            47,
            "no plan",
            verified(json!({})).check_claims(&[], &mut ()),
            Reason::ClaimForbidden,
        ),
        (48, "a weaker login", ask(&login("pwd", 0)), Reason::StepUp),
        (
            48,
            "an older login",
            ask(&login("mfa", 306)),
            Reason::StepUp,
        ),
        (48, "no login", ask(&verified(json!({}))), Reason::StepUp),
    ];
    for (number, input, got, expected) in rows {
        table.row(number, input, got, expected);
    }
    table.finish();
}

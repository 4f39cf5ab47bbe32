//! `DPoP` proofs (RFC 9449), each wrong in one way.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use portcullis_token::{
    AcceptedProof, Algorithm, NonceIssuer, ProofOffer, ProofRules, Reason, Rules, Secret, Sender,
    UnixTime, Unverified, base64url,
};
use serde_json::{Value, json};

use crate::rows::{NOW, claims, rules};
use crate::signer::{Signer, change};

const URL: &str = "https://api.example/reports";

/// A client that makes proofs.
pub(crate) struct Prover {
    signer: Signer,
}

impl Prover {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        Self {
            signer: Signer::new(algorithm),
        }
    }

    /// What `cnf.jkt` says of a token that is bound to this client.
    pub(crate) fn thumbprint(&self) -> String {
        base64url::encode(self.signer.keys().keys()[0].thumbprint())
    }

    /// A proof with these claims and a good header, changed by `header`.
    pub(crate) fn proof(&self, header: &Value, claims: &Value) -> String {
        let mut full = json!({ "typ": "dpop+jwt", "kid": null, "jwk": self.signer.jwk() });
        change(&mut full, header);
        self.signer.sign(&full, claims)
    }
}

/// The claims of a good proof for a token.
pub(crate) fn proof_claims(token: &str) -> Value {
    json!({
        "jti": "a", "htm": "GET", "htu": URL, "iat": NOW.0,
        "ath": base64url::encode(digest(&SHA256, token.as_bytes()).as_ref()),
    })
}

/// A client with a token that is bound to it.
struct Bound {
    issuer: Signer,
    prover: Prover,
    token: String,
}

impl Bound {
    fn new(algorithm: Algorithm) -> Self {
        let (issuer, prover) = (Signer::new(Algorithm::Es256), Prover::new(algorithm));
        let cnf = json!({ "cnf": { "jkt": prover.thumbprint() } });
        let token = issuer.sign(&json!({}), &claims(&cnf));
        Self {
            issuer,
            prover,
            token,
        }
    }

    fn check(&self, proof: &str, proofs: ProofRules) -> Result<AcceptedProof, Reason> {
        let rules = Rules {
            proofs,
            ..rules(Algorithm::Es256)
        };
        let token = Unverified::parse(&self.token, &rules, &mut ())?;
        let sender = Sender {
            proof: Some(ProofOffer {
                proof,
                method: "GET",
                url: URL,
            }),
            certificate: None,
        };
        let verified = rules.verify(&token, &self.issuer.keys(), &sender, NOW, &mut ())?;
        Ok(verified.proof().unwrap().clone())
    }

    /// A proof with a changed header and changed claims.
    fn proof(&self, header: &Value, changes: &Value) -> String {
        let mut claims = proof_claims(&self.token);
        change(&mut claims, changes);
        self.prover.proof(header, &claims)
    }
}

#[test]
fn a_proof_is_made_with_any_public_key_that_is_allowed() {
    for algorithm in Algorithm::DEFAULT {
        let bound = Bound::new(algorithm);
        let proof = bound.proof(&json!({}), &json!({}));
        let checked = bound.check(&proof, ProofRules::default());
        assert!(checked.is_ok(), "{algorithm}: {checked:?}");
        let narrow = ProofRules {
            algorithms: vec![Algorithm::Es384],
            ..ProofRules::default()
        };
        assert_eq!(
            bound.check(&proof, narrow),
            Err(Reason::DpopProof),
            "{algorithm}"
        );
    }
}

#[test]
fn a_proof_is_good_for_one_token_one_request_and_some_minutes() {
    let bound = Bound::new(Algorithm::Es256);
    let now = NOW.0;
    let mut private = bound.prover.signer.jwk();
    private["d"] = json!("AAAA");
    let other = Signer::new(Algorithm::Es256).jwk();
    let (good, bad) = (Ok(()), Err(Reason::DpopProof));
    for (header, changes, expected) in [
        (json!({}), json!({}), good),
        (json!({ "typ": "application/dpop+jwt" }), json!({}), good),
        (json!({ "typ": "JWT" }), json!({}), bad),
        (json!({ "typ": null }), json!({}), bad),
        (json!({ "alg": "none" }), json!({}), bad),
        (json!({ "alg": "HS256" }), json!({}), bad),
        (json!({ "alg": "RS256" }), json!({}), bad),
        (json!({ "crit": ["x"] }), json!({}), bad),
        (json!({ "jwk": null }), json!({}), bad),
        (json!({ "jwk": "x" }), json!({}), bad),
        (json!({ "jwk": private }), json!({}), bad),
        (json!({ "jwk": other }), json!({}), bad),
        (
            json!({ "jwk": { "kty": "oct", "k": "AAAA" } }),
            json!({}),
            bad,
        ),
        (json!({}), json!({ "htm": "POST" }), bad),
        (json!({}), json!({ "htm": "get" }), bad),
        (json!({}), json!({ "htm": null }), bad),
        (
            json!({}),
            json!({ "htu": "HTTPS://api.example:443/%72eports?a=b#c" }),
            good,
        ),
        (
            json!({}),
            json!({ "htu": "https://api.example/reports/" }),
            bad,
        ),
        (
            json!({}),
            json!({ "htu": "http://api.example/reports" }),
            bad,
        ),
        (json!({}), json!({ "htu": "/reports" }), bad),
        (json!({}), json!({ "htu": null }), bad),
        (json!({}), json!({ "iat": now - 300 }), good),
        (json!({}), json!({ "iat": now - 301 }), bad),
        (json!({}), json!({ "iat": now + 30 }), good),
        (json!({}), json!({ "iat": now + 31 }), bad),
        (json!({}), json!({ "iat": null }), bad),
        (json!({}), json!({ "iat": "now" }), bad),
        (json!({}), json!({ "jti": "j".repeat(256) }), good),
        (json!({}), json!({ "jti": "j".repeat(257) }), bad),
        (json!({}), json!({ "jti": "" }), bad),
        (json!({}), json!({ "jti": null }), bad),
        (json!({}), json!({ "ath": null }), bad),
        (json!({}), json!({ "ath": "x" }), bad),
    ] {
        let proof = bound.proof(&header, &changes);
        let result = bound.check(&proof, ProofRules::default());
        assert_eq!(result.map(drop), expected, "{header} {changes}");
    }
}

#[test]
fn what_is_not_a_proof_at_all_is_refused() {
    let bound = Bound::new(Algorithm::EdDsa);
    let good = bound.proof(&json!({}), &json!({}));
    let (input, signature) = good.rsplit_once('.').unwrap();
    for proof in [
        String::new(),
        "x".to_owned(),
        format!("{good}, {good}"),
        format!("{input}.AAAA"),
        format!("{input}.{signature}="),
        format!("{}.e30.{signature}", input.split('.').next().unwrap()),
        bound.token.clone(),
        format!("{good}{}", "A".repeat(8 * 1024)),
    ] {
        let result = bound.check(&proof, ProofRules::default());
        assert_eq!(result, Err(Reason::DpopProof), "{proof:.60}");
    }
}

#[test]
fn a_nonce_is_asked_for_last_and_shortens_the_time() {
    let bound = Bound::new(Algorithm::Es256);
    let nonces = Arc::new(NonceIssuer::new(&Secret::new([1; 32])));
    let asking = || ProofRules {
        nonces: Some(Arc::clone(&nonces)),
        ..ProofRules::default()
    };
    let ours = nonces.issue(NOW);
    let old = nonces.issue(UnixTime(NOW.0 - 120));
    for (changes, expected) in [
        (json!({ "nonce": ours }), Ok(())),
        (json!({ "nonce": ours, "iat": NOW.0 - 60 }), Ok(())),
        (
            json!({ "nonce": ours, "iat": NOW.0 - 61 }),
            Err(Reason::DpopProof),
        ),
        (json!({ "nonce": old }), Err(Reason::DpopNonce)),
        (json!({ "nonce": 1 }), Err(Reason::DpopNonce)),
        (json!({}), Err(Reason::DpopNonce)),
        (json!({ "htm": "POST" }), Err(Reason::DpopProof)),
    ] {
        let result = bound.check(&bound.proof(&json!({}), &changes), asking());
        assert_eq!(result.map(drop), expected, "{changes}");
    }
}

#[test]
fn a_replayed_proof_is_recognised_by_key_id_and_address() {
    let bound = Bound::new(Algorithm::Es256);
    let accept = |changes: &Value| {
        let proof = bound.proof(&json!({}), changes);
        bound.check(&proof, ProofRules::default()).unwrap()
    };
    let first = accept(&json!({}));
    assert_eq!(first.expires_at(), UnixTime(NOW.0 + 301));
    let spelled = accept(&json!({ "htu": format!("{URL}?again"), "iat": NOW.0 - 1 }));
    assert_eq!(spelled.replay_key(), first.replay_key());
    let another = accept(&json!({ "jti": "b" }));
    assert_ne!(another.replay_key(), first.replay_key());
}

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use portcullis::{BoxFuture, Cache, Credentials, MemoryReplayStore, ReplayError, ReplayStore};
use portcullis_testkit::TestClock;
use portcullis_token::{Outcome, ProofOffer, Reason, Recorder, Step, UnixTime, base64url};
use serde_json::{Value, json};

use crate::fixture::Fixture;

const ADDRESS: &str = "https://api.example/reports";

/// A caller with a key of their own.
pub(crate) struct Caller {
    key: Ed25519KeyPair,
}

impl Caller {
    pub(crate) fn new() -> Self {
        Self {
            key: Ed25519KeyPair::generate().unwrap(),
        }
    }

    /// A token that is bound to the caller's key.
    pub(crate) fn token(&self, fixture: &Fixture) -> String {
        let x = self.x();
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        let thumbprint = base64url::encode(digest(&SHA256, canonical.as_bytes()).as_ref());
        let token = fixture.issuer.token().audience("api");
        token.claim("cnf", json!({ "jkt": thumbprint })).sign()
    }

    /// A proof for one request with `token`.
    pub(crate) fn proof(&self, token: &str, id: &str) -> String {
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": self.x() });
        let header = json!({ "typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk });
        let claims = json!({
            "jti": id,
            "htm": "GET",
            "htu": ADDRESS,
            "iat": TestClock::START.0,
            "ath": base64url::encode(digest(&SHA256, token.as_bytes()).as_ref()),
        });
        let encode = |json: &Value| base64url::encode(json.to_string().as_bytes());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = self.key.sign(signed.as_bytes());
        format!("{signed}.{}", base64url::encode(signature.as_ref()))
    }

    fn x(&self) -> String {
        base64url::encode(self.key.public_key().as_ref())
    }
}

pub(crate) async fn verify(fixture: &Fixture, token: &str, proof: &str) -> Result<(), Reason> {
    let offer = ProofOffer {
        proof,
        method: "GET",
        url: ADDRESS,
    };
    let credentials = Credentials::bearer(token).proof(offer);
    fixture.verify_as(&credentials).await.map(drop)
}

#[tokio::test]
async fn a_proof_is_used_once_whether_its_token_is_remembered_or_not() {
    let caller = Caller::new();
    for (name, fixture) in [
        ("without a cache", Fixture::new()),
        (
            "with a cache",
            Fixture::built(|builder| builder.cache(Cache::default())),
        ),
    ] {
        let token = caller.token(&fixture);
        let first = caller.proof(&token, "first");
        assert_eq!(verify(&fixture, &token, &first).await, Ok(()), "{name}");
        assert_eq!(
            verify(&fixture, &token, &first).await,
            Err(Reason::DpopReplay),
            "{name}"
        );
        let second = caller.proof(&token, "second");
        assert_eq!(verify(&fixture, &token, &second).await, Ok(()), "{name}");
        assert_eq!(
            fixture.verify(&token).await,
            Err(Reason::DpopRequired),
            "{name}"
        );
        let thief = Caller::new().proof(&token, "third");
        assert_eq!(
            verify(&fixture, &token, &thief).await,
            Err(Reason::DpopBinding),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_proof_that_cannot_be_remembered_is_503() {
    #[derive(Debug)]
    struct Down;

    impl ReplayStore for Down {
        fn remember<'a>(
            &'a self,
            _: &'a [u8; 32],
            _: UnixTime,
            _: UnixTime,
        ) -> BoxFuture<'a, Result<bool, ReplayError>> {
            Box::pin(async { Err(ReplayError::Unavailable("connection refused".into())) })
        }
    }

    let caller = Caller::new();
    let stores: [(&str, Arc<dyn ReplayStore>); 2] = [
        ("down", Arc::new(Down)),
        ("full", Arc::new(MemoryReplayStore::new(0))),
    ];
    for (name, store) in stores {
        let fixture = Fixture::built(|builder| builder.replays(store));
        let token = caller.token(&fixture);
        let answer = verify(&fixture, &token, &caller.proof(&token, "a")).await;
        assert_eq!(answer, Err(Reason::IntrospectionUnavailable), "{name}");
        assert_eq!(
            fixture.verify(&fixture.token()).await,
            Ok(()),
            "{name}: no proof needed"
        );
    }
}

#[tokio::test]
async fn an_explanation_uses_no_proof() {
    let (fixture, caller) = (Fixture::new(), Caller::new());
    let token = caller.token(&fixture);
    let proof = caller.proof(&token, "a");
    let explain = async || {
        let offer = ProofOffer {
            proof: &proof,
            method: "GET",
            url: ADDRESS,
        };
        let credentials = Credentials::bearer(&token).proof(offer);
        let mut recorder = Recorder::default();
        let answer = fixture
            .verifier
            .verify_traced(&credentials, &mut recorder)
            .await;
        (answer.map(drop), recorder.into_records())
    };
    assert_eq!(explain().await.0, Ok(()));
    assert_eq!(explain().await.0, Ok(()));
    assert_eq!(verify(&fixture, &token, &proof).await, Ok(()));
    let (answer, records) = explain().await;
    assert_eq!(answer, Err(Reason::DpopReplay));
    let last = records.last().unwrap();
    assert_eq!(last.step, Step::Binding);
    assert!(
        matches!(&last.outcome, Outcome::Refused { got, .. } if got == "one that was"),
        "{last:?}"
    );
}

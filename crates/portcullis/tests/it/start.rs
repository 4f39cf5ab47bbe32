use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portcullis::{Chain, Issuer, Origin, Secret, SnapshotFile};
use portcullis_testkit::{Answer, TestClock, TestIssuer};
use portcullis_token::Reason;

use crate::fixture::Fixture;

#[tokio::test]
async fn a_verifier_that_nobody_asks_fetches_nothing() {
    let fixture = Fixture::new();
    assert!(!fixture.verifier.is_ready());
    tokio::task::yield_now().await;
    assert_eq!(fixture.issuer.fetched(), [""; 0]);

    fixture.verifier.ready().await.unwrap();
    assert!(fixture.verifier.is_ready());
    assert_eq!(fixture.issuer.key_fetches(), 1);
    fixture.clock.advance(Duration::from_hours(24));
    assert!(!fixture.verifier.is_ready(), "the keys are too old");
}

#[tokio::test]
async fn ready_fails_with_the_first_fetch() {
    let fixture = Fixture::new();
    fixture.issuer.answer(Answer::Status(500));
    let error = fixture.verifier.ready().await.unwrap_err();
    assert_eq!(
        Chain(&error).to_string(),
        "no keys of https://issuer.example/: discovery failed: no discovery document: \
         https://issuer.example/.well-known/openid-configuration answered 500"
    );
    assert_eq!(fixture.issuer.fetched().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn ready_within_waits_for_a_provider_that_comes_late() {
    let fixture = Fixture::new();
    fixture.issuer.answer(Answer::Status(500));
    let issuer = fixture.issuer.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(10)).await;
        issuer.answer(Answer::Documents);
    });
    let early = fixture.verifier.ready_within(Duration::from_secs(5)).await;
    assert_eq!(
        early.unwrap_err().to_string(),
        "no keys of https://issuer.example/"
    );
    fixture
        .verifier
        .ready_within(Duration::from_mins(1))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn ready_gives_up_on_a_provider_that_hangs() {
    let fixture = Fixture::new();
    fixture.issuer.answer(Answer::Hang);
    let began = tokio::time::Instant::now();
    let error = fixture.verifier.ready().await.unwrap_err();
    assert!(error.cause.is_none());
    assert_eq!(began.elapsed().as_secs(), 15);
}

/// A process that keeps its keys in a file.
fn process(issuer: &TestIssuer, clock: &TestClock, path: &Path, key: u8) -> Fixture {
    let snapshot = SnapshotFile::new(path, Secret::new([key; 32]));
    let configured = Issuer::discover(issuer.name())
        .audience("api")
        .snapshot(snapshot);
    Fixture::with(issuer.clone(), configured, clock.clone(), |builder| builder)
}

/// Waits until the background task has written the snapshot, which nobody waits for otherwise.
async fn written(path: &Path) {
    while !path.exists() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_restart_during_an_outage_keeps_serving_for_a_day_from_the_last_fetch() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys.json");
    let (issuer, clock) = (TestIssuer::new(), TestClock::default());
    let before = process(&issuer, &clock, &path, 1);
    before.verifier.ready().await.unwrap();
    written(&path).await;
    drop(before);

    issuer.answer(Answer::Status(500));
    clock.advance(Duration::from_secs(86_399));
    let after = process(&issuer, &clock, &path, 1);
    assert_eq!(after.verify(&after.token_now()).await, Ok(()));
    let status = &after.verifier.key_status()[0];
    assert_eq!(status.origin, Origin::Snapshot);
    assert_eq!(status.age, Some(Duration::from_secs(86_399)));
    assert_eq!(
        after.verify(&after.forged_now()).await,
        Err(Reason::KeysUnavailable),
        "nobody knows whether the key is a good one"
    );

    clock.advance(Duration::from_secs(1));
    assert_eq!(
        after.verify(&after.token_now()).await,
        Err(Reason::KeysUnavailable)
    );
    let late = process(&issuer, &clock, &path, 1);
    assert_eq!(
        late.verify(&late.token_now()).await,
        Err(Reason::KeysUnavailable)
    );
}

#[tokio::test]
async fn a_key_newer_than_the_snapshot_is_fetched() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys.json");
    let (issuer, clock) = (TestIssuer::new(), TestClock::default());
    let before = process(&issuer, &clock, &path, 1);
    before.verifier.ready().await.unwrap();
    written(&path).await;

    issuer.rotate();
    let after = process(&issuer, &clock, &path, 1);
    assert_eq!(after.verify(&after.token()).await, Ok(()));
}

#[tokio::test]
async fn a_snapshot_that_nobody_vouches_for_gives_no_keys() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys.json");
    let (issuer, clock) = (TestIssuer::new(), TestClock::default());
    let before = process(&issuer, &clock, &path, 1);
    before.verifier.ready().await.unwrap();
    written(&path).await;
    issuer.answer(Answer::Status(500));

    let other_key = process(&issuer, &clock, &path, 2);
    assert_eq!(
        other_key.verify(&other_key.token()).await,
        Err(Reason::KeysUnavailable)
    );
    let good = fs::read_to_string(&path).unwrap();
    fs::write(&path, good.replace("fetched_at\":1", "fetched_at\":2")).unwrap();
    let changed = process(&issuer, &clock, &path, 1);
    assert_eq!(
        changed.verify(&changed.token()).await,
        Err(Reason::KeysUnavailable)
    );
    fs::write(&path, good).unwrap();
    let whole = process(&issuer, &clock, &path, 1);
    assert_eq!(whole.verify(&whole.token()).await, Ok(()));
}

#[tokio::test]
async fn verifiers_that_share_keys_are_ready_together() {
    let issuer = TestIssuer::new();
    let clock = TestClock::default();
    let source = portcullis::KeySource::Discovery(issuer.name().parse().unwrap());
    let keys = portcullis::Keys::new(source, Arc::new(issuer.clone()), Arc::new(clock.clone()));
    let shared = || {
        Issuer::sharing(keys.clone())
            .named(issuer.name())
            .audience("api")
    };
    let one = Fixture::with(issuer.clone(), shared(), clock.clone(), |builder| builder);
    let two = Fixture::with(issuer.clone(), shared(), clock.clone(), |builder| builder);
    one.verifier.ready().await.unwrap();
    assert!(two.verifier.is_ready());
    assert_eq!(issuer.key_fetches(), 1);
}

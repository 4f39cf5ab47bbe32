use std::sync::Arc;
use std::time::Duration;

use portcullis::{
    BoxFuture, Cache, Clock as _, OnFailure, Revocation, RevocationList, RevocationListFull,
    Revocations, RevocationsError,
};
use portcullis_testkit::TestClock;
use portcullis_token::{Reason, Verified};

use crate::fixture::Fixture;

const ISSUER: &str = "https://issuer.example/";

fn fixture() -> (Fixture, RevocationList) {
    let clock = TestClock::default();
    let list = RevocationList::new(Arc::new(clock.clone()));
    let issuer = portcullis_testkit::TestIssuer::new();
    let configured = portcullis::Issuer::discover(ISSUER).audience("api");
    let fixture = Fixture::with(issuer, configured, clock, |builder| {
        builder
            .revocations(Arc::new(list.clone()))
            .cache(Cache::default())
    });
    (fixture, list)
}

#[tokio::test]
async fn what_was_revoked_is_refused_from_the_next_request_on() {
    let start = TestClock::START.0;
    let subject = |issued_before| Revocation::Subject {
        subject: "ada".to_owned(),
        issued_before: portcullis_token::UnixTime(issued_before),
    };
    let refused = Err(Reason::Revoked);
    for (issuer, revocation, expected) in [
        (ISSUER, Revocation::Token("a-jti".to_owned()), refused),
        (ISSUER, Revocation::Token("another".to_owned()), Ok(())),
        (ISSUER, Revocation::Token("a-sid".to_owned()), Ok(())),
        (
            "https://other.example/",
            Revocation::Token("a-jti".to_owned()),
            Ok(()),
        ),
        (ISSUER, Revocation::Session("a-sid".to_owned()), refused),
        (ISSUER, subject(start), Ok(())),
        (ISSUER, subject(start + 1), refused),
    ] {
        let (fixture, list) = fixture();
        let token = fixture.issuer.token().audience("api");
        let token = token.claim("jti", "a-jti").claim("sid", "a-sid").sign();
        assert_eq!(
            fixture.verify(&token).await,
            Ok(()),
            "before {revocation:?}"
        );
        let until = fixture.clock.now().plus(Duration::from_hours(1));
        list.revoke(issuer, revocation.clone(), until).unwrap();
        let answer = fixture.verify(&token).await;
        assert_eq!(answer, expected, "{revocation:?} of {issuer}");
    }
}

#[tokio::test]
async fn a_token_that_does_not_say_when_it_was_issued_is_older_than_any() {
    let (fixture, list) = fixture();
    let token = fixture.issuer.token().audience("api").without("iat").sign();
    let revocation = Revocation::Subject {
        subject: "ada".to_owned(),
        issued_before: portcullis_token::UnixTime(1),
    };
    let until = fixture.clock.now().plus(Duration::from_hours(1));
    list.revoke(ISSUER, revocation, until).unwrap();
    assert_eq!(fixture.verify(&token).await, Err(Reason::Revoked));
}

#[test]
fn a_full_list_takes_nothing_until_a_revocation_has_ended() {
    let clock = TestClock::default();
    let list = RevocationList::with_room(Arc::new(clock.clone()), 2);
    let until = clock.now().plus(Duration::from_secs(10));
    let revoke = |id: &str| list.revoke(ISSUER, Revocation::Token(id.to_owned()), until);
    assert_eq!((revoke("a"), revoke("b"), list.len()), (Ok(()), Ok(()), 2));
    clock.advance(Duration::from_secs(9));
    assert_eq!(revoke("c"), Err(RevocationListFull));
    clock.advance(Duration::from_secs(1));
    let later = clock.now().plus(Duration::from_secs(10));
    let revocation = Revocation::Token("c".to_owned());
    assert_eq!(list.revoke(ISSUER, revocation, later), Ok(()));
    assert_eq!(list.len(), 1);
}

#[tokio::test]
async fn revocations_that_cannot_be_read_are_503_or_what_the_owner_says() {
    #[derive(Debug)]
    struct Down;

    impl Revocations for Down {
        fn is_revoked<'a>(
            &'a self,
            _: &'a Verified,
        ) -> BoxFuture<'a, Result<bool, RevocationsError>> {
            Box::pin(async { Err(RevocationsError::new("connection refused")) })
        }
    }

    for (policy, expected) in [
        (OnFailure::Deny, Err(Reason::IntrospectionUnavailable)),
        (OnFailure::Allow, Ok(())),
    ] {
        let fixture = Fixture::built(|builder| {
            builder
                .revocations(Arc::new(Down))
                .on_revocations_failure(policy)
        });
        assert_eq!(
            fixture.verify(&fixture.token()).await,
            expected,
            "{policy:?}"
        );
    }
}

//! Tokens that were verified before.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use portcullis::{Cache, CacheStatus, Credentials, Issuer, Verifier};
use portcullis_token::{Algorithm, Reason, Verified};

use crate::fixture::{AUDIENCE, ISSUER, Key, now};
use crate::operation::{Contender, Operation};

/// Keeps one token and verifies it again.
pub(crate) fn hit(subject: &'static str) -> Vec<Operation> {
    let key = Key::generate(Algorithm::EdDsa);
    let token = key.token(1024, now() + 3600, 0);
    let verifier = verifier(&key, Cache::default());
    assert!(verify(&verifier, &token).is_ok());
    let operation = Operation::new(subject, Contender::Portcullis, move || {
        let answer = verify(&verifier, &token);
        assert!(answer.is_ok());
        answer
    });
    vec![operation]
}

/// Verifies `count` different tokens of 1 KB, signed with RS256, with a cache that has room for them, in 64 MiB.
///
/// # Panics
/// When one of them is refused.
pub fn fill(count: u32) -> (Cache, CacheStatus) {
    let key = Key::generate(Algorithm::Rs256);
    let cache = Cache::new(usize::MAX, 64 * 1024 * 1024);
    let verifier = verifier(&key, cache.clone());
    let expires_at = now() + 3600;
    for number in 0..count {
        assert!(verify(&verifier, &key.token(1024, expires_at, number)).is_ok());
    }
    let status = cache.status();
    (cache, status)
}

fn verifier(key: &Key, cache: Cache) -> Verifier {
    Verifier::builder()
        .issuer(
            Issuer::fixed(key.key_set())
                .named(ISSUER)
                .audience(AUDIENCE),
        )
        .cache(cache)
        .build()
        .expect("the issuer has a name, an audience and keys")
}

/// With keys at hand the answer is there at once, so no runtime is needed.
fn verify(verifier: &Verifier, token: &str) -> Result<Verified, Reason> {
    let credentials = Credentials::bearer(token);
    let answer = pin!(verifier.verify(&credentials));
    match answer.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("nothing is fetched"),
    }
}

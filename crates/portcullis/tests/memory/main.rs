//! What a full cache takes of the machine's memory; alone in its process, so that nothing else
//! takes any meanwhile.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "an unwrap that panics fails its test")]

use std::fs;
use std::sync::Arc;

use aws_lc_rs::hmac;
use portcullis::{Cache, Credentials, Issuer, Verifier};
use portcullis_testkit::TestClock;
use portcullis_token::{Algorithm, KeySet, Secret, base64url};

const ISSUER: &str = "https://tenant.eu.auth0.com/";
const SECRET: [u8; 32] = [7; 32];
/// The claims of a token of 1 KB that is signed with RSA of 2048 bits: its header takes 90
/// characters, its signature 342, and base64 a quarter of the rest.
const CLAIMS_BYTES: usize = (1_024 - 90 - 342 - 2) / 4 * 3;

fn token(number: u32) -> String {
    let claims = |note: &str| {
        format!(
            r#"{{"iss":"{ISSUER}","sub":"auth0|{number:024}","aud":["api","{ISSUER}userinfo"],"iat":0,"exp":9000000000,"azp":"a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6","scope":"openid profile email","permissions":["read:reports","write:reports"],"note":"{note}"}}"#
        )
    };
    let note = "n".repeat(CLAIMS_BYTES - claims("").len());
    let [header, claims] = [r#"{"alg":"HS256","typ":"at+jwt"}"#, &claims(&note)]
        .map(|json| base64url::encode(json.as_bytes()));
    let input = format!("{header}.{claims}");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &SECRET);
    let signature = hmac::sign(&key, input.as_bytes());
    format!("{input}.{}", base64url::encode(signature.as_ref()))
}

/// What the process has in memory now.
fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kibibytes = line.unwrap().split_whitespace().nth(1).unwrap();
    kibibytes.parse::<usize>().unwrap() * 1_024
}

#[tokio::test]
async fn a_cache_takes_what_it_says_and_has_room_for_100_000_tokens_in_64_mib() {
    let keys = KeySet::hmac(&Secret::new(SECRET.to_vec()), Algorithm::Hs256).unwrap();
    let cache = Cache::new(usize::MAX, usize::MAX);
    let verifier = Verifier::builder()
        .issuer(
            Issuer::fixed(keys)
                .named(ISSUER)
                .audience("api")
                .algorithms(vec![Algorithm::Hs256]),
        )
        .clock(Arc::new(TestClock::default()))
        .cache(cache.clone())
        .build()
        .unwrap();
    let fill = async |numbers: std::ops::Range<u32>| {
        for number in numbers {
            let token = token(number);
            verifier.verify(&Credentials::bearer(&token)).await.unwrap();
        }
    };
    // The first ones bring what every process has once.
    fill(0..1_000).await;
    let (bytes, resident) = (cache.status().bytes, resident_bytes());
    fill(1_000..41_000).await;
    let status = cache.status();
    assert_eq!((status.entries, status.evictions), (41_000, 0));

    let (estimated, taken) = (status.bytes - bytes, resident_bytes() - resident);
    assert!(
        taken <= estimated + estimated / 20,
        "{taken} bytes are taken, and {estimated} were counted"
    );
    let each = taken.max(estimated) / 40_000;
    assert!(
        each * 100_000 <= 64 * 1_024 * 1_024,
        "{each} bytes for a token"
    );
}

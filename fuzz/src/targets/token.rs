//! A token as it is sent, with the keys of its issuer.

use std::sync::LazyLock;

use portcullis_token::{
    KeySet, Reason, Recorder, Rules, Sender, TokenType, Trace, UnixTime, Unverified,
};

pub(crate) const ISSUER: &str = "https://issuer.example/";
pub(crate) const AUDIENCE: &str = "api";
/// The time of every check.
pub(crate) const NOW: UnixTime = UnixTime(1_000);

/// The only tokens that the issuer ever signed, so the only ones that may pass.
const GOOD: [&str; 3] = [
    include_str!("../../corpus/token/ok-eddsa"),
    include_str!("../../corpus/token/ok-es256"),
    include_str!("../../corpus/token/ok-rs256"),
];

/// The public keys of which `src/bin/seeds.rs` made the seeds, and whose private keys are gone.
pub(crate) const KEYS: &str = include_str!("../../keys.json");

static KEY_SET: LazyLock<KeySet> = LazyLock::new(|| {
    KeySet::parse(KEYS.as_bytes()).expect("the file was written from keys that sign")
});

/// Decides about a token.
///
/// # Panics
/// When a token passes that the issuer did not sign, or when what `explain` tells is not what is
/// decided.
pub fn run(data: &[u8]) -> &'static str {
    let Ok(token) = str::from_utf8(data) else {
        return "not_text";
    };
    let answer = decide(token, &KEY_SET);
    assert!(answer != Ok(()) || GOOD.contains(&token), "{token}");
    answer.map_or_else(Reason::code, |()| "ok")
}

/// Decides twice, once with a recorder in hand, which must change nothing.
pub(crate) fn decide(token: &str, keys: &KeySet) -> Result<(), Reason> {
    let answer = verify(token, keys, &mut ());
    let mut recorder = Recorder::default();
    assert_eq!(verify(token, keys, &mut recorder), answer);
    assert!(!recorder.into_records().is_empty());
    answer
}

fn verify(token: &str, keys: &KeySet, trace: &mut impl Trace) -> Result<(), Reason> {
    let rules = Rules::new(Some(ISSUER.to_owned()), Some(vec![AUDIENCE.to_owned()]));
    let token = Unverified::parse(token, TokenType::Lenient, trace)?;
    rules
        .verify(&token, keys, &Sender::default(), NOW, trace)
        .map(drop)
}

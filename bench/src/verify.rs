//! A good token of each algorithm.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, Validation};
use portcullis_token::{
    Algorithm, KeySet, Reason, Rules, Sender, TokenType, UnixTime, Unverified, Verified, base64url,
};
use serde_json::Value;

use crate::fixture::{AUDIENCE, ISSUER, Key, TOKEN_BYTES, now};
use crate::operation::{Contender, Operation};

pub(crate) fn rs256(subject: &'static str) -> Vec<Operation> {
    good(subject, Algorithm::Rs256)
}

pub(crate) fn es256(subject: &'static str) -> Vec<Operation> {
    good(subject, Algorithm::Es256)
}

pub(crate) fn eddsa(subject: &'static str) -> Vec<Operation> {
    good(subject, Algorithm::EdDsa)
}

fn good(subject: &'static str, algorithm: Algorithm) -> Vec<Operation> {
    let key = Key::generate(algorithm);
    of_token(
        subject,
        &key,
        &key.token(TOKEN_BYTES, now() + 3600, 0),
        Ok(()),
    )
}

/// What the three contenders make of `token`, which must be `expected`.
pub(crate) fn of_token(
    subject: &'static str,
    key: &Key,
    token: &str,
    expected: Result<(), Reason>,
) -> Vec<Operation> {
    vec![
        portcullis(subject, key.key_set(), token, expected),
        bare(subject, key, token, expected.is_ok()),
        jsonwebtoken(subject, key, token, expected.is_ok()),
    ]
}

/// The whole check: form, claims, key, signature, rules.
pub(crate) fn portcullis(
    subject: &'static str,
    keys: KeySet,
    token: &str,
    expected: Result<(), Reason>,
) -> Operation {
    let rules = Rules::new(Some(ISSUER.to_owned()), Some(vec![AUDIENCE.to_owned()]));
    let token = token.to_owned();
    let now = UnixTime(now());
    Operation::new(subject, Contender::Portcullis, move || {
        let answer = verify(&rules, &keys, &token, now);
        assert_eq!(answer.as_ref().map(drop), expected.as_ref().map(drop));
        answer
    })
}

fn verify(rules: &Rules, keys: &KeySet, token: &str, now: UnixTime) -> Result<Verified, Reason> {
    let token = Unverified::parse(token, TokenType::Lenient, &mut ())?;
    rules.verify(&token, keys, &Sender::default(), now, &mut ())
}

/// The signature alone, already decoded, with a prepared key.
fn bare(subject: &'static str, key: &Key, token: &str, good: bool) -> Operation {
    let (message, signature) = token.rsplit_once('.').expect("a token has dots");
    let message = message.to_owned();
    let signature = base64url::decode(signature.as_bytes()).expect("a token is base64url");
    let key = key.prepared();
    Operation::new(subject, Contender::Bare, move || {
        let answer = key.verify_sig(message.as_bytes(), &signature);
        assert_eq!(answer.is_ok(), good);
    })
}

/// The same rules: issuer, audience and 5 s of leeway, every claim kept.
pub(crate) fn jsonwebtoken(subject: &'static str, key: &Key, token: &str, good: bool) -> Operation {
    let jwk: Jwk = serde_json::from_value(key.jwk("")).expect("a JWK has this form");
    let key = DecodingKey::from_jwk(&jwk).expect("a key that was made is a good key");
    let algorithm = jwk.common.key_algorithm.expect("the JWK names it");
    let algorithm = algorithm
        .to_string()
        .parse()
        .expect("it is one for signatures");
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.validate_nbf = true;
    validation.leeway = 5;
    let token = token.to_owned();
    Operation::new(subject, Contender::Jsonwebtoken, move || {
        let answer =
            jsonwebtoken::decode::<serde_json::Map<String, Value>>(&token, &key, &validation);
        assert_eq!(answer.is_ok(), good);
        answer
    })
}

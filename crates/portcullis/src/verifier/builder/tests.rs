use std::time::Duration;

use super::*;

fn build(issuer: Issuer) -> Result<Verifier, BuildError> {
    Verifier::builder().issuer(issuer).build()
}

#[test]
fn a_verifier_that_would_be_open_or_useless_is_not_built() {
    let good = || Issuer::discover("https://a.example/").audience("api");
    assert!(build(good()).is_ok());
    assert!(build(good().leeway(MAX_LEEWAY)).is_ok());
    assert!(build(Issuer::jwks("http://127.0.0.1:1/jwks").any_audience()).is_ok());

    assert!(matches!(
        Verifier::builder().build(),
        Err(BuildError::NoIssuer)
    ));
    let no_audience = build(Issuer::discover("https://a.example/"));
    assert!(matches!(no_audience, Err(BuildError::NoAudience)));
    let leeway = build(good().leeway(MAX_LEEWAY + Duration::from_secs(1)));
    assert!(matches!(leeway, Err(BuildError::Leeway)));
    assert!(matches!(
        build(good().algorithms([])),
        Err(BuildError::NoAlgorithm)
    ));
    for algorithms in [
        vec![Algorithm::Hs256],
        vec![Algorithm::Rs256, Algorithm::Hs256],
    ] {
        let fetched = build(good().algorithms(algorithms));
        assert!(matches!(fetched, Err(BuildError::SharedSecret)));
    }
    let fixed = |algorithms: &[Algorithm]| {
        let keys = portcullis_token::KeySet::default();
        build(Issuer::fixed(keys).any_audience().algorithms(algorithms))
    };
    assert!(fixed(&[Algorithm::Hs256]).is_ok());
    let mixed = fixed(&[Algorithm::Hs256, Algorithm::Rs256]);
    assert!(matches!(mixed, Err(BuildError::SharedSecret)));
    let twice = Verifier::builder().issuer(good()).issuer(good()).build();
    assert!(matches!(twice, Err(BuildError::Duplicate(_))));
    for (bytes, is_good) in [(1023, false), (1024, true), (65_536, true), (65_537, false)] {
        let built = Verifier::builder()
            .issuer(good())
            .max_token_bytes(bytes)
            .build();
        let refused = matches!(built, Err(BuildError::TokenBytes));
        assert_eq!((built.is_ok(), refused), (is_good, !is_good), "{bytes}");
    }
    let relative = build(Issuer::discover("a.example").audience("api"));
    assert!(matches!(relative, Err(BuildError::Address { .. })));
}

#[test]
fn an_issuer_is_https_or_on_this_machine_and_nothing_more() {
    for address in [
        "http://a.example/",
        "https://user@a.example/",
        "https://:secret@a.example/",
        "https://a.example/?x",
        "https://a.example/#x",
        "ftp://a.example/",
    ] {
        let result = build(Issuer::discover(address).audience("api"));
        assert!(
            matches!(result, Err(BuildError::Unsafe { .. })),
            "{address}"
        );
    }
}

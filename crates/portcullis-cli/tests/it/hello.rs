use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::Value;

use crate::program::{Output, World};
use crate::session::{Session, token};
use crate::signer::{Lifetime, Signer, changed, claims};
use crate::web::{get, get_as};

#[tokio::test]
async fn the_guide_works_and_its_rules_are_enforced() {
    let world = World::example("hello");
    let session = Session::start(&world).await;
    let url = session.url("/hello/world");

    let refused = get(&url).await;
    assert_eq!(
        (refused.status, refused.reason()),
        (401, "missing".to_owned())
    );
    assert_eq!(refused.header("www-authenticate"), r#"Bearer realm="main""#);
    assert_eq!(refused.header("content-type"), "application/problem+json");

    let token = token(&world, &[]).await;
    let answer = get_as(&token, &url).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "Hello world"));
}

#[tokio::test]
async fn a_token_may_be_had_from_anywhere_by_the_tenant_s_address() {
    let world = World::example("hello");
    let session = Session::start(&world).await;
    let with_slash = session.issuer();
    for tenant in [with_slash, with_slash.trim_end_matches('/')] {
        let mut command = world.command(&["token", "--tenant", tenant]);
        let output = Output::of(command.current_dir(world.elsewhere())).await;
        let answer = get_as(output.data(), &session.url("/hello/world")).await;
        assert_eq!(answer.status, 200, "{tenant}");
    }
}

#[tokio::test]
async fn a_token_with_one_character_changed_is_refused() {
    let world = World::example("hello");
    let session = Session::start(&world).await;
    let token = token(&world, &[]).await;
    for (name, segment, error) in [
        ("header", 0, "invalid_token"),
        ("payload", 1, "invalid_token"),
        ("signature", 2, "invalid_token"),
    ] {
        let answer = get_as(&changed(&token, segment), &session.url("/hello/world")).await;
        assert_eq!(answer.status, 401, "{name}: {answer:?}");
        let challenge = answer.header("www-authenticate");
        let expected = format!(r#"Bearer realm="main", error="{error}""#);
        assert!(challenge.starts_with(&expected), "{name}: {challenge}");
    }
}

#[tokio::test]
async fn what_the_tenant_s_own_key_signed_is_still_checked() {
    let world = World::example("hello");
    let session = Session::start(&world).await;
    let signer = Signer::of_tenant(&world);
    let issuer = session.issuer();
    let without_slash = issuer.trim_end_matches('/');
    let (running, over) = (Lifetime::Running, Lifetime::Over);
    for (name, claims, expected) in [
        ("good", claims(issuer, "testing", running), (200, "")),
        ("expired", claims(issuer, "testing", over), (401, "expired")),
        (
            "audience",
            claims(issuer, "other", running),
            (401, "aud_mismatch"),
        ),
        (
            "issuer",
            claims(without_slash, "testing", running),
            (401, "iss_unknown"),
        ),
    ] {
        let answer = get_as(&signer.sign(&claims), &session.url("/hello/world")).await;
        assert_eq!(
            (answer.status, answer.reason().as_str()),
            expected,
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_token_of_the_tenant_is_good_for_any_library() {
    let world = World::example("hello");
    let session = Session::start(&world).await;
    let issuer = session.issuer();
    assert!(
        issuer.starts_with("http://localhost:") && issuer.ends_with('/'),
        "{issuer}"
    );
    let discovery = get(&format!("{issuer}.well-known/openid-configuration"))
        .await
        .json();
    assert_eq!(discovery["issuer"], issuer);
    let jwks = get(discovery["jwks_uri"].as_str().unwrap()).await;
    let keys: JwkSet = serde_json::from_str(&jwks.body).unwrap();

    let token = token(&world, &[]).await;
    let header = decode_header(&token).unwrap();
    let key = keys.find(header.kid.as_deref().unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_issuer(&[issuer]);
    validation.set_audience(&["testing"]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let key = DecodingKey::from_jwk(key).unwrap();
    let claims = decode::<Value>(&token, &key, &validation).unwrap().claims;
    assert_eq!(claims["sub"], "development@clients");
}

#[tokio::test]
async fn what_is_ready_is_told_in_one_line() {
    let world = World::example("hello");
    let session = Session::start(&world).await;
    let (api, issuer) = (session.api().to_owned(), session.issuer().to_owned());
    let printed = session.stop().await.stdout;
    let expected = serde_json::json!({
        "apis": { "main": api },
        "tenant": issuer,
        "issuer": issuer,
    });
    assert_eq!(printed, format!("{expected}\n"));
}

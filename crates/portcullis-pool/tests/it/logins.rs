use axum::body::Body;
use http::Request;
use portcullis_pool::{Pool, Settings};
use portcullis_token::UnixTime;
use portcullis_token::sigv4::{Request as Signed, Signature, SignatureRefusal, Trusted};
use serde_json::{Value, json};

use crate::world::{
    OTHER, PROVIDER, World, answer, assert_refused, call, id_token, identity, now, second_token,
};

/// Whom a pool takes a request for that names these credentials.
fn trusted(
    pool: &Pool,
    credentials: &Value,
    access_key: &str,
    at: u64,
) -> Result<Trusted, SignatureRefusal> {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={access_key}/20150830/r/s/aws4_request, \
         SignedHeaders=host;x-amz-date;x-amz-security-token, Signature={}",
        "0".repeat(64)
    );
    let token = credentials["SessionToken"].as_str().unwrap();
    let headers = [
        ("host", &b"h"[..]),
        ("x-amz-date", b"20150830T123600Z"),
        ("x-amz-security-token", token.as_bytes()),
        ("authorization", authorization.as_bytes()),
    ];
    let request = Signed {
        method: "GET",
        path: "/",
        query: None,
        headers: &headers,
    };
    pool.trust(&Signature::parse(&request).unwrap(), UnixTime(at))
}

#[tokio::test]
async fn one_user_is_one_identity_on_every_machine() {
    let pool = World::default().pool();
    let first = identity(&pool, json!({ PROVIDER: id_token().sign() })).await;
    assert!(first.starts_with("us-east-1:"), "{first}");
    let again = World::default().pool();
    let token = id_token().claim("nonce", "another").sign();
    assert_eq!(identity(&again, json!({ PROVIDER: token })).await, first);
    let other = id_token().subject("auth0|eve").sign();
    assert_ne!(identity(&pool, json!({ PROVIDER: other })).await, first);
    let elsewhere = second_token().subject("auth0|ada").sign();
    assert_ne!(identity(&pool, json!({ OTHER: elsewhere })).await, first);
    let foreign = World {
        secret: [2; 32],
        ..World::default()
    }
    .pool();
    assert_ne!(
        identity(&foreign, json!({ PROVIDER: id_token().sign() })).await,
        first
    );
}

#[tokio::test]
async fn a_bad_login_is_refused_in_the_words_of_cognito() {
    let pool = World::default().pool();
    let expired = format!(
        "Invalid login token. Token expired: {} >= {}",
        now() - 600,
        now()
    );
    let good = id_token().sign();
    let broken = format!("{}AAAA", good.get(..good.len() - 4).unwrap());
    for (name, provider, token, message) in [
        (
            "another provider",
            "x.example",
            good.clone(),
            "Token is not from a supported provider of this identity pool.",
        ),
        (
            "another application",
            PROVIDER,
            id_token().audience("api").sign(),
            "Token is not from a supported provider of this identity pool.",
        ),
        (
            "issued to another",
            PROVIDER,
            id_token().claim("azp", "api").sign(),
            "Token is not from a supported provider of this identity pool.",
        ),
        (
            "another issuer",
            PROVIDER,
            second_token().sign(),
            "Invalid login token. Issuer doesn't match providerName",
        ),
        (
            "another signature",
            PROVIDER,
            broken,
            "Invalid login token. Couldn't verify signed token.",
        ),
        (
            "no token",
            PROVIDER,
            "undefined".to_owned(),
            "Invalid login token. Not a valid OpenId Connect identity token.",
        ),
        (
            "expired",
            PROVIDER,
            id_token().claim("exp", now() - 600).sign(),
            &expired,
        ),
    ] {
        let asked = json!({ "IdentityPoolId": pool.id(), "Logins": { provider: token } });
        let refused = call(&pool, "GetId", asked).await;
        assert_eq!(refused.status, 400, "{name}: {refused:?}");
        assert_refused(&refused, "NotAuthorizedException", message);
    }
    let nobody = call(&pool, "GetId", json!({ "IdentityPoolId": pool.id() })).await;
    let message = "Unauthenticated access is not supported for this identity pool.";
    assert_refused(&nobody, "NotAuthorizedException", message);
    let elsewhere = call(&pool, "GetId", json!({ "IdentityPoolId": "us-east-1:00" })).await;
    let message = "IdentityPool 'us-east-1:00' not found.";
    assert_refused(&elsewhere, "ResourceNotFoundException", message);
    let malformed = call(&pool, "GetId", json!({ "IdentityPoolId": "Auth" })).await;
    let message = r"1 validation error detected: Value 'Auth' at 'identityPoolId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w-]+:[0-9a-f-]+";
    assert_refused(&malformed, "InvalidParameterException", message);
}

#[tokio::test]
async fn credentials_are_for_whoever_has_the_login() {
    let pool = World::default().pool();
    let logins = json!({ PROVIDER: id_token().sign() });
    let ada = identity(&pool, logins.clone()).await;
    let asked = json!({ "IdentityId": ada, "Logins": logins });
    let given = call(&pool, "GetCredentialsForIdentity", asked).await;
    assert_eq!(given.good("IdentityId"), ada);
    let credentials = given.good("Credentials");
    assert_eq!(credentials["Expiration"], now() + 3600);
    assert_eq!(credentials["SecretKey"].as_str().unwrap().len(), 40);
    let key = credentials["AccessKeyId"].as_str().unwrap();
    assert!(key.starts_with("ASIA") && key.len() == 20, "{key}");

    let principal = trusted(&pool, &credentials, key, now()).unwrap().principal;
    assert_eq!(principal.identity.as_deref(), Some(ada.as_str()));
    let expected = ["authenticated", PROVIDER, "issuer.example:OIDC:auth0|ada"];
    assert_eq!(principal.amr, expected);
    let arn = "arn:aws:sts::000000000000:assumed-role/authenticated/CognitoIdentityCredentials";
    assert_eq!(principal.user_arn, arn);
    assert!(
        principal.user_id.starts_with("AROA"),
        "{}",
        principal.user_id
    );

    let eve = json!({ PROVIDER: id_token().subject("eve").sign() });
    let refused = call(
        &pool,
        "GetCredentialsForIdentity",
        json!({ "IdentityId": ada, "Logins": eve }),
    )
    .await;
    let message = "Logins don't match. Please include at least one valid login for this identity or identity pool.";
    assert_refused(&refused, "NotAuthorizedException", message);
}

#[tokio::test]
async fn credentials_end_with_their_time_their_key_and_their_epoch() {
    let pool = World::default().pool();
    let logins = json!({ PROVIDER: id_token().sign() });
    let ada = identity(&pool, logins.clone()).await;
    let asked = json!({ "IdentityId": ada, "Logins": logins });
    let credentials = call(&pool, "GetCredentialsForIdentity", asked)
        .await
        .good("Credentials");
    let key = credentials["AccessKeyId"].as_str().unwrap();
    let verdict = |pool: &Pool, at| trusted(pool, &credentials, key, at).map(drop);
    assert_eq!(verdict(&pool, now() + 3599), Ok(()));
    assert_eq!(
        verdict(&pool, now() + 3600),
        Err(SignatureRefusal::TokenExpired)
    );
    assert_eq!(
        trusted(&pool, &credentials, "ASIAANOTHERANOTHERAN", now()).map(drop),
        Err(SignatureRefusal::TokenInvalid)
    );
    let mut changed = credentials.clone();
    let token = credentials["SessionToken"].as_str().unwrap();
    changed["SessionToken"] = json!(format!("A{}", token.get(1..).unwrap()).replace('b', "c"));
    assert_eq!(
        trusted(&pool, &changed, key, now()).map(drop),
        Err(SignatureRefusal::TokenInvalid)
    );
    // Another process with the same secret takes them, one with another secret does not.
    assert_eq!(verdict(&World::default().pool(), now()), Ok(()));
    let other = World {
        secret: [2; 32],
        ..World::default()
    };
    assert_eq!(
        verdict(&other.pool(), now()),
        Err(SignatureRefusal::TokenInvalid)
    );
    // A ring of keys opens what its older key has sealed, until that is removed.
    let rotated = World {
        ring: vec![[3; 32], [1; 32]],
        ..World::default()
    };
    assert_eq!(verdict(&rotated.pool(), now()), Ok(()));
    let removed = World {
        ring: vec![[3; 32]],
        ..World::default()
    };
    assert_eq!(
        verdict(&removed.pool(), now()),
        Err(SignatureRefusal::TokenInvalid)
    );
    let mut revoked = World::default();
    revoked.settings = Settings {
        epoch: 1,
        ..revoked.settings
    };
    assert_eq!(
        verdict(&revoked.pool(), now()),
        Err(SignatureRefusal::TokenInvalid)
    );
}

#[tokio::test]
async fn guests_have_an_id_of_their_own_where_they_are_let_in() {
    let mut world = World::default();
    world.settings.guests = Some("unauthenticated".to_owned());
    let pool = world.pool();
    let guest = identity(&pool, json!({})).await;
    assert_ne!(identity(&pool, json!({})).await, guest);
    let given = call(
        &pool,
        "GetCredentialsForIdentity",
        json!({ "IdentityId": guest }),
    )
    .await;
    let credentials = given.good("Credentials");
    let key = credentials["AccessKeyId"].as_str().unwrap();
    let principal = trusted(&pool, &credentials, key, now()).unwrap().principal;
    assert_eq!(principal.amr, ["unauthenticated"]);
    assert!(
        principal.user_arn.contains("/unauthenticated/"),
        "{}",
        principal.user_arn
    );

    let ada = identity(&pool, json!({ PROVIDER: id_token().sign() })).await;
    for id in [
        ada.as_str(),
        "us-east-1:00000000-0000-0000-0000-000000000000",
    ] {
        let refused = call(
            &pool,
            "GetCredentialsForIdentity",
            json!({ "IdentityId": id }),
        )
        .await;
        let message = format!("Access to Identity '{id}' is forbidden.");
        assert_refused(&refused, "NotAuthorizedException", &message);
    }
}

#[tokio::test]
async fn pages_may_ask_and_nonsense_is_refused() {
    let pool = World::default().pool();
    let preflight = Request::options("/").body(Body::empty()).unwrap();
    let preflight = answer(&pool, preflight).await;
    assert_eq!(preflight.status, 204);
    let allowed = preflight.headers["access-control-allow-headers"]
        .to_str()
        .unwrap();
    for name in [
        "content-type",
        "x-amz-target",
        "x-amz-user-agent",
        "amz-sdk-invocation-id",
        "amz-sdk-request",
    ] {
        assert!(allowed.split(',').any(|own| own == name), "{name}");
    }
    let unknown = call(&pool, "ListIdentityPools", json!({})).await;
    assert_refused(&unknown, "UnknownOperationException", "");
    let body = call(&pool, "GetId", json!([])).await;
    let message = "The body is not the JSON of this operation.";
    assert_refused(&body, "SerializationException", message);
    let logins = json!({ PROVIDER: id_token().sign(), OTHER: second_token().sign() });
    let asked = json!({ "IdentityPoolId": pool.id(), "Logins": logins });
    let message = "Logins of several providers cannot be linked in this pool.";
    assert_refused(
        &call(&pool, "GetId", asked).await,
        "InvalidParameterException",
        message,
    );
    let huge = json!({ "IdentityPoolId": pool.id(), "Logins": { PROVIDER: "x".repeat(50_001) } });
    let message = "1 validation error detected: a name or a token in 'logins' is empty or too long";
    assert_refused(
        &call(&pool, "GetId", huge).await,
        "InvalidParameterException",
        message,
    );
}

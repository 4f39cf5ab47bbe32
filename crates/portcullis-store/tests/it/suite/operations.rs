use portcullis_store::tenant::{
    DatabaseError, KeyState, LogEntry, LogFilter, Purge, RefreshFamily, Rotated, Rotation,
    SigningKey, Slice,
};
use portcullis_token::Secret;
use serde_json::json;

use crate::fixture::{Fixture, NOW, at_once, code, family, hash, token};

const DAY: i64 = 24 * 60 * 60;

cases! {
    of_many_rotations_of_keys_at_once_one_is_done,
    only_a_previous_key_is_revoked,
    settings_are_those_that_were_last_saved,
    an_assertion_is_used_once_until_it_expires,
    logs_are_read_from_both_ends,
    a_purge_is_bounded_and_takes_only_what_has_ended,
    spent_tokens_are_remembered_for_thirty_days,
}

fn key(kid: &str, state: KeyState) -> SigningKey {
    SigningKey {
        kid: kid.to_owned(),
        algorithm: "RS256".to_owned(),
        state,
        sealed_private_key: Secret::new(vec![0, 255, 7]),
        public_jwk: json!({ "kty": "RSA", "kid": kid }),
        certificate: Some(vec![48, 130]),
        created_at: NOW,
        not_after: None,
        revoked_at: None,
    }
}

async fn of_many_rotations_of_keys_at_once_one_is_done(fixture: Fixture) {
    let keys = fixture.database.signing_keys();
    keys.insert(&key("k1", KeyState::Current)).await.unwrap();
    let without_next = keys.rotate("k1", &key("k9", KeyState::Next)).await;
    assert!(!without_next.unwrap(), "there is no next key");
    keys.insert(&key("k2", KeyState::Next)).await.unwrap();
    let error = keys
        .insert(&key("k3", KeyState::Current))
        .await
        .unwrap_err();
    assert!(
        matches!(error, DatabaseError::Duplicate { .. }),
        "{error:?}"
    );
    let rotated = at_once(8, |number| {
        let database = fixture.database.clone();
        async move {
            let next = key(&format!("next-{number}"), KeyState::Current);
            database.signing_keys().rotate("k1", &next).await.unwrap()
        }
    })
    .await;
    assert_eq!(rotated.iter().filter(|&&is_done| is_done).count(), 1);
    let states = keys.list().await.unwrap();
    let mut states: Vec<(KeyState, String)> =
        states.into_iter().map(|key| (key.state, key.kid)).collect();
    states.sort_by_key(|(_, kid)| kid.clone());
    assert_eq!(states[0], (KeyState::Previous, "k1".to_owned()));
    assert_eq!(states[1], (KeyState::Current, "k2".to_owned()));
    assert_eq!((states.len(), states[2].0), (3, KeyState::Next));
}

async fn only_a_previous_key_is_revoked(fixture: Fixture) {
    let keys = fixture.database.signing_keys();
    for (kid, state) in [
        ("k1", KeyState::Previous),
        ("k2", KeyState::Current),
        ("k3", KeyState::Next),
    ] {
        keys.insert(&key(kid, state)).await.unwrap();
        let is_revoked = keys.revoke(kid, NOW + 1).await.unwrap();
        assert_eq!(is_revoked, state == KeyState::Previous, "{kid}");
    }
    let revoked = SigningKey {
        revoked_at: Some(NOW + 1),
        ..key("k1", KeyState::Revoked)
    };
    assert_eq!(keys.list().await.unwrap()[0], revoked);
    assert!(!keys.revoke("k1", NOW + 2).await.unwrap());
    assert!(format!("{revoked:?}").contains("sealed_private_key: [redacted]"));
}

async fn settings_are_those_that_were_last_saved(fixture: Fixture) {
    let settings = fixture.database.settings();
    assert_eq!(settings.load().await.unwrap(), None);
    for idle in [72, 24] {
        let value = json!({ "idle_session_lifetime": idle, "flags": {} });
        settings.save(&value, NOW).await.unwrap();
        assert_eq!(settings.load().await.unwrap(), Some(value));
    }
}

async fn an_assertion_is_used_once_until_it_expires(fixture: Fixture) {
    let ids = fixture.database.token_ids();
    let used = at_once(20, |_| {
        let database = fixture.database.clone();
        async move {
            let ids = database.token_ids();
            ids.use_once("web", "jti", NOW, NOW + 60).await.unwrap()
        }
    })
    .await;
    assert_eq!(used.iter().filter(|&&is_used| is_used).count(), 1);
    let longest = "x".repeat(512);
    let too_long = "x".repeat(513);
    let cases = [
        ("another issuer", "other", "jti", NOW, true),
        ("in the last second", "web", "jti", NOW + 59, false),
        ("after its end", "web", "jti", NOW + 60, true),
        ("the longest", "web", &longest, NOW, true),
        ("too long", "web", &too_long, NOW, false),
        ("an issuer too long", &too_long, "jti", NOW, false),
    ];
    for (name, issuer, jti, now, expected) in cases {
        let is_used = ids.use_once(issuer, jti, now, now + 60).await.unwrap();
        assert_eq!(is_used, expected, "{name}");
    }
    assert!(!ids.is_revoked("jti").await.unwrap());
    ids.revoke("jti", NOW + 60).await.unwrap();
    ids.revoke("jti", NOW + 60).await.unwrap();
    assert!(ids.is_revoked("jti").await.unwrap());
}

fn entry(number: i64) -> LogEntry {
    LogEntry {
        id: format!("log-{number}"),
        at: NOW + number,
        event: if number % 2 == 0 { "s" } else { "fp" }.to_owned(),
        client_id: Some("web".to_owned()),
        user_id: None,
        ip: Some("192.0.2.1".to_owned()),
        description: None,
        details: json!({ "number": number }),
    }
}

async fn logs_are_read_from_both_ends(fixture: Fixture) {
    let logs = fixture.database.logs();
    for number in 1..=5 {
        logs.insert(&entry(number)).await.unwrap();
    }
    let newest = logs.newest(&LogFilter::default(), 0, 2).await.unwrap();
    assert_eq!(
        (newest.rows, newest.total),
        (vec![entry(5), entry(4)], Some(5))
    );
    let newest = logs.newest(&LogFilter::default(), 2, 2).await.unwrap();
    assert_eq!(newest.rows, [entry(1)]);
    let after = Slice::after(Some("log-3".to_owned()), 100);
    let oldest = logs.list(&LogFilter::default(), &after).await.unwrap();
    assert_eq!((oldest.rows, oldest.next), (vec![entry(4), entry(5)], None));
    let filter = LogFilter {
        event: Some("fp".to_owned()),
        ..LogFilter::default()
    };
    let failures = logs.newest(&filter, 0, 2).await.unwrap();
    assert_eq!(
        (failures.rows, failures.total),
        (vec![entry(5), entry(3)], Some(3))
    );
    assert_eq!(logs.find("log-2").await.unwrap(), Some(entry(2)));
    assert_eq!(logs.find("log-9").await.unwrap(), None);
}

async fn a_purge_is_bounded_and_takes_only_what_has_ended(fixture: Fixture) {
    let database = fixture.seed().await;
    for number in 1..=5 {
        database.codes().insert(&code(number)).await.unwrap();
    }
    let lasting = portcullis_store::tenant::Code {
        expires_at: NOW + 61,
        ..code(6)
    };
    database.codes().insert(&lasting).await.unwrap();
    database.token_ids().revoke("jti", NOW + 60).await.unwrap();
    let purge = |now| {
        let database = database.clone();
        async move { database.purge(now, 3).await.unwrap() }
    };
    let purged = |deleted, is_partial| Purge {
        deleted,
        is_partial,
    };
    assert_eq!(purge(NOW + 59).await, purged(0, false));
    assert_eq!(
        purge(NOW + 60).await,
        purged(1, false),
        "codes are kept for a day"
    );
    assert!(!database.token_ids().is_revoked("jti").await.unwrap());
    assert_eq!(purge(NOW + 60 + DAY).await, purged(3, true));
    assert_eq!(purge(NOW + 60 + DAY).await, purged(2, false));
    let found = database.codes().find(&hash(6), "web").await.unwrap();
    assert_eq!(found, Some(lasting));
    assert!(database.clients().find("web").await.unwrap().is_some());
}

async fn spent_tokens_are_remembered_for_thirty_days(fixture: Fixture) {
    let database = fixture.seed().await;
    let tokens = database.refresh_tokens();
    let endless = RefreshFamily {
        expires_at: None,
        ..family("family")
    };
    tokens.insert(&endless, &token(1)).await.unwrap();
    let rotate = |number: u8, now| {
        let database = database.clone();
        async move {
            let rotation = Rotation {
                hash: &hash(number),
                client_id: "web",
                successor: &hash(number + 1),
                expires_at: None,
                leeway: 0,
                signed_token: None,
                opaque_token: None,
                now,
            };
            database.refresh_tokens().rotate(&rotation).await.unwrap()
        }
    };
    rotate(1, NOW).await;
    rotate(2, NOW).await;
    let end = NOW + 30 * DAY;
    // The first ended by itself after 500 seconds; the second has no end.
    let purge = database.purge(end - 1, 100).await.unwrap();
    assert_eq!(purge.deleted, 1);
    assert!(tokens.find(&hash(2), "web").await.unwrap().is_some());
    let purge = database.purge(end, 100).await.unwrap();
    assert_eq!(purge.deleted, 1);
    assert!(tokens.find(&hash(2), "web").await.unwrap().is_none());
    let answer = rotate(3, end).await;
    assert!(matches!(answer, Rotated::Rotated(_)), "{answer:?}");
    assert!(tokens.revoke_family("family", end).await.unwrap());
    let purge = database.purge(end + 30 * DAY, 100).await.unwrap();
    assert_eq!(
        purge.deleted, 2,
        "the spent token, and the family with the last"
    );
    assert_eq!(tokens.find_family("family").await.unwrap(), None);
}

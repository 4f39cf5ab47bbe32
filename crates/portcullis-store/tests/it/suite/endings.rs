//! What ends with what it comes from.

use portcullis_store::tenant::{
    AuthTransaction, Database, DatabaseError, DeviceCode, DeviceCodeState, OpaqueToken, Poll,
    RefreshFamily, Rotated, Rotation, Session, SignedToken, Step, UserGrant,
};
use portcullis_token::Secret;
use serde_json::json;

use crate::fixture::{Fixture, NOW, code, family, hash, insert_user, opaque, signed, token, user};

cases! {
    another_password_and_a_block_end_everything_of_the_user,
    what_a_session_began_ends_with_it,
    a_family_takes_its_signed_tokens_along,
    a_reuse_finds_every_token_of_its_family,
    a_withdrawn_consent_takes_its_tokens_along,
    tokens_outlive_neither_their_user_nor_their_client,
}

const ADA: &str = "auth0|ada";
const BOB: &str = "auth0|bob";

/// Gives a user one of everything; `number` tells them apart.
async fn begin_everything(database: &Database, user_id: &str, number: u8) {
    let owned = |text: &str| format!("{text}-{number}");
    let session = Session {
        sid: owned("sid"),
        cookie_hash: hash(number),
        user_id: user_id.to_owned(),
        auth_time: NOW,
        amr: vec!["pwd".to_owned()],
        device: json!({}),
        created_at: NOW,
        last_used_at: NOW,
        idle_expires_at: NOW + 100,
        expires_at: NOW + 100,
    };
    database.sessions().insert(&session).await.unwrap();
    let code = portcullis_store::tenant::Code {
        user_id: user_id.to_owned(),
        sid: Some(owned("sid")),
        ..code(number)
    };
    database.codes().insert(&code).await.unwrap();
    let family = RefreshFamily {
        user_id: user_id.to_owned(),
        sid: Some(owned("sid")),
        ..family(&owned("begun"))
    };
    let tokens = database.refresh_tokens();
    tokens.insert(&family, &token(number)).await.unwrap();
    let opaque = OpaqueToken {
        user_id: Some(user_id.to_owned()),
        sid: Some(owned("sid")),
        ..opaque(number, None)
    };
    assert!(database.opaque_tokens().insert(&opaque).await.unwrap());
    let signed = SignedToken {
        user_id: user_id.to_owned(),
        sid: Some(owned("sid")),
        ..signed(&owned("signed"), &owned("begun"))
    };
    assert!(database.signed_tokens().insert(&signed).await.unwrap());
    begin_what_waits(database, user_id, number).await;
}

/// A device that the user has approved, and a page that waits for them.
async fn begin_what_waits(database: &Database, user_id: &str, number: u8) {
    let owned = |text: &str| format!("{text}-{number}");
    let device = DeviceCode {
        hash: hash(number),
        user_code: owned("user code"),
        client_id: "web".to_owned(),
        scopes: Vec::new(),
        audience: None,
        state: DeviceCodeState::Pending,
        user_id: None,
        sid: None,
        auth_time: None,
        poll_interval: 5,
        created_at: NOW,
        expires_at: NOW + 100,
    };
    let codes = database.device_codes();
    codes.insert(&device).await.unwrap();
    let (user_code, sid) = (owned("user code"), owned("sid"));
    let approved = codes.approve(&user_code, user_id, Some(&sid), NOW, NOW);
    assert!(approved.await.unwrap());
    let waiting = AuthTransaction {
        id: owned("waiting"),
        browser_hash: hash(1),
        csrf_hash: hash(2),
        step: Step::Confirm,
        request: json!({}),
        user_id: Some(user_id.to_owned()),
        sid: Some(owned("sid")),
        created_at: NOW,
        expires_at: NOW + 100,
    };
    let transactions = database.auth_transactions();
    transactions.insert(&waiting).await.unwrap();
}

/// What is left of it, by names.
async fn left(database: &Database, number: u8) -> Vec<&'static str> {
    let owned = |text: &str| format!("{text}-{number}");
    let now = NOW + 2;
    let session = database.sessions().find(&owned("sid"), now).await.unwrap();
    let waiting = database.auth_transactions();
    let waiting = waiting
        .find(&owned("waiting"), &hash(1), now)
        .await
        .unwrap();
    let opaque = database.opaque_tokens().find(&hash(number), now).await;
    let family = database.refresh_tokens().find_family(&owned("begun")).await;
    let signed = database.token_ids().is_revoked(&owned("signed")).await;
    let device = database
        .device_codes()
        .poll(&hash(number), "web", now)
        .await;
    let code = database.codes().find(&hash(number), "web").await;
    let code = code.unwrap();
    let family = family.unwrap();
    let all = [
        ("session", session.is_some()),
        ("page", waiting.is_some()),
        ("opaque token", opaque.unwrap().is_some()),
        ("family", family.is_some_and(|row| row.revoked_at.is_none())),
        ("signed token", !signed.unwrap()),
        ("device", device.unwrap() != Poll::Denied),
        ("code", code.is_some_and(|code| code.expires_at > now)),
    ];
    let left = all.into_iter().filter(|(_, is_left)| *is_left);
    left.map(|(name, _)| name).collect()
}

const EVERYTHING: [&str; 7] = [
    "session",
    "page",
    "opaque token",
    "family",
    "signed token",
    "device",
    "code",
];

async fn another_password_and_a_block_end_everything_of_the_user(fixture: Fixture) {
    let database = fixture.seed().await;
    insert_user(database, BOB, "bob@example.com").await;
    let phc = Secret::new("$argon2id$another".to_owned());
    let users = database.users();
    let unchanged = |_: &mut portcullis_store::tenant::User| Ok::<_, DatabaseError>(());
    for (number, name) in [
        (10, "nothing"),
        (11, "change_password"),
        (12, "change of the password"),
        (13, "change to blocked"),
        (14, "update to blocked"),
    ] {
        begin_everything(database, ADA, number).await;
        begin_everything(database, BOB, 100 + number).await;
        let mut blocked = user(ADA, "ada@example.com");
        blocked.blocked = true;
        match number {
            10 => assert!(
                users
                    .change(ADA, None, NOW, unchanged)
                    .await
                    .unwrap()
                    .is_some()
            ),
            11 => {
                let identities = database.identities();
                let changed = identities.change_password(ADA, "users", &phc, NOW + 1);
                assert!(changed.await.unwrap());
            }
            12 => {
                let changed = users.change(ADA, Some(&phc), NOW + 1, unchanged).await;
                assert!(changed.unwrap().is_some());
                let identities = database.identities();
                let found = identities.find_password("users", "ada@example.com");
                assert_eq!(found.await.unwrap().unwrap().phc, phc);
            }
            13 => {
                let block = |user: &mut portcullis_store::tenant::User| {
                    user.blocked = true;
                    Ok::<_, DatabaseError>(())
                };
                users.change(ADA, None, NOW + 1, block).await.unwrap();
            }
            _ => assert!(users.update(&blocked).await.unwrap()),
        }
        let expected: &[&str] = if number == 10 { &EVERYTHING } else { &[] };
        assert_eq!(left(database, number).await, expected, "{name}");
        assert_eq!(left(database, 100 + number).await, EVERYTHING, "{name}");
    }
}

async fn what_a_session_began_ends_with_it(fixture: Fixture) {
    let database = fixture.seed().await;
    begin_everything(database, ADA, 10).await;
    begin_everything(database, ADA, 11).await;
    let sessions = database.sessions();
    let ended = sessions.revoke("sid-10", NOW + 1).await.unwrap().unwrap();
    assert_eq!(ended.user_id, ADA);
    assert_eq!(sessions.revoke("sid-10", NOW + 1).await.unwrap(), None);
    assert_eq!(left(database, 10).await, [""; 0]);
    assert_eq!(left(database, 11).await, EVERYTHING);
}

async fn a_family_takes_its_signed_tokens_along(fixture: Fixture) {
    let database = fixture.seed().await;
    let families = database.refresh_tokens();
    let tokens = database.signed_tokens();
    for (number, name) in [(1, "a"), (2, "b"), (3, "c")] {
        families
            .insert(&family(name), &token(number))
            .await
            .unwrap();
        assert!(tokens.insert(&signed(name, name)).await.unwrap());
    }
    assert!(families.revoke_family("a", NOW + 1).await.unwrap());
    let late = tokens.insert(&signed("late", "a")).await.unwrap();
    assert!(!late, "a revoked family has no further tokens");
    let by_token = families.revoke(&hash(2), "web", NOW + 1).await.unwrap();
    assert_eq!(by_token.unwrap().id, "b");
    for (id, expected) in [("a", true), ("late", false), ("b", true), ("c", false)] {
        let revoked = database.token_ids().is_revoked(id).await.unwrap();
        assert_eq!(revoked, expected, "{id}");
    }
    // It is told again to nobody once the token has ended by itself.
    database.purge(NOW + 99, 10).await.unwrap();
    assert!(database.token_ids().is_revoked("a").await.unwrap());
    database.purge(NOW + 100, 10).await.unwrap();
    assert!(!database.token_ids().is_revoked("a").await.unwrap());
    families
        .revoke_of_user(ADA, None, None, NOW + 100)
        .await
        .unwrap();
    assert!(
        !database.token_ids().is_revoked("c").await.unwrap(),
        "purged"
    );
}

async fn a_reuse_finds_every_token_of_its_family(fixture: Fixture) {
    let database = fixture.seed().await;
    let families = database.refresh_tokens();
    families.insert(&family("a"), &token(1)).await.unwrap();
    let rotate = |id: &'static str, now: i64| {
        let families = database.refresh_tokens();
        async move {
            let token = signed(id, "a");
            let rotation = Rotation {
                hash: &hash(1),
                client_id: "web",
                successor: &hash(2),
                expires_at: None,
                leeway: 10,
                signed_token: Some(&token),
                opaque_token: Some(&opaque(now.to_le_bytes()[0], Some("a"))),
                now,
            };
            families.rotate(&rotation).await.unwrap()
        }
    };
    assert!(matches!(rotate("first", NOW).await, Rotated::Rotated(_)));
    assert!(matches!(rotate("again", NOW + 9).await, Rotated::Again(_)));
    let opaque_tokens = database.opaque_tokens();
    for now in [NOW, NOW + 9] {
        let found = opaque_tokens.find(&hash(now.to_le_bytes()[0]), now).await;
        assert!(found.unwrap().is_some(), "{now}");
    }
    assert!(matches!(
        rotate("reuse", NOW + 10).await,
        Rotated::Reused(_)
    ));
    for (id, expected) in [("first", true), ("again", true), ("reuse", false)] {
        let revoked = database.token_ids().is_revoked(id).await.unwrap();
        assert_eq!(revoked, expected, "{id}");
    }
    for now in [NOW, NOW + 9] {
        let found = opaque_tokens.find(&hash(now.to_le_bytes()[0]), now).await;
        assert_eq!(found.unwrap(), None, "{now}");
    }
}

async fn a_withdrawn_consent_takes_its_tokens_along(fixture: Fixture) {
    let database = fixture.seed().await;
    let grants = database.user_grants();
    for (id, audience) in [("api", "https://api.example/"), ("own", "")] {
        let grant = UserGrant {
            id: id.to_owned(),
            user_id: ADA.to_owned(),
            client_id: "web".to_owned(),
            audience: audience.to_owned(),
            scopes: Vec::new(),
            created_at: NOW,
        };
        grants.add(&grant).await.unwrap();
    }
    begin_everything(database, ADA, 10).await;
    assert!(grants.delete("api", NOW + 1).await.unwrap());
    assert_eq!(
        left(database, 10).await,
        ["session", "page", "opaque token", "device"]
    );
    begin_everything(database, ADA, 11).await;
    assert_eq!(grants.delete_of_user(ADA, NOW + 1).await.unwrap(), 1);
    let opaque = database.opaque_tokens().find(&hash(11), NOW + 1).await;
    assert_eq!(opaque.unwrap(), None);
    assert!(!database.token_ids().is_revoked("signed-11").await.unwrap());
}

async fn tokens_outlive_neither_their_user_nor_their_client(fixture: Fixture) {
    let database = fixture.seed().await;
    insert_user(database, BOB, "bob@example.com").await;
    begin_everything(database, ADA, 10).await;
    begin_everything(database, BOB, 11).await;
    assert!(database.users().delete(ADA).await.unwrap());
    assert!(database.token_ids().is_revoked("signed-10").await.unwrap());
    assert!(!database.token_ids().is_revoked("signed-11").await.unwrap());
    assert!(database.clients().delete("web").await.unwrap());
    assert!(database.token_ids().is_revoked("signed-11").await.unwrap());
}

use portcullis_store::tenant::{LoginAttempt, LoginLimit, LoginVerdict, Role, Slice};

use crate::fixture::{Fixture, NOW, hash};

cases! {
    what_nobody_has_is_not_found_however_it_is_written,
    a_name_is_kept_as_it_is,
    an_endless_identifier_is_counted,
}

/// What a request may send in the place of an id.
fn hostile_texts() -> [String; 7] {
    [
        String::new(),
        "\0".to_owned(),
        "web\0".to_owned(),
        "' OR 1=1 --".to_owned(),
        "%".to_owned(),
        "\u{202e}\u{10ffff}".to_owned(),
        // Nothing an index could make shorter.
        (0_u32..9000)
            .filter_map(|number| char::from_u32(0x4e00 + number * 7 % 20000))
            .collect(),
    ]
}

async fn what_nobody_has_is_not_found_however_it_is_written(fixture: Fixture) {
    let database = fixture.seed().await;
    for text in hostile_texts() {
        let name: String = text.chars().take(20).collect();
        assert_eq!(
            database.clients().find(&text).await.unwrap(),
            None,
            "{name}"
        );
        let found = database.resource_servers().find(&text).await;
        assert_eq!(found.unwrap(), None, "{name}");
        assert_eq!(database.users().find(&text).await.unwrap(), None, "{name}");
        let found = database.identities().find_password("users", &text).await;
        assert_eq!(found.unwrap(), None, "{name}");
        let found = database.codes().find(&hash(1), &text).await;
        assert_eq!(found.unwrap(), None, "{name}");
        let found = database.sessions().find(&text, NOW).await;
        assert_eq!(found.unwrap(), None, "{name}");
        let found = database.device_codes().find_pending(&text, NOW).await;
        assert_eq!(found.unwrap(), None, "{name}");
        assert!(!database.token_ids().is_revoked(&text).await.unwrap());
        let slice = Slice::after(Some(text), u32::MAX);
        database.roles().list(None, &slice).await.unwrap();
    }
    let far = Slice::page(u32::MAX, u32::MAX);
    let listing = database.roles().list(None, &far).await.unwrap();
    assert_eq!((listing.rows, listing.total), (Vec::new(), Some(0)));
}

async fn a_name_is_kept_as_it_is(fixture: Fixture) {
    let roles = fixture.database.roles();
    let names = [
        "'; DROP TABLE roles; --",
        "<b>\"&amp;",
        "ß\u{1f510}",
        "a\0b",
    ];
    for (id, name) in ["1", "2", "3", "4"].into_iter().zip(names) {
        let role = Role {
            id: id.to_owned(),
            name: name.to_owned(),
            description: String::new(),
            created_at: NOW,
        };
        roles.insert(&role).await.unwrap();
        let found = roles.find(id).await.unwrap().unwrap();
        // PostgreSQL has no NUL.
        assert_eq!(found.name, name.replace('\0', "\u{fffd}"));
    }
}

async fn an_endless_identifier_is_counted(fixture: Fixture) {
    let limit = LoginLimit {
        attempts: 1,
        window: 10,
        block: 10,
    };
    for text in hostile_texts() {
        let attempt = LoginAttempt {
            identifier: &text,
            ip: "192.0.2.1",
            now: NOW,
        };
        let attempts = fixture.database.login_attempts();
        let first = attempts.count(&attempt, limit).await.unwrap();
        let second = attempts.count(&attempt, limit).await.unwrap();
        // The empty one and the NUL are different names.
        assert_eq!(first, LoginVerdict::Allowed { left: 0 });
        assert_eq!(second, LoginVerdict::Blocked { until: NOW + 10 });
    }
}

use portcullis_store::tenant::{
    Database, RefreshFamily, RefreshFamilyFilter, RefreshToken, Rotated, Rotation, Slice,
};

use crate::fixture::{Fixture, NOW, at_once, family, hash, token};

cases! {
    fifty_parallel_refreshes_give_one_successor,
    fifty_parallel_refreshes_without_leeway_give_one_successor_and_revoke_it,
    the_same_successor_is_given_until_the_leeway_ends,
    another_successor_is_a_reuse,
    a_token_is_good_for_its_client_until_it_or_its_family_ends,
    a_token_of_a_family_that_does_not_rotate_is_renewed,
    a_token_takes_its_family_along_when_it_is_revoked,
    families_are_listed_and_revoked_by_user_client_and_session,
}

/// Sends token `number` for `successor`.
async fn rotate(database: &Database, number: u8, successor: u8, now: i64, leeway: i64) -> Rotated {
    let rotation = Rotation {
        hash: &hash(number),
        client_id: "web",
        successor: &hash(successor),
        expires_at: Some(now + 500),
        leeway,
        signed_token: None,
        opaque_token: None,
        now,
    };
    database.refresh_tokens().rotate(&rotation).await.unwrap()
}

fn used_at(now: i64) -> Box<RefreshFamily> {
    Box::new(RefreshFamily {
        last_used_at: now,
        ..family("family")
    })
}

async fn start(fixture: &Fixture) -> &Database {
    let database = fixture.seed().await;
    let tokens = database.refresh_tokens();
    tokens.insert(&family("family"), &token(1)).await.unwrap();
    database
}

async fn fifty_parallel_refreshes_give_one_successor(fixture: Fixture) {
    let database = start(&fixture).await;
    let other_process = Database::open(&fixture.url).await.unwrap();
    let answers = at_once(50, |number| {
        let database = [database, &other_process][usize::from(number % 2)].clone();
        async move { rotate(&database, 1, 2, NOW + 1, 10).await }
    })
    .await;
    let count = |expected: Rotated| answers.iter().filter(|&answer| *answer == expected).count();
    assert_eq!(count(Rotated::Rotated(used_at(NOW + 1))), 1);
    assert_eq!(count(Rotated::Again(used_at(NOW + 1))), 49);
    let answer = rotate(database, 2, 3, NOW + 2, 10).await;
    assert_eq!(answer, Rotated::Rotated(used_at(NOW + 2)));
    other_process.close().await;
}

async fn fifty_parallel_refreshes_without_leeway_give_one_successor_and_revoke_it(
    fixture: Fixture,
) {
    let database = start(&fixture).await;
    let answers = at_once(50, |number| {
        let database = database.clone();
        async move { rotate(&database, 1, number + 2, NOW + 1, 0).await }
    })
    .await;
    let rotated = answers
        .iter()
        .filter(|answer| matches!(answer, Rotated::Rotated(_)))
        .count();
    assert_eq!(rotated, 1);
    let refused = answers
        .iter()
        .filter(|answer| matches!(answer, Rotated::Reused(_) | Rotated::Revoked(_)))
        .count();
    assert_eq!(refused, 49);
    let mut revoked = 0;
    for successor in 2..52 {
        match rotate(database, successor, 100, NOW + 2, 0).await {
            Rotated::Revoked(family) => {
                assert_eq!(family.revoked_at, Some(NOW + 1));
                revoked += 1;
            }
            answer => assert_eq!(answer, Rotated::Unknown, "{successor}"),
        }
    }
    assert_eq!(revoked, 1, "one successor was ever made");
}

async fn the_same_successor_is_given_until_the_leeway_ends(fixture: Fixture) {
    let database = start(&fixture).await;
    let answer = rotate(database, 1, 2, NOW, 10).await;
    assert_eq!(answer, Rotated::Rotated(used_at(NOW)));
    let answer = rotate(database, 1, 2, NOW + 9, 10).await;
    assert_eq!(answer, Rotated::Again(used_at(NOW)));
    // The successor may have been used meanwhile; its own leeway holds for it.
    let answer = rotate(database, 2, 3, NOW + 9, 10).await;
    assert_eq!(answer, Rotated::Rotated(used_at(NOW + 9)));
    let answer = rotate(database, 1, 2, NOW + 10, 10).await;
    let revoked = RefreshFamily {
        revoked_at: Some(NOW + 10),
        ..*used_at(NOW + 9)
    };
    assert!(matches!(answer, Rotated::Reused(_)), "{answer:?}");
    let answer = rotate(database, 3, 4, NOW + 10, 10).await;
    assert_eq!(answer, Rotated::Revoked(Box::new(revoked.clone())));
    let answer = rotate(database, 1, 2, NOW + 10, 10).await;
    assert_eq!(answer, Rotated::Revoked(Box::new(revoked)));
}

async fn another_successor_is_a_reuse(fixture: Fixture) {
    let database = start(&fixture).await;
    let answer = rotate(database, 1, 2, NOW, 10).await;
    assert_eq!(answer, Rotated::Rotated(used_at(NOW)));
    let answer = rotate(database, 1, 3, NOW, 10).await;
    assert!(matches!(answer, Rotated::Reused(_)), "{answer:?}");
    let answer = rotate(database, 2, 4, NOW, 10).await;
    assert!(matches!(answer, Rotated::Revoked(_)), "{answer:?}");
}

async fn a_token_is_good_for_its_client_until_it_or_its_family_ends(fixture: Fixture) {
    let database = start(&fixture).await;
    let tokens = database.refresh_tokens();
    let short = RefreshFamily {
        expires_at: Some(NOW + 20),
        ..family("short")
    };
    tokens.insert(&short, &token(11)).await.unwrap();
    let endless = RefreshToken {
        hash: hash(21),
        expires_at: None,
    };
    let endless_family = RefreshFamily {
        expires_at: None,
        ..family("endless")
    };
    tokens.insert(&endless_family, &endless).await.unwrap();

    let rotation = |number, client_id, now| {
        let tokens = database.refresh_tokens();
        async move {
            let rotation = Rotation {
                hash: &hash(number),
                client_id,
                successor: &hash(number + 100),
                expires_at: None,
                leeway: 0,
                signed_token: None,
                opaque_token: None,
                now,
            };
            tokens.rotate(&rotation).await.unwrap()
        }
    };
    assert_eq!(rotation(1, "other", NOW).await, Rotated::Unknown);
    assert_eq!(rotation(99, "web", NOW).await, Rotated::Unknown);
    assert_eq!(rotation(1, "web", NOW + 500).await, Rotated::Expired);
    assert_eq!(rotation(11, "web", NOW + 20).await, Rotated::Expired);
    let cases = [(1, NOW + 499), (11, NOW + 19), (21, NOW + 1_000_000)];
    for (number, now) in cases {
        let answer = rotation(number, "web", now).await;
        assert!(
            matches!(answer, Rotated::Rotated(_)),
            "{number}: {answer:?}"
        );
    }
}

async fn a_token_of_a_family_that_does_not_rotate_is_renewed(fixture: Fixture) {
    let database = fixture.seed().await;
    let tokens = database.refresh_tokens();
    let standing = RefreshFamily {
        is_rotating: false,
        ..family("standing")
    };
    tokens.insert(&standing, &token(1)).await.unwrap();
    let renew = |now| {
        let tokens = database.refresh_tokens();
        async move {
            tokens
                .renew(&hash(1), "web", Some(now + 500), now)
                .await
                .unwrap()
        }
    };
    for now in [NOW + 400, NOW + 899] {
        let answer = renew(now).await;
        assert!(
            matches!(&answer, Rotated::Rotated(family) if family.last_used_at == now),
            "{answer:?}"
        );
    }
    assert_eq!(
        renew(NOW + 1399).await,
        Rotated::Expired,
        "the family has ended"
    );
    let answer = tokens.renew(&hash(1), "other", None, NOW).await.unwrap();
    assert_eq!(answer, Rotated::Unknown);
    assert!(tokens.revoke_family("standing", NOW).await.unwrap());
    assert!(!tokens.revoke_family("standing", NOW).await.unwrap());
    assert!(matches!(renew(NOW + 1).await, Rotated::Revoked(_)));
}

async fn a_token_takes_its_family_along_when_it_is_revoked(fixture: Fixture) {
    let database = start(&fixture).await;
    let tokens = database.refresh_tokens();
    rotate(database, 1, 2, NOW, 0).await;
    let stranger = tokens.revoke(&hash(2), "other", NOW + 1).await.unwrap();
    assert_eq!(stranger, None);
    // A spent token will do: whoever holds it means the family.
    let revoked = tokens.revoke(&hash(1), "web", NOW + 1).await.unwrap();
    assert_eq!(revoked.unwrap().id, "family");
    let answer = rotate(database, 2, 3, NOW + 1, 0).await;
    assert!(matches!(answer, Rotated::Revoked(_)), "{answer:?}");
    let family = tokens.find_family("family").await.unwrap().unwrap();
    assert_eq!(family.revoked_at, Some(NOW + 1));
}

async fn families_are_listed_and_revoked_by_user_client_and_session(fixture: Fixture) {
    let database = fixture.seed().await;
    let tokens = database.refresh_tokens();
    let rows = [("a", "web", "s1"), ("b", "web", "s2"), ("c", "other", "s2")];
    for (number, (id, client_id, sid)) in (1..).zip(rows) {
        let family = RefreshFamily {
            client_id: client_id.to_owned(),
            sid: Some(sid.to_owned()),
            ..family(id)
        };
        tokens.insert(&family, &token(number)).await.unwrap();
    }
    let list = |client_id: Option<&str>, sid: Option<&str>| {
        let filter = RefreshFamilyFilter {
            user_id: Some("auth0|ada".to_owned()),
            client_id: client_id.map(str::to_owned),
            sid: sid.map(str::to_owned),
        };
        let tokens = database.refresh_tokens();
        async move {
            let listing = tokens.list(&filter, &Slice::page(0, 50)).await.unwrap();
            let ids: Vec<String> = listing.rows.into_iter().map(|family| family.id).collect();
            assert_eq!(listing.total, Some(i64::try_from(ids.len()).unwrap()));
            ids.join(" ")
        }
    };
    assert_eq!(list(None, None).await, "a b c");
    assert_eq!(list(Some("web"), None).await, "a b");
    assert_eq!(list(None, Some("s2")).await, "b c");
    let revoke = |client_id, sid| {
        let tokens = database.refresh_tokens();
        async move {
            tokens
                .revoke_of_user("auth0|ada", client_id, sid, NOW)
                .await
                .unwrap()
        }
    };
    assert_eq!(revoke(Some("web"), Some("s2")).await, 1);
    assert_eq!(list(None, None).await, "a c");
    assert_eq!(revoke(None, None).await, 2);
    assert_eq!(list(None, None).await, "");
}

use portcullis_store::tenant::{Code, CodeSpending, Database, Rotated, SpentCode};

use crate::fixture::{Fixture, NOW, at_once, code, family, hash, opaque, signed, token};

cases! {
    of_many_who_spend_a_code_at_once_one_has_it,
    a_code_is_good_until_the_second_it_expires_and_for_its_client,
    a_replay_takes_the_refresh_family_and_the_access_tokens_along,
    wrong_verifiers_make_a_code_unusable,
    a_spent_code_keeps_nothing_of_what_cannot_be_issued,
    a_users_revoked_families_take_opaque_tokens_along,
}

async fn spend(database: &Database, number: u8, client_id: &str, now: i64) -> SpentCode {
    let signed_token = signed("jti", "family-1");
    let spending = CodeSpending {
        hash: &hash(number),
        client_id,
        signed_token: Some(&signed_token),
        family: None,
        opaque_token: None,
        now,
    };
    database.codes().spend(&spending).await.unwrap()
}

async fn of_many_who_spend_a_code_at_once_one_has_it(fixture: Fixture) {
    let database = fixture.seed().await;
    database.codes().insert(&code(1)).await.unwrap();
    let other_process = Database::open(&fixture.url).await.unwrap();
    let answers = at_once(20, |number| {
        let database = [database, &other_process][usize::from(number % 2)].clone();
        async move { spend(&database, 1, "web", NOW + 1).await }
    })
    .await;
    let spent = Code {
        access_token_id: Some("jti".to_owned()),
        ..code(1)
    };
    let had = SpentCode::Spent(Box::new(spent.clone()));
    let replayed = SpentCode::Replayed(Box::new(spent));
    assert_eq!(answers.iter().filter(|&answer| *answer == had).count(), 1);
    assert_eq!(
        answers.iter().filter(|&answer| *answer == replayed).count(),
        19
    );
    other_process.close().await;
}

async fn a_code_is_good_until_the_second_it_expires_and_for_its_client(fixture: Fixture) {
    let database = fixture.seed().await;
    for number in 1..=2 {
        database.codes().insert(&code(number)).await.unwrap();
    }
    let cases = [
        ("another client's", 1, "other", NOW, false),
        ("never issued", 9, "web", NOW, false),
        ("in its last second", 1, "web", NOW + 59, true),
        ("expired", 2, "web", NOW + 60, false),
    ];
    for (name, number, client_id, now, is_spent) in cases {
        let answer = spend(database, number, client_id, now).await;
        assert_eq!(matches!(answer, SpentCode::Spent(_)), is_spent, "{name}");
        assert_eq!(answer == SpentCode::Unknown, !is_spent, "{name}");
    }
    // A stranger with a spent code revokes nothing.
    let answer = spend(database, 1, "other", NOW).await;
    assert_eq!(answer, SpentCode::Unknown);
    let found = database.codes().find(&hash(2), "web").await.unwrap();
    assert_eq!(found, Some(code(2)));
    assert_eq!(
        database.codes().find(&hash(2), "other").await.unwrap(),
        None
    );
}

async fn a_replay_takes_the_refresh_family_and_the_access_tokens_along(fixture: Fixture) {
    let database = fixture.seed().await;
    database.codes().insert(&code(1)).await.unwrap();
    let tokens = database.opaque_tokens();
    assert!(tokens.insert(&opaque(30, None)).await.unwrap());
    let signed_token = signed("jti", "family-1");
    let spending = CodeSpending {
        hash: &hash(1),
        client_id: "web",
        signed_token: Some(&signed_token),
        family: Some((&family("family-1"), &token(20))),
        opaque_token: Some(&opaque(31, Some("family-1"))),
        now: NOW + 1,
    };
    let spent = Code {
        access_token_id: Some("jti".to_owned()),
        ..code(1)
    };
    let answer = database.codes().spend(&spending).await.unwrap();
    assert_eq!(answer, SpentCode::Spent(Box::new(spent.clone())));
    // One that a refresh brought.
    assert!(tokens.insert(&opaque(32, Some("family-1"))).await.unwrap());
    let found = tokens.find(&hash(31), NOW + 99).await.unwrap();
    assert_eq!(found, Some(opaque(31, Some("family-1"))));
    assert_eq!(tokens.find(&hash(31), NOW + 100).await.unwrap(), None);

    // Long after the code's end, it is still a replay.
    let spending = CodeSpending {
        now: NOW + 70,
        ..spending
    };
    let answer = database.codes().spend(&spending).await.unwrap();
    assert_eq!(answer, SpentCode::Replayed(Box::new(spent)));
    assert!(database.token_ids().is_revoked("jti").await.unwrap());
    for (number, is_left) in [(30, true), (31, false), (32, false)] {
        let found = tokens.find(&hash(number), NOW + 70).await.unwrap();
        assert_eq!(found.is_some(), is_left, "{number}");
    }
    let late = tokens.insert(&opaque(33, Some("family-1"))).await.unwrap();
    assert!(!late, "a revoked family has no further tokens");
    let renewed = database
        .refresh_tokens()
        .renew(&hash(20), "web", None, NOW + 70)
        .await
        .unwrap();
    assert!(matches!(&renewed, Rotated::Revoked(family) if family.revoked_at == Some(NOW + 70)));
}

async fn wrong_verifiers_make_a_code_unusable(fixture: Fixture) {
    let database = fixture.seed().await;
    let codes = database.codes();
    for (number, failures, is_spent) in [(1, 1, true), (2, 2, false)] {
        codes.insert(&code(number)).await.unwrap();
        for _ in 0..failures {
            codes.fail(&hash(number), "web", 2, NOW + 1).await.unwrap();
        }
        // Another client's failures do not count.
        codes
            .fail(&hash(number), "other", 2, NOW + 1)
            .await
            .unwrap();
        let answer = spend(database, number, "web", NOW + 2).await;
        assert_eq!(matches!(answer, SpentCode::Spent(_)), is_spent, "{number}");
        assert_eq!(answer == SpentCode::Unknown, !is_spent, "{number}");
    }
}

async fn a_spent_code_keeps_nothing_of_what_cannot_be_issued(fixture: Fixture) {
    let database = fixture.seed().await;
    database.codes().insert(&code(1)).await.unwrap();
    let stranger = portcullis_store::tenant::RefreshFamily {
        user_id: "auth0|nobody".to_owned(),
        ..family("family-1")
    };
    let spending = CodeSpending {
        hash: &hash(1),
        client_id: "web",
        signed_token: None,
        family: Some((&stranger, &token(20))),
        opaque_token: None,
        now: NOW,
    };
    let error = database.codes().spend(&spending).await.unwrap_err();
    assert!(
        matches!(
            error,
            portcullis_store::tenant::DatabaseError::Reference { .. }
        ),
        "{error:?}"
    );
    // It was rolled back: the code can be spent.
    let answer = spend(database, 1, "web", NOW).await;
    assert!(matches!(answer, SpentCode::Spent(_)), "{answer:?}");
}

async fn a_users_revoked_families_take_opaque_tokens_along(fixture: Fixture) {
    let database = fixture.seed().await;
    let refresh_tokens = database.refresh_tokens();
    let tokens = database.opaque_tokens();
    for (number, id) in [(1, "family-1"), (2, "family-2")] {
        let family = portcullis_store::tenant::RefreshFamily {
            sid: Some(id.to_owned()),
            ..family(id)
        };
        refresh_tokens
            .insert(&family, &token(number))
            .await
            .unwrap();
        assert!(tokens.insert(&opaque(number, Some(id))).await.unwrap());
    }
    let revoked = refresh_tokens
        .revoke_of_user("auth0|ada", None, Some("family-1"), NOW)
        .await;
    assert_eq!(revoked.unwrap(), 1);
    assert_eq!(tokens.find(&hash(1), NOW).await.unwrap(), None);
    let other = tokens.find(&hash(2), NOW).await.unwrap();
    assert_eq!(other, Some(opaque(2, Some("family-2"))));
    assert!(!tokens.revoke(&hash(2), "other").await.unwrap());
    assert!(tokens.revoke(&hash(2), "web").await.unwrap());
    assert_eq!(tokens.find(&hash(2), NOW).await.unwrap(), None);
}

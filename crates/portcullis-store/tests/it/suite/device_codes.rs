use portcullis_store::tenant::{Database, DatabaseError, DeviceCode, DeviceCodeState, Poll};

use crate::fixture::{Fixture, NOW, at_once, hash};

cases! {
    a_device_waits_for_its_user_and_is_told_to_slow_down,
    of_many_polls_at_once_one_has_the_tokens,
    a_code_is_answered_once,
    a_code_is_good_for_its_client_until_it_expires,
}

fn device_code(number: u8) -> DeviceCode {
    DeviceCode {
        hash: hash(number),
        user_code: format!("BCDF-{number}"),
        client_id: "web".to_owned(),
        scopes: vec!["openid".to_owned()],
        audience: None,
        state: DeviceCodeState::Pending,
        user_id: None,
        sid: None,
        auth_time: None,
        poll_interval: 5,
        created_at: NOW,
        expires_at: NOW + 900,
    }
}

async fn poll(database: &Database, number: u8, now: i64) -> Poll {
    let codes = database.device_codes();
    codes.poll(&hash(number), "web", now).await.unwrap()
}

async fn approve(database: &Database, number: u8, now: i64) -> bool {
    database
        .device_codes()
        .approve(
            &format!("BCDF-{number}"),
            "auth0|ada",
            Some("sid"),
            NOW,
            now,
        )
        .await
        .unwrap()
}

async fn a_device_waits_for_its_user_and_is_told_to_slow_down(fixture: Fixture) {
    let database = fixture.seed().await;
    database
        .device_codes()
        .insert(&device_code(1))
        .await
        .unwrap();
    let slow_down = |interval| Poll::SlowDown { interval };
    let polls = [
        ("the first", 0, Poll::Pending),
        ("after the interval", 5, Poll::Pending),
        ("a second too soon", 9, slow_down(10)),
        ("again too soon", 18, slow_down(15)),
        ("after the longer interval", 33, Poll::Pending),
    ];
    for (name, seconds, expected) in polls {
        assert_eq!(poll(database, 1, NOW + seconds).await, expected, "{name}");
    }
    assert!(approve(database, 1, NOW + 34).await);
    let too_soon = poll(database, 1, NOW + 35).await;
    assert_eq!(too_soon, slow_down(20), "approved, and too soon");
    let redeemed = DeviceCode {
        state: DeviceCodeState::Redeemed,
        user_id: Some("auth0|ada".to_owned()),
        sid: Some("sid".to_owned()),
        auth_time: Some(NOW),
        poll_interval: 20,
        ..device_code(1)
    };
    let answer = poll(database, 1, NOW + 55).await;
    assert_eq!(answer, Poll::Approved(Box::new(redeemed)));
    assert_eq!(poll(database, 1, NOW + 99).await, Poll::Unknown);

    database
        .device_codes()
        .insert(&device_code(2))
        .await
        .unwrap();
    poll(database, 2, NOW).await;
    for _ in 0..20 {
        poll(database, 2, NOW).await;
    }
    assert_eq!(poll(database, 2, NOW).await, slow_down(60));
}

async fn of_many_polls_at_once_one_has_the_tokens(fixture: Fixture) {
    let database = fixture.seed().await;
    database
        .device_codes()
        .insert(&device_code(1))
        .await
        .unwrap();
    assert!(approve(database, 1, NOW).await);
    let answers = at_once(20, |_| {
        let database = database.clone();
        async move { poll(&database, 1, NOW + 1).await }
    })
    .await;
    let approved = answers
        .iter()
        .filter(|answer| matches!(answer, Poll::Approved(_)))
        .count();
    assert_eq!(approved, 1);
    let unknown = answers
        .iter()
        .filter(|&answer| *answer == Poll::Unknown)
        .count();
    assert_eq!(unknown, 19);
}

async fn a_code_is_answered_once(fixture: Fixture) {
    let database = fixture.seed().await;
    let codes = database.device_codes();
    codes.insert(&device_code(1)).await.unwrap();
    let same_user_code = DeviceCode {
        hash: hash(2),
        ..device_code(1)
    };
    let error = codes.insert(&same_user_code).await.unwrap_err();
    assert!(
        matches!(error, DatabaseError::Duplicate { .. }),
        "{error:?}"
    );
    let pending = codes.find_pending("BCDF-1", NOW).await.unwrap();
    assert_eq!(pending, Some(device_code(1)));
    assert!(codes.deny("BCDF-1", NOW).await.unwrap());
    assert!(!codes.deny("BCDF-1", NOW).await.unwrap());
    assert!(!approve(database, 1, NOW).await);
    assert_eq!(codes.find_pending("BCDF-1", NOW).await.unwrap(), None);
    assert_eq!(poll(database, 1, NOW).await, Poll::Denied);
}

async fn a_code_is_good_for_its_client_until_it_expires(fixture: Fixture) {
    let database = fixture.seed().await;
    let codes = database.device_codes();
    codes.insert(&device_code(1)).await.unwrap();
    codes.insert(&device_code(2)).await.unwrap();
    assert_eq!(codes.find_pending("BCDF-1", NOW + 900).await.unwrap(), None);
    assert!(!approve(database, 1, NOW + 900).await);
    assert!(approve(database, 1, NOW + 899).await);
    assert!(!codes.deny("BCDF-2", NOW + 900).await.unwrap());
    let stranger = codes.poll(&hash(1), "other", NOW + 899).await.unwrap();
    assert_eq!(stranger, Poll::Unknown);
    assert_eq!(poll(database, 2, NOW + 899).await, Poll::Pending);
    assert_eq!(poll(database, 1, NOW + 900).await, Poll::Expired);
    assert_eq!(poll(database, 2, NOW + 900).await, Poll::Expired);
}

use portcullis_store::tenant::{
    AuthTransaction, Block, Database, LoginAttempt, LoginLimit, LoginVerdict, Session, Slice, Step,
    StepAnswer,
};
use serde_json::json;

use crate::fixture::{Fixture, NOW, at_once, hash};

cases! {
    the_eleventh_attempt_is_blocked_however_it_is_spelt,
    of_many_attempts_at_once_ten_are_allowed,
    a_window_begins_anew_and_a_right_password_clears_it,
    an_attempt_that_nobody_looked_at_is_given_back,
    a_block_ends_by_itself_or_by_hand,
    a_step_is_spent_once_by_the_browser_that_began,
    a_session_ends_when_it_is_idle_and_in_any_case,
    another_login_gives_a_session_another_cookie,
    sessions_are_listed_and_ended,
}

const LIMIT: LoginLimit = LoginLimit {
    attempts: 10,
    window: 100,
    block: 1000,
};

async fn attempt(database: &Database, identifier: &str, ip: &str, now: i64) -> LoginVerdict {
    let attempt = LoginAttempt {
        identifier,
        ip,
        now,
    };
    database
        .login_attempts()
        .count(&attempt, LIMIT)
        .await
        .unwrap()
}

async fn the_eleventh_attempt_is_blocked_however_it_is_spelt(fixture: Fixture) {
    let database = &fixture.database;
    for left in (0..10).rev() {
        let verdict = attempt(database, "ada@example.com", "192.0.2.1", NOW).await;
        assert_eq!(verdict, LoginVerdict::Allowed { left });
    }
    let until = NOW + 1005;
    for spelling in ["ADA@example.com", " ada@EXAMPLE.com ", "ada@example.com"] {
        let verdict = attempt(database, spelling, "192.0.2.1", NOW + 5).await;
        assert_eq!(verdict, LoginVerdict::Blocked { until }, "{spelling}");
    }
    for (identifier, ip) in [
        ("bob@example.com", "192.0.2.1"),
        ("ada@example.com", "192.0.2.2"),
    ] {
        let verdict = attempt(database, identifier, ip, NOW).await;
        assert_eq!(verdict, LoginVerdict::Allowed { left: 9 }, "{identifier}");
    }
}

async fn of_many_attempts_at_once_ten_are_allowed(fixture: Fixture) {
    let verdicts = at_once(30, |_| {
        let database = fixture.database.clone();
        async move { attempt(&database, "ada", "192.0.2.1", NOW).await }
    })
    .await;
    let allowed = verdicts
        .iter()
        .filter(|verdict| matches!(verdict, LoginVerdict::Allowed { .. }))
        .count();
    assert_eq!(allowed, 10);
}

async fn a_window_begins_anew_and_a_right_password_clears_it(fixture: Fixture) {
    let database = &fixture.database;
    let attempts = [
        (NOW, 9),
        (NOW + 99, 8),
        (NOW + 100, 9),
        (NOW + 199, 8),
        (NOW + 200, 9),
    ];
    for (now, left) in attempts {
        let verdict = attempt(database, "ada", "192.0.2.1", now).await;
        assert_eq!(verdict, LoginVerdict::Allowed { left }, "{}", now - NOW);
    }
    let login_attempts = database.login_attempts();
    login_attempts.clear("Ada", "192.0.2.1").await.unwrap();
    let verdict = attempt(database, "ada", "192.0.2.1", NOW + 200).await;
    assert_eq!(verdict, LoginVerdict::Allowed { left: 9 });
}

async fn an_attempt_that_nobody_looked_at_is_given_back(fixture: Fixture) {
    let database = &fixture.database;
    let attempts = database.login_attempts();
    // Of one that was never made, nothing.
    attempts.give_back("ada", "192.0.2.1").await.unwrap();
    for _ in 0..20 {
        let verdict = attempt(database, "ada", "192.0.2.1", NOW).await;
        assert_eq!(verdict, LoginVerdict::Allowed { left: 9 });
        attempts.give_back("ADA ", "192.0.2.1").await.unwrap();
    }
    attempts.give_back("ada", "192.0.2.1").await.unwrap();
    let verdict = attempt(database, "ada", "192.0.2.1", NOW).await;
    assert_eq!(verdict, LoginVerdict::Allowed { left: 9 });
    attempts.give_back("ada", "192.0.2.2").await.unwrap();
    let verdict = attempt(database, "ada", "192.0.2.1", NOW).await;
    assert_eq!(verdict, LoginVerdict::Allowed { left: 8 });
}

async fn a_block_ends_by_itself_or_by_hand(fixture: Fixture) {
    let database = &fixture.database;
    let until = NOW + 1000;
    for _ in 0..11 {
        attempt(database, "ada", "192.0.2.1", NOW).await;
    }
    let block = Block {
        identifier: "ada".to_owned(),
        ip: "192.0.2.1".to_owned(),
        expires_at: until,
    };
    let attempts = database.login_attempts();
    assert_eq!(attempts.blocks("ADA", until - 1).await.unwrap(), [block]);
    assert_eq!(attempts.blocks("ADA", until).await.unwrap(), []);
    for (name, ip, now, expected) in [
        ("Ada", "192.0.2.1", until - 1, Some(until)),
        ("Ada", "192.0.2.1", until, None),
        ("Ada", "192.0.2.9", until - 1, None),
        ("Bob", "192.0.2.1", until - 1, None),
    ] {
        let found = attempts.find_block(name, ip, now).await.unwrap();
        let found = found.map(|block| block.expires_at);
        assert_eq!(found, expected, "{name} {ip} {now}");
    }
    let verdict = attempt(database, "ada", "192.0.2.1", until - 1).await;
    assert_eq!(verdict, LoginVerdict::Blocked { until });
    let verdict = attempt(database, "ada", "192.0.2.1", until).await;
    assert_eq!(verdict, LoginVerdict::Allowed { left: 9 });

    for _ in 0..11 {
        attempt(database, "bob", "192.0.2.1", NOW).await;
    }
    attempts.unblock("Bob").await.unwrap();
    let verdict = attempt(database, "bob", "192.0.2.1", NOW).await;
    assert_eq!(verdict, LoginVerdict::Allowed { left: 9 });
}

fn transaction() -> AuthTransaction {
    AuthTransaction {
        id: "transaction".to_owned(),
        browser_hash: hash(1),
        csrf_hash: hash(2),
        step: Step::Login,
        request: json!({ "client_id": "web", "state": "\u{0}<b>" }),
        user_id: None,
        sid: None,
        created_at: NOW,
        expires_at: NOW + 600,
    }
}

async fn a_step_is_spent_once_by_the_browser_that_began(fixture: Fixture) {
    let database = fixture.seed().await;
    let transactions = database.auth_transactions();
    transactions.insert(&transaction()).await.unwrap();
    let found = transactions.find("transaction", &hash(1), NOW + 599).await;
    assert_eq!(found.unwrap(), Some(transaction()));
    for (name, browser, now) in [("another browser", 9, NOW), ("too late", 1, NOW + 600)] {
        let found = transactions.find("transaction", &hash(browser), now).await;
        assert_eq!(found.unwrap(), None, "{name}");
    }
    let answer = |browser: u8, csrf: u8, from, now| {
        let database = database.clone();
        async move {
            let answer = StepAnswer {
                id: "transaction",
                browser_hash: &hash(browser),
                csrf_hash: &hash(csrf),
                from,
                to: Step::Consent,
                next_csrf_hash: &hash(3),
                user_id: Some("auth0|ada"),
                sid: Some("sid"),
                now,
            };
            database.auth_transactions().answer(&answer).await.unwrap()
        }
    };
    let refused = [
        ("another browser", 9, 2, Step::Login, NOW),
        ("another form", 1, 9, Step::Login, NOW),
        ("another step", 1, 2, Step::Consent, NOW),
        ("too late", 1, 2, Step::Login, NOW + 600),
    ];
    for (name, browser, csrf, from, now) in refused {
        assert_eq!(answer(browser, csrf, from, now).await, None, "{name}");
    }
    let answers = at_once(10, |_| answer(1, 2, Step::Login, NOW + 599)).await;
    let answered: Vec<AuthTransaction> = answers.into_iter().flatten().collect();
    let expected = AuthTransaction {
        csrf_hash: hash(3),
        step: Step::Consent,
        user_id: Some("auth0|ada".to_owned()),
        sid: Some("sid".to_owned()),
        ..transaction()
    };
    assert_eq!(answered, std::slice::from_ref(&expected));
    let done = StepAnswer {
        id: "transaction",
        browser_hash: &hash(1),
        csrf_hash: &hash(3),
        from: Step::Consent,
        to: Step::Done,
        next_csrf_hash: &hash(4),
        user_id: None,
        sid: None,
        now: NOW,
    };
    let answered = transactions.answer(&done).await.unwrap();
    let expected = AuthTransaction {
        csrf_hash: hash(4),
        step: Step::Done,
        ..expected
    };
    assert_eq!(answered, Some(expected), "who has logged in is left");
    let again = StepAnswer {
        csrf_hash: &hash(4),
        from: Step::Done,
        ..done
    };
    assert_eq!(transactions.answer(&again).await.unwrap(), None);
}

fn session(number: u8) -> Session {
    Session {
        sid: format!("sid-{number}"),
        cookie_hash: hash(number),
        user_id: "auth0|ada".to_owned(),
        auth_time: NOW,
        amr: vec!["pwd".to_owned()],
        device: json!({ "initial_ip": "192.0.2.1" }),
        created_at: NOW,
        last_used_at: NOW,
        idle_expires_at: NOW + 100,
        expires_at: NOW + 250,
    }
}

async fn a_session_ends_when_it_is_idle_and_in_any_case(fixture: Fixture) {
    let database = fixture.seed().await;
    let sessions = database.sessions();
    sessions.insert(&session(1)).await.unwrap();
    sessions.insert(&session(2)).await.unwrap();
    for (name, number, seconds, lives) in [
        ("in the last idle second", 1, 99, true),
        ("idle for too long", 2, 100, false),
        ("used in between", 1, 198, true),
        ("in its last second", 1, 249, true),
        ("in any case", 1, 250, false),
    ] {
        let resumed = sessions.resume(&hash(number), NOW + seconds, 100).await;
        let used = resumed.unwrap().map(|session| session.last_used_at);
        assert_eq!(used, lives.then_some(NOW + seconds), "{name}");
    }
    assert_eq!(sessions.find("sid-1", NOW + 250).await.unwrap(), None);
    let found = sessions.find("sid-1", NOW + 249).await.unwrap().unwrap();
    assert_eq!(found.idle_expires_at, NOW + 349);
}

async fn another_login_gives_a_session_another_cookie(fixture: Fixture) {
    let database = fixture.seed().await;
    let sessions = database.sessions();
    sessions.insert(&session(1)).await.unwrap();
    let amr = ["pwd".to_owned(), "mfa".to_owned()];
    let is_renewed = sessions.renew("sid-1", &hash(9), &amr, NOW + 50, 100).await;
    assert!(is_renewed.unwrap());
    let old = sessions.resume(&hash(1), NOW + 51, 100).await.unwrap();
    assert_eq!(old, None, "the old cookie");
    let session = sessions.resume(&hash(9), NOW + 51, 100).await.unwrap();
    let session = session.unwrap();
    assert_eq!((session.auth_time, session.amr), (NOW + 50, amr.to_vec()));
    let is_renewed = sessions
        .renew("sid-1", &hash(8), &amr, NOW + 250, 100)
        .await;
    assert!(!is_renewed.unwrap(), "it has ended");
}

async fn sessions_are_listed_and_ended(fixture: Fixture) {
    let database = fixture.seed().await;
    let sessions = database.sessions();
    for number in 1..=3 {
        sessions.insert(&session(number)).await.unwrap();
    }
    sessions.resume(&hash(3), NOW + 1, 10).await.unwrap();
    let slice = Slice::page(0, 50);
    let listing = sessions
        .of_user("auth0|ada", NOW + 50, &slice)
        .await
        .unwrap();
    let sids: Vec<&str> = listing.rows.iter().map(|row| row.sid.as_str()).collect();
    assert_eq!(sids, ["sid-1", "sid-2"], "one has ended");
    assert_eq!(listing.total, Some(2));
    for client_id in ["web", "other", "web"] {
        sessions.add_client("sid-1", client_id).await.unwrap();
    }
    assert_eq!(sessions.clients("sid-1").await.unwrap(), ["other", "web"]);
    let ended = sessions.delete("sid-1").await.unwrap();
    assert_eq!(ended, Some(session(1)));
    assert_eq!(sessions.delete("sid-1").await.unwrap(), None);
    assert_eq!(sessions.clients("sid-1").await.unwrap(), [""; 0]);
    assert_eq!(sessions.delete_of_user("auth0|ada").await.unwrap(), 2);
}

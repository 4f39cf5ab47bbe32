//! Passwords, those who guess them, and sessions.

use portcullis_store::tenant::{LoginAttempt, LoginLimit};

use crate::site::{CODE, EMAIL, NOW, PASSWORD, Page, Site, USER_ID, Visitor, changed};

const HOUR: u64 = 3600;

async fn attempt(visitor: &Visitor<'_>, username: &str, password: &str) -> Page {
    let page = visitor.authorize(&changed(&[("prompt", "login")])).await;
    let page = visitor.follow(&page).await;
    let inputs = [("username", username), ("password", password)];
    visitor.submit(&page, &inputs).await
}

/// The text of the page's alert.
fn alert(page: &Page) -> &str {
    let (_, rest) = page.text.split_once("role=\"alert\">").unwrap();
    rest.split_once('<').unwrap().0
}

#[tokio::test]
async fn a_wrong_name_reads_like_a_wrong_password() {
    let site = Site::start().await;
    for (username, password) in [
        (EMAIL, "wrong horse"),
        (EMAIL, ""),
        ("nobody@example.com", PASSWORD),
        ("", PASSWORD),
        ("' OR 1=1 --", PASSWORD),
    ] {
        let page = attempt(&site.visitor(), username, password).await;
        assert_eq!(page.status, 400, "{username}");
        assert_eq!(alert(&page), "Wrong email or password.", "{username}");
        assert_eq!(page.header("set-cookie"), None, "{username}");
        assert!(!page.text.contains(password) || password.is_empty());
    }
    let page = attempt(&site.visitor(), " ADA@Example.com ", PASSWORD).await;
    assert_eq!(page.status, 303);
    assert_eq!(site.events().await, ["fp", "fp", "fp", "fp", "fp", "s"]);
}

#[tokio::test]
async fn after_ten_wrong_passwords_the_right_one_is_too_late() {
    let site = Site::start().await;
    for spelling in [EMAIL, "ADA@example.com"].iter().cycle().take(10) {
        let page = attempt(&site.visitor(), spelling, "wrong").await;
        assert_eq!(page.status, 400);
    }
    let blocked = "Too many failed logins. Please try again later.";
    for password in ["wrong", PASSWORD] {
        let page = attempt(&site.visitor(), EMAIL, password).await;
        assert_eq!((page.status, alert(&page)), (429, blocked), "{password}");
    }
    let other = attempt(&site.visitor(), "bob@example.com", "wrong").await;
    assert_eq!(other.status, 400);
    for (after, status) in [(30 * 24 * HOUR - 1, 429), (30 * 24 * HOUR, 303)] {
        site.set_time(NOW + after);
        let page = attempt(&site.visitor(), EMAIL, PASSWORD).await;
        assert_eq!(page.status, status, "{after}");
    }
}

#[tokio::test]
async fn a_right_password_forgets_the_wrong_ones() {
    let site = Site::start().await;
    for round in 0..2 {
        for _ in 0..9 {
            attempt(&site.visitor(), EMAIL, "wrong").await;
        }
        let page = attempt(&site.visitor(), EMAIL, PASSWORD).await;
        assert_eq!(page.status, 303, "{round}");
    }
}

#[tokio::test]
async fn a_blocked_user_is_told_only_with_the_right_password() {
    let site = Site::start().await;
    let visitor = site.visitor();
    visitor.pass(&CODE).await;
    let users = site.database.users();
    let mut user = users.find(USER_ID).await.unwrap().unwrap();
    user.blocked = true;
    users.update(&user).await.unwrap();

    let silent = visitor.authorize(&changed(&[("prompt", "none")])).await;
    assert_eq!(silent.error().0, "login_required", "the session is over");
    let page = attempt(&site.visitor(), EMAIL, "wrong").await;
    assert_eq!(alert(&page), "Wrong email or password.");
    let page = attempt(&site.visitor(), EMAIL, PASSWORD).await;
    let expected = ("unauthorized".to_owned(), "user is blocked".to_owned());
    assert_eq!(page.error(), expected);
    assert_eq!(page.header("set-cookie"), None);
}

#[tokio::test]
async fn a_session_ends_unused_after_72_hours_and_in_any_case_after_168() {
    let site = Site::start().await;
    let silent = changed(&[("prompt", "none")]);
    for (name, visits, alive) in [
        ("idle", vec![72 * HOUR - 1], true),
        ("too idle", vec![72 * HOUR], false),
        ("used", vec![70 * HOUR, 140 * HOUR, 168 * HOUR - 1], true),
        ("too old", vec![70 * HOUR, 140 * HOUR, 168 * HOUR], false),
    ] {
        site.set_time(NOW);
        let visitor = site.visitor();
        visitor.pass(&CODE).await;
        let mut sent = std::collections::BTreeMap::new();
        for visit in visits {
            site.set_time(NOW + visit);
            sent = visitor.authorize(&silent).await.sent();
        }
        assert_eq!(sent.contains_key("code"), alive, "{name}: {sent:?}");
    }
}

#[tokio::test]
async fn each_login_has_a_cookie_of_its_own() {
    let site = Site::start().await;
    let visitor = site.visitor();
    let session = || visitor.cookies.borrow().get("portcullis_session").cloned();
    visitor.pass(&CODE).await;
    let first = session().unwrap();
    assert_eq!(attempt(&visitor, EMAIL, PASSWORD).await.status, 303);
    let second = session().unwrap();
    assert_ne!(first, second);

    let silent = changed(&[("prompt", "none")]);
    let thief = site.visitor();
    let cookie = ("portcullis_session".to_owned(), first);
    thief.cookies.borrow_mut().extend([cookie]);
    assert_eq!(thief.authorize(&silent).await.error().0, "login_required");
    assert!(visitor.authorize(&silent).await.sent().contains_key("code"));

    // What was planted before a login is not continued by it.
    let planted = site.visitor();
    let value = "A".repeat(32);
    let cookie = ("portcullis_session".to_owned(), value.clone());
    planted.cookies.borrow_mut().extend([cookie]);
    planted.pass(&CODE).await;
    assert_ne!(planted.cookies.borrow()["portcullis_session"], value);
}

#[tokio::test]
async fn no_log_has_a_password_a_cookie_or_a_code() {
    let site = Site::start().await;
    crate::server::take_log();
    let visitor = site.visitor();
    attempt(&visitor, EMAIL, "wr0ng-horse").await;
    let page = visitor.pass(&CODE).await;
    let log = crate::server::take_log();
    let ours: Vec<_> = log
        .lines()
        .filter(|line| line.contains("portcullis_tenant"))
        .collect();
    assert!(!ours.is_empty());
    let mut secrets = vec!["wr0ng-horse".to_owned(), page.sent()["code"].clone()];
    secrets.extend(visitor.cookies.borrow().values().cloned());
    for secret in secrets {
        assert!(!ours.iter().any(|line| line.contains(&secret)), "{secret}");
    }
}

#[tokio::test]
async fn after_a_hundred_failures_a_place_waits_for_a_day() {
    let site = Site::start().await;
    let limit = LoginLimit {
        attempts: 100,
        window: 86_400,
        block: 86_400,
    };
    let failure = LoginAttempt {
        identifier: "",
        ip: "127.0.0.1",
        now: i64::try_from(NOW).unwrap(),
    };
    for _ in 0..100 {
        let attempts = site.database.login_attempts();
        attempts.count(&failure, limit).await.unwrap();
    }
    // Logins that succeed do not count.
    for (name, password, status) in [
        ("the hundredth has been", PASSWORD, 303),
        ("one too many", "wrong", 400),
        ("whatever is right", PASSWORD, 429),
    ] {
        let page = attempt(&site.visitor(), EMAIL, password).await;
        assert_eq!(page.status, status, "{name}");
    }
    let visitor = site.visitor();
    let hint = changed(&[("screen_hint", "signup")]);
    let page = visitor.follow(&visitor.authorize(&hint).await).await;
    let inputs = [("email", "eve@example.com"), ("password", "12345678")];
    let refused = visitor.submit(&page, &inputs).await;
    let text = "Too many attempts. Please try again later.";
    assert_eq!((refused.status, alert(&refused)), (429, text));
    for (after, status) in [(24 * HOUR - 1, 429), (24 * HOUR, 303)] {
        site.set_time(NOW + after);
        let page = attempt(&site.visitor(), EMAIL, PASSWORD).await;
        assert_eq!(page.status, status, "{after}");
    }
}

#[tokio::test]
async fn guesses_are_counted_as_the_tenant_says() {
    for (name, kept, expected) in [
        (
            "three",
            serde_json::json!({ "max_attempts": 3 }),
            [429, 429],
        ),
        (
            "nobody",
            serde_json::json!({ "enabled": false }),
            [303, 303],
        ),
        (
            "all addresses",
            serde_json::json!({ "max_attempts": 3, "mode": "count_per_identifier" }),
            [429, 429],
        ),
        (
            "who is allowed",
            serde_json::json!({ "max_attempts": 3, "allowlist": ["127.0.0.1"] }),
            [303, 303],
        ),
    ] {
        let site = Site::start().await;
        let settings = serde_json::json!({ "brute_force_protection": kept });
        let saved = site.database.settings().save(&settings, 0).await;
        saved.unwrap();
        for _ in 0..3 {
            let page = attempt(&site.visitor(), EMAIL, "wrong").await;
            assert_eq!(page.status, 400, "{name}");
        }
        for status in expected {
            let page = attempt(&site.visitor(), EMAIL, PASSWORD).await;
            assert_eq!(page.status, status, "{name}");
        }
    }
}

#[tokio::test]
async fn an_empty_name_blocks_nobody_else() {
    let site = Site::start().await;
    for _ in 0..12 {
        let page = attempt(&site.visitor(), " ", "wrong").await;
        assert_eq!(page.status, 400);
    }
    let page = attempt(&site.visitor(), EMAIL, PASSWORD).await;
    assert_eq!(page.status, 303);
}

//! What a form must come with, and what pages tell browsers.

use crate::site::{CODE, EMAIL, NOW, PASSWORD, Page, Site, changed};

async fn login(site: &Site) -> (crate::site::Visitor<'_>, Page) {
    let visitor = site.visitor();
    let page = visitor.follow(&visitor.authorize(&CODE).await).await;
    (visitor, page)
}

const TYPED: [(&str, &str); 2] = [("username", EMAIL), ("password", PASSWORD)];

#[tokio::test]
async fn a_page_may_do_nothing_but_its_form() {
    let site = Site::start().await;
    let (visitor, page) = login(&site).await;
    let consent = visitor.follow(&visitor.log_in(&page).await).await;
    for page in [page, consent] {
        for (name, value) in [
            (
                "content-security-policy",
                "default-src 'none'; style-src 'self'; form-action 'self' http://localhost:3000; \
                 frame-ancestors 'none'; base-uri 'none'",
            ),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("content-type", "text/html; charset=utf-8"),
        ] {
            assert_eq!(page.header(name), Some(value), "{name}");
        }
        assert_eq!(page.header("access-control-allow-origin"), None);
    }
}

#[tokio::test]
async fn a_form_without_its_token_changes_nothing() {
    let site = Site::start().await;
    let (visitor, page) = login(&site).await;
    let (_, other) = login(&site).await;
    let others = other.hidden()["csrf"].clone();
    for csrf in ["", "x", others.as_str()] {
        let mut inputs = TYPED.to_vec();
        inputs.push(("csrf", csrf));
        let refused = visitor.submit(&page, &inputs).await;
        assert_eq!((refused.status, refused.header("location")), (403, None));
        assert_eq!(refused.header("set-cookie"), None);
    }
    let consent = visitor.follow(&visitor.log_in(&page).await).await;
    let login_csrf = page.hidden()["csrf"].clone();
    for csrf in ["", "x", login_csrf.as_str()] {
        let inputs = [("csrf", csrf), ("action", "accept")];
        let refused = visitor.submit(&consent, &inputs).await;
        assert_eq!((refused.status, refused.header("location")), (403, None));
    }
    let done = visitor.submit(&consent, &[("action", "accept")]).await;
    assert!(done.sent().contains_key("code"));
}

#[tokio::test]
async fn nobody_logs_another_s_browser_in() {
    let site = Site::start().await;
    let (attacker, page) = login(&site).await;
    let victim = site.visitor();
    // A browser that never was here, and one that has a login of its own under way.
    for begins in [false, true] {
        if begins {
            victim.authorize(&CODE).await;
        }
        let refused = victim.log_in(&page).await;
        assert_eq!((refused.status, refused.header("set-cookie")), (400, None));
        let path = format!("/u/login?state={}", page.hidden()["state"]);
        assert_eq!(victim.get(&path).await.status, 400);
    }
    assert!(
        attacker
            .log_in(&page)
            .await
            .location()
            .starts_with("/u/consent")
    );
}

#[tokio::test]
async fn another_site_s_form_is_refused() {
    let site = Site::start().await;
    let own = format!("http://{}", site.address);
    for (name, headers, status) in [
        ("cross-site", vec![("sec-fetch-site", "cross-site")], 403),
        ("same site", vec![("sec-fetch-site", "same-site")], 403),
        ("origin", vec![("origin", "http://evil.example")], 403),
        (
            "our own",
            vec![("sec-fetch-site", "same-origin"), ("origin", "null")],
            303,
        ),
        ("old browser", vec![("origin", own.as_str())], 303),
    ] {
        let (visitor, page) = login(&site).await;
        let headers = headers.into_iter();
        let headers = headers.map(|(name, value)| (name, value.to_owned()));
        visitor.headers.borrow_mut().extend(headers);
        assert_eq!(visitor.log_in(&page).await.status, status, "{name}");
    }
}

#[tokio::test]
async fn a_form_is_good_once_and_for_ten_minutes() {
    let site = Site::start().await;
    let (visitor, page) = login(&site).await;
    let consent = visitor.follow(&visitor.log_in(&page).await).await;
    let again = visitor.log_in(&page).await;
    assert_eq!((again.status, again.header("location")), (400, None));
    let accept = [("action", "accept")];
    let done = visitor.submit(&consent, &accept).await;
    assert!(done.sent().contains_key("code"));
    assert_eq!(visitor.submit(&consent, &accept).await.status, 400);

    for (after, status) in [(599, 303), (600, 400)] {
        site.set_time(NOW);
        let (visitor, page) = login(&site).await;
        site.set_time(NOW + after);
        assert_eq!(visitor.log_in(&page).await.status, status, "{after}");
    }
}

#[tokio::test]
async fn a_consent_is_that_of_the_session_s_user() {
    let site = Site::start().await;
    let (visitor, page) = login(&site).await;
    let consent = visitor.follow(&visitor.log_in(&page).await).await;
    visitor.cookies.borrow_mut().remove("portcullis_session");
    let refused = visitor.submit(&consent, &[("action", "accept")]).await;
    assert_eq!((refused.status, refused.header("location")), (400, None));
}

#[tokio::test]
async fn pages_without_a_transaction_say_so() {
    let site = Site::start().await;
    let visitor = site.visitor();
    for path in [
        "/u/login",
        "/u/login?state=x",
        "/u/signup?state=x",
        "/u/consent?state=x",
        "/u/reset-password?ticket=x.y",
        "/u/reset-password",
    ] {
        let page = visitor.get(path).await;
        assert_eq!(page.status, 400, "{path}");
        assert!(page.text.contains("This page has expired"), "{path}");
        if path != "/u/reset-password" {
            let path = path.split('?').next().unwrap();
            assert_eq!(visitor.post(path, &[("state", "x")]).await.status, 400);
        }
    }
    let page = visitor.get("/u/logout").await;
    assert_eq!((page.status, page.header("allow")), (405, Some("POST")));
}

#[tokio::test]
async fn cookies_are_as_strict_as_the_issuer_allows() {
    let spa = changed(&[
        ("client_id", "spa"),
        ("redirect_uri", "http://localhost:3001"),
        ("code_challenge", crate::site::CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    let (plain, secure) = (Site::start().await, Site::start_secure().await);
    for (name, site, parameters, begins, attributes) in [
        (
            "http",
            &plain,
            CODE.to_vec(),
            "portcullis_session=",
            "; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax",
        ),
        (
            "https",
            &secure,
            CODE.to_vec(),
            "__Host-portcullis_session=",
            "; Path=/; Max-Age=604800; HttpOnly; Secure; SameSite=Lax",
        ),
        (
            "frames",
            &secure,
            spa.clone(),
            "__Host-portcullis_session=",
            "; Path=/; Max-Age=604800; HttpOnly; Secure; SameSite=None",
        ),
    ] {
        let visitor = site.visitor();
        let begun = visitor.authorize(&parameters).await;
        let browser = begun.header("set-cookie").unwrap();
        assert!(browser.ends_with("SameSite=Lax"), "{name}: {browser}");
        let login = visitor.follow(&begun).await;
        let after = visitor.log_in(&login).await;
        let cookie = after.header("set-cookie").unwrap();
        assert!(cookie.starts_with(begins), "{name}: {cookie}");
        assert!(cookie.ends_with(attributes), "{name}: {cookie}");
    }
    // A session is for frames as soon as an application needs it.
    let visitor = secure.visitor();
    visitor.pass(&CODE).await;
    let page = visitor.authorize(&spa).await;
    let cookie = page.header("set-cookie").unwrap();
    assert!(cookie.ends_with("; Secure; SameSite=None"), "{cookie}");
}

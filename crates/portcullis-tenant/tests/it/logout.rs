use crate::site::{CODE, NOW, Site, Visitor, changed, form};

const HOME: &str = "http://localhost:3000";

async fn is_logged_in(visitor: &Visitor<'_>) -> bool {
    let page = visitor.authorize(&changed(&[("prompt", "none")])).await;
    page.sent().contains_key("code")
}

async fn allow_tenant_url(site: &Site, prompt: bool) {
    let settings = serde_json::json!({
        "allowed_logout_urls": ["https://tenant.example/bye"],
        "sessions": { "oidc_logout_prompt_enabled": prompt },
    });
    site.database.settings().save(&settings, 0).await.unwrap();
}

#[tokio::test]
async fn auth0_s_logout_returns_to_registered_urls_only() {
    let site = Site::start().await;
    allow_tenant_url(&site, true).await;
    for (name, query, expected) in [
        (
            "returnTo",
            vec![("client_id", "web"), ("returnTo", HOME), ("federated", "")],
            Ok("http://localhost:3000/"),
        ),
        (
            "the first",
            vec![("client_id", "web")],
            Ok("http://localhost:3000/"),
        ),
        (
            "the tenant's",
            vec![("returnTo", "https://tenant.example/bye")],
            Ok("https://tenant.example/bye"),
        ),
        (
            "the tenant's first",
            vec![],
            Ok("https://tenant.example/bye"),
        ),
        (
            "a client's without it",
            vec![("returnTo", HOME)],
            Err("The returnTo"),
        ),
        (
            "the tenant's with a client",
            vec![
                ("client_id", "web"),
                ("returnTo", "https://tenant.example/bye"),
            ],
            Err("The returnTo"),
        ),
        (
            "longer",
            vec![
                ("client_id", "web"),
                ("returnTo", "http://localhost:3000/more"),
            ],
            Err("The returnTo"),
        ),
        (
            "another host",
            vec![
                ("client_id", "web"),
                ("returnTo", "http://localhost:3000@evil.example"),
            ],
            Err("The returnTo"),
        ),
        (
            "unknown client",
            vec![("client_id", "<b>"), ("returnTo", HOME)],
            Err("Unknown client: &#60;b&#62;"),
        ),
    ] {
        let visitor = site.visitor();
        visitor.pass(&CODE).await;
        let page = visitor.get(&format!("/v2/logout?{}", form(&query))).await;
        match expected {
            Ok(location) => {
                assert_eq!(page.status, 302, "{name}");
                assert_eq!(page.location(), location, "{name}");
                let cookie = page.header("set-cookie").unwrap();
                assert!(cookie.starts_with("portcullis_session=; "), "{cookie}");
                assert!(!is_logged_in(&visitor).await, "{name}");
            }
            Err(text) => {
                assert_eq!(
                    (page.status, page.header("location")),
                    (400, None),
                    "{name}"
                );
                assert!(page.text.contains(text), "{name}: {}", page.text);
                assert!(is_logged_in(&visitor).await, "{name}");
            }
        }
    }
}

#[tokio::test]
async fn the_session_itself_is_gone_not_only_its_cookie() {
    let site = Site::start().await;
    let (visitor, thief) = (site.visitor(), site.visitor());
    visitor.pass(&CODE).await;
    thief
        .cookies
        .borrow_mut()
        .clone_from(&visitor.cookies.borrow());
    visitor.get("/v2/logout?client_id=web").await;
    assert!(!is_logged_in(&thief).await);
    assert_eq!(site.events().await, ["s", "sapi", "slo"]);
}

#[tokio::test]
async fn a_logout_that_nobody_vouches_for_is_confirmed() {
    let site = Site::start().await;
    let path = format!("/oidc/logout?client_id=web&post_logout_redirect_uri={HOME}&state=s%26");
    for (action, stays) in [("decline", true), ("accept", false)] {
        let visitor = site.visitor();
        visitor.pass(&CODE).await;
        let page = visitor.get(&path).await;
        assert_eq!(page.status, 200);
        assert!(
            page.text
                .contains("<strong>The web</strong> asks to log you out")
        );
        assert_eq!(page.header("x-frame-options"), Some("DENY"));
        let policy = page.header("content-security-policy").unwrap();
        assert!(
            policy.contains("form-action 'self' http://localhost:3000;"),
            "{policy}"
        );
        assert!(is_logged_in(&visitor).await);
        let refused = visitor
            .submit(&page, &[("csrf", "x"), ("action", "accept")])
            .await;
        assert_eq!(refused.status, 403);
        assert!(is_logged_in(&visitor).await);
        let done = visitor.submit(&page, &[("action", action)]).await;
        assert_eq!(is_logged_in(&visitor).await, stays, "{action}");
        if stays {
            assert_eq!(done.status, 200);
            assert!(done.text.contains("You are still logged in"));
        } else {
            assert_eq!(done.status, 303);
            assert_eq!(done.location(), "http://localhost:3000/?state=s%26");
        }
    }
}

/// An ID token of the visitor's session.
async fn id_token(visitor: &Visitor<'_>) -> String {
    let implicit = changed(&[("response_type", "id_token"), ("nonce", "n")]);
    visitor.pass(&implicit).await.sent()["id_token"].clone()
}

#[tokio::test]
async fn a_request_that_knows_the_session_ends_it_at_once() {
    let site = Site::start().await;
    let other = id_token(&site.visitor()).await;
    for (name, own, after, asked) in [
        ("the session's", true, 0, false),
        ("expired", true, 60 * 3600, false),
        ("another session's", false, 0, true),
    ] {
        site.set_time(NOW);
        let visitor = site.visitor();
        let mine = id_token(&visitor).await;
        let token = if own { &mine } else { &other };
        site.set_time(NOW + after);
        let query = [
            ("id_token_hint", token.as_str()),
            ("post_logout_redirect_uri", HOME),
        ];
        let page = visitor.get(&format!("/oidc/logout?{}", form(&query))).await;
        assert_eq!(page.status, if asked { 200 } else { 302 }, "{name}");
        assert_eq!(is_logged_in(&visitor).await, asked, "{name}");
        if !asked {
            assert_eq!(page.location(), "http://localhost:3000/", "{name}");
        }
    }
    site.set_time(NOW);
    let visitor = site.visitor();
    visitor.pass(&CODE).await;
    let sessions = site.database.sessions();
    let slice = portcullis_store::tenant::Slice::page(0, 10);
    let listing = sessions
        .of_user(crate::site::USER_ID, 0, &slice)
        .await
        .unwrap();
    let mut pages = Vec::new();
    for session in listing.rows {
        let path = format!("/oidc/logout?logout_hint={}", session.sid);
        pages.push(visitor.get(&path).await);
    }
    assert!(
        pages
            .iter()
            .any(|page| page.text.contains("You are logged out"))
    );
    assert!(!is_logged_in(&visitor).await);
}

#[tokio::test]
async fn a_logout_that_goes_astray_is_refused() {
    let site = Site::start().await;
    allow_tenant_url(&site, false).await;
    let visitor = site.visitor();
    let token = id_token(&visitor).await;
    let (head, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{head}.AAAA");
    let target = "post_logout_redirect_uri";
    for (name, query, text) in [
        (
            "not the client's",
            vec![("client_id", "web"), (target, "http://localhost:3000/x")],
            "The post_logout_redirect_uri",
        ),
        (
            "a client's",
            vec![(target, HOME)],
            "The post_logout_redirect_uri",
        ),
        (
            "another client",
            vec![("id_token_hint", token.as_str()), ("client_id", "spa")],
            "The client_id is not that of the id_token_hint.",
        ),
        (
            "forged",
            vec![("id_token_hint", forged.as_str())],
            "The id_token_hint is not an ID token of this tenant.",
        ),
        (
            "unknown",
            vec![("client_id", "nobody")],
            "Unknown client: nobody",
        ),
    ] {
        let page = visitor.get(&format!("/oidc/logout?{}", form(&query))).await;
        assert_eq!(
            (page.status, page.header("location")),
            (400, None),
            "{name}"
        );
        assert!(page.text.contains(text), "{name}: {}", page.text);
        let same = visitor.post("/oidc/logout", &query).await;
        assert_eq!(same.status, 400, "{name}");
    }
    assert!(is_logged_in(&visitor).await);
    // With the prompt off, as the lab has it: no hint, no client, the tenant's own URL.
    let page = visitor.get("/oidc/logout?post_logout_redirect_uri=https://tenant.example/bye");
    assert_eq!(page.await.location(), "https://tenant.example/bye");
    assert!(!is_logged_in(&visitor).await);
    let nobody = site.visitor().post("/oidc/logout", &[]).await;
    assert!(nobody.text.contains("You are logged out"));
}

#[tokio::test]
async fn another_site_s_form_logs_nobody_out() {
    let site = Site::start().await;
    let visitor = site.visitor();
    visitor.pass(&CODE).await;
    let cross = ("sec-fetch-site", "cross-site".to_owned());
    visitor.headers.borrow_mut().push(cross);
    let page = visitor.post("/oidc/logout", &[("client_id", "web")]).await;
    assert_eq!(page.status, 303);
    assert_eq!(page.location(), "/oidc/logout?client_id=web");
    let page = visitor.follow(&page).await;
    assert_eq!(page.status, 200);
    let refused = visitor.submit(&page, &[("action", "accept")]).await;
    assert_eq!(refused.status, 403);
    visitor.headers.borrow_mut().clear();
    assert!(is_logged_in(&visitor).await);
}

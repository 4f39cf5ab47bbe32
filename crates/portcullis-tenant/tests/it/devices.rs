use portcullis_store::tenant::{Client, Connection};
use portcullis_token::Secret;
use serde_json::json;

use crate::rows::{ADA, CONNECTION, DEVICE_GRANT, ada, claims, insert_user, spa};
use crate::server::{AUDIENCE, Answer, SECRET, Server, form_urlencoded};

const PASSWORD: &str = "correct horse";

/// A server with `spa`, at which Ada can log in.
async fn start() -> Server {
    let server = Server::start().await;
    let database = &server.database;
    database.clients().insert(&spa()).await.unwrap();
    let connection = Connection {
        id: "con_1".to_owned(),
        name: CONNECTION.to_owned(),
        strategy: "auth0".to_owned(),
        enabled_clients: vec!["spa".to_owned()],
        options: json!({}),
        other: json!({}),
        created_at: 0,
        updated_at: 0,
    };
    database.connections().upsert(&connection).await.unwrap();
    let passwords = &server.passwords;
    let phc = passwords.hash(Secret::new(PASSWORD.to_owned())).await;
    insert_user(database, &ada(), Some(&phc.unwrap())).await;
    server
}

async fn begin(server: &Server) -> (String, String) {
    let parameters = [
        ("client_id", "spa"),
        ("scope", "openid read:reports offline_access"),
        ("audience", AUDIENCE),
    ];
    let answer = server.call("/oauth/device/code", &parameters).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let text = |name| answer.body[name].as_str().unwrap().to_owned();
    let (device_code, user_code) = (text("device_code"), text("user_code"));
    let uri = format!("{}activate", server.issuer);
    assert_eq!(
        answer.body,
        json!({
            "device_code": device_code,
            "user_code": user_code,
            "verification_uri": uri,
            "verification_uri_complete": format!("{uri}?user_code={user_code}"),
            "expires_in": 900,
            "interval": 5,
        })
    );
    assert_eq!((user_code.len(), user_code.as_bytes()[4]), (9, b'-'));
    (device_code, user_code)
}

async fn poll(server: &Server, device_code: &str) -> Answer {
    let parameters = [
        ("grant_type", DEVICE_GRANT),
        ("client_id", "spa"),
        ("device_code", device_code),
    ];
    server.call("/oauth/token", &parameters).await
}

/// A browser without redirects, which keeps its cookies.
struct Browser<'s> {
    server: &'s Server,
    cookies: Vec<(String, String)>,
    /// The fields of the last form.
    hidden: Vec<(String, String)>,
}

impl<'s> Browser<'s> {
    fn new(server: &'s Server) -> Self {
        Self {
            server,
            cookies: Vec::new(),
            hidden: Vec::new(),
        }
    }

    async fn get(&mut self, path: &str) -> (u16, String) {
        let request = reqwest::Client::new().get(self.server.url(path));
        self.send(request).await
    }

    /// Sends the last form with these fields.
    async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let hidden = self.hidden.clone();
        let hidden = hidden.iter().map(|(name, value)| (&**name, &**value));
        let all: Vec<(&str, &str)> = hidden.chain(fields.iter().copied()).collect();
        let request = reqwest::Client::new()
            .post(self.server.url(path))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form_urlencoded(&all));
        self.send(request).await
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> (u16, String) {
        let cookies = self.cookies.iter();
        let cookies: Vec<_> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let response = request.header("cookie", cookies.join("; ")).send().await;
        let response = response.unwrap();
        for header in response.headers().get_all("set-cookie") {
            let pair = header.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        let status = response.status().as_u16();
        let policy = response.headers().get("content-security-policy");
        let policy = policy.unwrap().to_str().unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        let page = response.text().await.unwrap();
        self.hidden = ["state", "csrf"]
            .into_iter()
            .filter_map(|name| {
                let start = format!("name=\"{name}\" value=\"");
                let (_, rest) = page.split_once(&start)?;
                let (value, _) = rest.split_once('"')?;
                Some((name.to_owned(), value.to_owned()))
            })
            .collect();
        (status, page)
    }

    /// Enters the code and logs Ada in, which ends with the question.
    async fn log_in(&mut self, user_code: &str) {
        self.get("/activate").await;
        let (status, page) = self.submit("/activate", &[("user_code", user_code)]).await;
        assert_eq!(status, 200, "{page}");
        assert!(page.contains("id=\"password\""), "{page}");
        let typed = [("username", "ada@example.com"), ("password", PASSWORD)];
        let (status, page) = self.submit("/activate/login", &typed).await;
        assert_eq!(status, 200, "{page}");
        assert!(page.contains("Is this your device?"), "{page}");
        assert!(page.contains(user_code), "{page}");
    }
}

#[tokio::test]
async fn a_confirmed_device_has_its_tokens_once() {
    let server = start().await;
    let (device_code, user_code) = begin(&server).await;
    let pending = (
        403,
        "authorization_pending",
        "User has yet to authorize device code.",
    );
    assert_eq!(poll(&server, &device_code).await.error(), pending);

    let mut browser = Browser::new(&server);
    browser.log_in(&user_code).await;
    let (status, page) = browser
        .submit("/activate/confirm", &[("action", "accept")])
        .await;
    assert_eq!(status, 200);
    assert!(page.contains("all set!"), "{page}");

    server.advance(5);
    let answer = poll(&server, &device_code).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["scope"], "openid read:reports offline_access");
    assert_eq!(claims(&answer.body["access_token"])["sub"], ADA);
    assert_eq!(claims(&answer.body["id_token"])["aud"], "spa");
    let token = answer.body["refresh_token"].as_str().unwrap();
    let refreshed = server
        .call("/oauth/token", &crate::rows::refreshing(token))
        .await;
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    server.advance(5);
    let spent = (403, "invalid_grant", "Invalid or expired device code.");
    assert_eq!(poll(&server, &device_code).await.error(), spent);
}

#[tokio::test]
async fn a_browser_that_is_logged_in_is_only_asked() {
    let server = start().await;
    let (_, first) = begin(&server).await;
    let mut browser = Browser::new(&server);
    browser.log_in(&first).await;
    let (device_code, second) = begin(&server).await;
    let (_, page) = browser.get(&format!("/activate?user_code={second}")).await;
    assert!(page.contains(&format!("value=\"{second}\"")), "{page}");
    let (_, page) = browser.submit("/activate", &[("user_code", &second)]).await;
    assert!(page.contains("Is this your device?"), "{page}");
    let (_, page) = browser
        .submit("/activate/confirm", &[("action", "decline")])
        .await;
    assert!(page.contains("Nothing was connected"), "{page}");
    let denied = (
        403,
        "access_denied",
        "User cancelled the confirmation prompt.",
    );
    assert_eq!(poll(&server, &device_code).await.error(), denied);
}

#[tokio::test]
async fn polls_are_answered_by_the_clock() {
    let server = start().await;
    let (device_code, _) = begin(&server).await;
    assert_eq!(poll(&server, &device_code).await.status, 403);
    let slow = (
        429,
        "slow_down",
        "You are polling faster than the specified interval of 10 seconds.",
    );
    assert_eq!(poll(&server, &device_code).await.error(), slow);
    server.advance(10);
    assert_eq!(poll(&server, &device_code).await.status, 403);
    server.advance(900);
    let expired = (403, "expired_token", "The device code has expired.");
    assert_eq!(poll(&server, &device_code).await.error(), expired);
    let unknown = (403, "invalid_grant", "Invalid or expired device code.");
    assert_eq!(poll(&server, "nonsense").await.error(), unknown);
}

#[tokio::test]
async fn a_code_cannot_be_guessed_at_the_page() {
    let server = start().await;
    let (_, user_code) = begin(&server).await;
    let mut browser = Browser::new(&server);
    browser.get("/activate").await;
    for guess in 0..10 {
        let (status, page) = browser
            .submit("/activate", &[("user_code", "BBBBBBBB")])
            .await;
        assert_eq!(status, 400, "{guess}");
        assert!(page.contains("This code is not valid."), "{guess}");
    }
    // Another browser has no tries of its own, and the right code comes too late.
    let mut browser = Browser::new(&server);
    browser.get("/activate").await;
    let (status, page) = browser
        .submit("/activate", &[("user_code", &user_code)])
        .await;
    assert_eq!(status, 429);
    assert!(page.contains("Too many codes were entered."), "{page}");
    server.advance(601);
    browser.get("/activate").await;
    // The code has not ended meanwhile.
    let (status, _) = browser
        .submit("/activate", &[("user_code", &user_code)])
        .await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn the_forms_of_others_confirm_nothing() {
    let server = start().await;
    let (device_code, user_code) = begin(&server).await;
    let mut browser = Browser::new(&server);
    browser.log_in(&user_code).await;
    let form = browser.hidden.clone();
    let accept = [("action", "accept")];
    for (name, hidden, expected) in [
        ("no fields", Vec::new(), 400),
        ("no token", vec![form[0].clone()], 403),
        (
            "another token",
            vec![form[0].clone(), ("csrf".to_owned(), "x".repeat(43))],
            403,
        ),
    ] {
        browser.hidden = hidden;
        let (status, _) = browser.submit("/activate/confirm", &accept).await;
        assert_eq!(status, expected, "{name}");
    }
    // Whoever lures somebody with a form of theirs has another browser's.
    let mut other = Browser::new(&server);
    other.get("/activate").await;
    other.hidden.clone_from(&form);
    assert_eq!(other.submit("/activate/confirm", &accept).await.0, 400);
    let state = poll(&server, &device_code).await;
    assert_eq!(state.body["error"], "authorization_pending");
    browser.hidden = form;
    assert_eq!(browser.submit("/activate/confirm", &accept).await.0, 200);
    // Once.
    assert_eq!(browser.submit("/activate/confirm", &accept).await.0, 400);
}

#[tokio::test]
async fn what_is_no_code_is_not_repeated() {
    let server = start().await;
    let mut browser = Browser::new(&server);
    let (status, page) = browser.get("/activate?user_code=Call+0800+123").await;
    assert_eq!(status, 200);
    assert!(!page.contains("0800"), "{page}");
}

#[tokio::test]
async fn devices_are_refused_before_a_code_is_made() {
    let server = start().await;
    let not_allowed = (
        403,
        "unauthorized_client",
        "Grant type 'urn:ietf:params:oauth:grant-type:device_code' not allowed for the client.",
    );
    let third = Client {
        client_id: "third".to_owned(),
        is_first_party: false,
        ..spa()
    };
    server.database.clients().insert(&third).await.unwrap();
    let many = (0..201)
        .map(|n| format!("s{n}"))
        .collect::<Vec<_>>()
        .join(" ");
    for (name, parameters, expected) in [
        (
            "unknown",
            vec![("client_id", "nobody")],
            (401, "access_denied", "Unauthorized"),
        ),
        (
            "no such grant",
            vec![("client_id", "worker"), ("client_secret", SECRET)],
            not_allowed,
        ),
        ("third party", vec![("client_id", "third")], not_allowed),
        (
            "unknown audience",
            vec![("client_id", "spa"), ("audience", "nowhere")],
            (403, "access_denied", "Service not found: nowhere"),
        ),
        (
            "scopes",
            vec![("client_id", "spa"), ("scope", &many)],
            (
                400,
                "invalid_scope",
                "The scope parameter names more than 200 scopes.",
            ),
        ),
    ] {
        let answer = server.call("/oauth/device/code", &parameters).await;
        assert_eq!(answer.error(), expected, "{name}");
    }
}

//! Signing up, and replacing a password.

use serde_json::{Value, json};

use crate::server::take_log;
use crate::site::{CODE, CONNECTION, EMAIL, NOW, PASSWORD, Page, Site, USER_ID, changed};

async fn call(site: &Site, path: &str, body: &Value) -> (u16, String) {
    let request = reqwest::Client::new()
        .post(format!("http://{}{path}", site.address))
        .header("content-type", "application/json")
        .header("origin", "http://localhost:3001")
        .body(body.to_string());
    let response = request.send().await.unwrap();
    let origin = response.headers().get("access-control-allow-origin");
    assert_eq!(origin.unwrap(), "http://localhost:3001");
    let status = response.status().as_u16();
    (status, response.text().await.unwrap())
}

async fn close(site: &Site) {
    let connections = site.database.connections();
    let mut connection = connections.find_by_name(CONNECTION).await.unwrap().unwrap();
    connection.options = json!({ "disable_signup": true });
    assert!(connections.update(&connection).await.unwrap());
}

async fn sign_up_page(site: &Site) -> (crate::site::Visitor<'_>, Page) {
    let visitor = site.visitor();
    let hint = [("screen_hint", "signup"), ("login_hint", "eve@example.com")];
    let page = visitor
        .follow(&visitor.authorize(&changed(&hint)).await)
        .await;
    (visitor, page)
}

#[tokio::test]
async fn who_signs_up_is_logged_in() {
    let site = Site::start().await;
    let (visitor, page) = sign_up_page(&site).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("value=\"eve@example.com\""));
    let inputs = [("email", "Eve@Example.com"), ("password", "12345678")];
    let after = visitor.submit(&page, &inputs).await;
    let consent = visitor.follow(&after).await;
    assert!(consent.text.contains("eve@example.com"));
    let done = visitor.submit(&consent, &[("action", "accept")]).await;
    assert!(done.sent().contains_key("code"));
    let users = site.database.users();
    let user = users.find_by_email(CONNECTION, "eve@example.com").await;
    let user = user.unwrap().unwrap();
    assert!(user.user_id.starts_with("auth0|") && !user.email_verified);
    assert_eq!(site.events().await, ["sapi", "ss"]);
}

#[tokio::test]
async fn a_sign_up_that_cannot_be_says_what_to_mend() {
    let site = Site::start().await;
    let weak = "The password is too weak: at least 8 characters, and not your address.";
    let address = "Enter an email address, such as ada@example.com.";
    for (email, password, text) in [
        ("eve", "12345678", address),
        ("eve@example.com", "1234567", weak),
        ("eve@example.com", "EVE@example.com", weak),
        (
            "ADA@example.com",
            "12345678",
            "We could not sign you up with this address and password.",
        ),
    ] {
        let (visitor, page) = sign_up_page(&site).await;
        let inputs = [("email", email), ("password", password)];
        let refused = visitor.submit(&page, &inputs).await;
        assert_eq!(refused.status, 400, "{email}");
        assert!(refused.text.contains(text), "{email}: {}", refused.text);
        assert_eq!(refused.header("set-cookie"), None);
    }
}

#[tokio::test]
async fn a_closed_connection_lets_nobody_sign_up() {
    let site = Site::start().await;
    let (visitor, open) = sign_up_page(&site).await;
    close(&site).await;
    let (_, page) = sign_up_page(&site).await;
    assert!(page.text.contains("action=\"/u/login\""));
    assert!(!page.text.contains("/u/signup"));
    let inputs = [("email", "eve@example.com"), ("password", "12345678")];
    assert_eq!(visitor.submit(&open, &inputs).await.status, 400);
    let body = json!({
        "client_id": "web",
        "connection": CONNECTION,
        "email": "eve@example.com",
        "password": "12345678",
    });
    let (status, text) = call(&site, "/dbconnections/signup", &body).await;
    assert_eq!(status, 400);
    assert!(text.contains("public_signup_disabled"), "{text}");
}

#[tokio::test]
async fn scripts_sign_up_in_auth0_s_words() {
    let site = Site::start().await;
    for (name, changes, status, expected) in [
        (
            "good",
            json!({ "name": "Eve", "blocked": "true" }),
            200,
            json!({ "email": "eve@example.com", "email_verified": false }),
        ),
        (
            "taken",
            json!({ "email": EMAIL }),
            400,
            json!({ "code": "invalid_signup", "description": "Invalid sign up" }),
        ),
        (
            "weak",
            json!({ "email": "bob@example.com", "password": "1" }),
            400,
            json!({ "code": "invalid_password", "name": "PasswordStrengthError" }),
        ),
        (
            "unknown client",
            json!({ "client_id": "nobody" }),
            400,
            json!({ "code": "invalid_request" }),
        ),
        (
            "unknown connection",
            json!({ "connection": "google" }),
            400,
            json!({ "code": "invalid_request" }),
        ),
        (
            "no address",
            json!({ "email": null }),
            400,
            json!({ "description": "Missing required parameter: email" }),
        ),
    ] {
        let mut body = json!({
            "client_id": "web",
            "connection": CONNECTION,
            "email": "eve@example.com",
            "password": "12345678",
        });
        for (member, value) in changes.as_object().unwrap() {
            body[member] = value.clone();
        }
        let (answered, text) = call(&site, "/dbconnections/signup", &body).await;
        assert_eq!(answered, status, "{name}: {text}");
        let answer: Value = serde_json::from_str(&text).unwrap();
        for (member, value) in expected.as_object().unwrap() {
            assert_eq!(&answer[member], value, "{name} {member}");
        }
        if name == "good" {
            let id = answer["_id"].as_str().unwrap();
            let users = site.database.users();
            let user = users.find(&format!("auth0|{id}")).await.unwrap().unwrap();
            assert_eq!(user.profile, json!({ "name": "Eve" }));
            assert!(!user.blocked);
        }
    }
}

const SENT: &str = "We've just sent you an email to reset your password.";

async fn ask_for_link(site: &Site, email: &str) -> Option<String> {
    take_log();
    let body = json!({ "client_id": "web", "connection": CONNECTION, "email": email });
    let answer = call(site, "/dbconnections/change_password", &body).await;
    assert_eq!(answer, (200, SENT.to_owned()), "{email}");
    let log = take_log();
    let line = log
        .lines()
        .find(|line| line.contains("a password can be replaced"))?;
    let (_, rest) = line.split_once("link=").unwrap();
    Some(rest.split_whitespace().next().unwrap().to_owned())
}

#[tokio::test]
async fn a_link_in_the_log_of_this_machine_replaces_a_password() {
    let site = Site::start_local().await;
    let visitor = site.visitor();
    visitor.pass(&CODE).await;
    assert_eq!(ask_for_link(&site, "nobody@example.com").await, None);
    let link = ask_for_link(&site, EMAIL).await.unwrap();
    let other = site.visitor();
    let page = other.get(&link).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.text.contains(EMAIL));
    let chosen = |password, confirmation| [("password", password), ("confirmation", confirmation)];
    for (password, confirmation, text) in [
        ("12345678", "12345679", "The two passwords differ."),
        ("1234567", "1234567", "Choose at least 8 characters"),
    ] {
        let refused = other.submit(&page, &chosen(password, confirmation)).await;
        assert_eq!(refused.status, 400);
        assert!(refused.text.contains(text), "{}", refused.text);
    }
    let mut forged = chosen("12345678", "12345678").to_vec();
    forged.push(("csrf", "x"));
    assert_eq!(other.submit(&page, &forged).await.status, 403);
    let done = other.submit(&page, &chosen("12345678", "12345678")).await;
    assert_eq!(done.status, 200);
    assert!(done.text.contains("Password changed"));

    let again = other.submit(&page, &chosen("abcdefgh", "abcdefgh")).await;
    assert_eq!(again.status, 400, "a link is good once");
    let silent = visitor.authorize(&changed(&[("prompt", "none")])).await;
    assert_eq!(silent.error().0, "login_required", "sessions have ended");
    let identities = site.database.identities();
    let found = identities.find_password(CONNECTION, EMAIL).await.unwrap();
    assert_eq!(found.unwrap().user_id, USER_ID);
    for (password, status) in [(PASSWORD, 400), ("12345678", 303)] {
        let page = visitor.follow(&visitor.authorize(&CODE).await).await;
        let inputs = [("username", EMAIL), ("password", password)];
        assert_eq!(visitor.submit(&page, &inputs).await.status, status);
    }
}

#[tokio::test]
async fn a_link_ends_after_an_hour_and_is_of_one_ticket() {
    let site = Site::start_local().await;
    let link = ask_for_link(&site, EMAIL).await.unwrap();
    let visitor = site.visitor();
    assert_eq!(visitor.get(&format!("{link}x")).await.status, 400);
    for (after, status) in [(3599, 200), (3600, 400)] {
        site.set_time(NOW + after);
        assert_eq!(visitor.get(&link).await.status, status, "{after}");
    }
}

#[tokio::test]
async fn no_link_is_made_where_it_could_only_leak() {
    let site = Site::start().await;
    assert_eq!(ask_for_link(&site, EMAIL).await, None);
    let local = Site::start_local().await;
    for round in 0..6 {
        let link = ask_for_link(&local, EMAIL).await;
        assert_eq!(link.is_some(), round < 5, "{round}");
    }
}

//! What is asked for too often, by one address or by all, is refused, and nobody else is.

use std::num::NonZeroU32;

use portcullis_tenant::{AddressRate, AddressRates, Options};
use portcullis_token::Secret;
use serde_json::{Value, json};

use crate::server::Answer;
use crate::site::{CODE, CONNECTION, EMAIL, NOW, PASSWORD, Site, USER_ID, Visitor, changed};

fn rate(each: u32, all: u32) -> AddressRate {
    let count = |number| NonZeroU32::new(number).unwrap();
    AddressRate {
        each: count(each),
        all: count(all),
    }
}

async fn start(rates: AddressRates) -> Site {
    let options = Options {
        address_rates: rates,
        ..Options::default()
    };
    Site::start_behind_a_proxy(options).await
}

/// A browser elsewhere, as the proxy says.
fn visitor_of<'s>(site: &'s Site, address: &str) -> Visitor<'s> {
    let visitor = site.visitor();
    let header = ("x-forwarded-for", address.to_owned());
    visitor.headers.borrow_mut().push(header);
    visitor
}

async fn call(site: &Site, path: &str, address: &str, body: &Value) -> Answer {
    let request = reqwest::Client::new()
        .post(format!("http://{}{path}", site.address))
        .header("content-type", "application/json")
        .header("x-forwarded-for", address)
        .body(body.to_string());
    let response = request.send().await.unwrap();
    if path.ends_with("change_password") && response.status() == 200 {
        // A sentence, and no JSON.
        let status = response.status().as_u16();
        return Answer {
            status,
            headers: response.headers().clone(),
            body: Value::Null,
        };
    }
    Answer::of(response).await
}

#[tokio::test]
async fn pages_are_begun_so_often_by_an_address_and_by_all() {
    for path in ["/authorize", "/activate"] {
        let site = start(AddressRates {
            pages: rate(2, 3),
            ..AddressRates::default()
        })
        .await;
        let ask = |address: &'static str| {
            let visitor = visitor_of(&site, address);
            async move {
                match path {
                    "/authorize" => visitor.authorize(&CODE).await,
                    path => visitor.get(path).await,
                }
            }
        };
        let begun = if path == "/authorize" { 302 } else { 200 };
        for (name, address, expected) in [
            ("first", "192.0.2.1", None),
            ("second", "192.0.2.1", None),
            ("third", "192.0.2.1", Some("301")),
            ("another's", "192.0.2.2", None),
            ("one of all", "192.0.2.3", Some("201")),
        ] {
            let page = ask(address).await;
            let status = if expected.is_some() { 429 } else { begun };
            assert_eq!(page.status, status, "{path} {name}");
            assert_eq!(page.header("retry-after"), expected, "{path} {name}");
            let told = page.text.contains("Too many requests");
            assert_eq!(told, expected.is_some(), "{path} {name}");
            if expected.is_some() {
                assert_eq!(page.header("set-cookie"), None, "{path} {name}");
            }
        }
        for (after, status) in [(299, 429), (300, begun)] {
            site.set_time(NOW + after);
            let page = ask("192.0.2.1").await;
            assert_eq!(page.status, status, "{path} {after}");
        }
    }
}

#[tokio::test]
async fn who_is_logged_in_begins_as_many_pages_as_they_like() {
    let site = start(AddressRates {
        pages: rate(1, 1),
        ..AddressRates::default()
    })
    .await;
    let visitor = site.visitor();
    visitor.pass(&CODE).await;
    let again = visitor.authorize(&changed(&[("prompt", "consent")])).await;
    assert!(again.location().starts_with("/u/consent"));
    let login = visitor.authorize(&changed(&[("prompt", "login")])).await;
    assert_eq!(login.status, 429);
}

#[tokio::test]
async fn links_are_asked_for_so_often() {
    let site = start(AddressRates {
        links: rate(2, 3),
        ..AddressRates::default()
    })
    .await;
    for (address, number, expected) in [
        ("192.0.2.1", 1, None),
        ("192.0.2.1", 2, None),
        ("192.0.2.1", 3, Some("301")),
        ("192.0.2.2", 4, None),
        ("192.0.2.3", 5, Some("201")),
    ] {
        let email = format!("nobody{number}@example.com");
        let body = json!({ "client_id": "web", "connection": CONNECTION, "email": email });
        let answer = call(&site, "/dbconnections/change_password", address, &body).await;
        let status = if expected.is_some() { 429 } else { 200 };
        assert_eq!(answer.status, status, "{email}");
        assert_eq!(answer.header("retry-after"), expected, "{email}");
        if expected.is_some() {
            assert_eq!(answer.body["code"], "too_many_requests", "{email}");
        }
    }
}

#[tokio::test]
async fn accounts_are_made_so_often() {
    let site = start(AddressRates {
        sign_ups: rate(2, 3),
        ..AddressRates::default()
    })
    .await;
    for (address, number, expected) in [
        ("192.0.2.1", 1, None),
        ("192.0.2.1", 2, None),
        ("192.0.2.1", 3, Some("301")),
        ("192.0.2.2", 4, None),
        ("192.0.2.3", 5, Some("201")),
    ] {
        let email = format!("eve{number}@example.com");
        let body = json!({ "client_id": "web", "connection": CONNECTION, "email": email,
            "password": "12345678" });
        let answer = call(&site, "/dbconnections/signup", address, &body).await;
        let status = if expected.is_some() { 429 } else { 200 };
        assert_eq!(answer.status, status, "{email}");
        assert_eq!(answer.header("retry-after"), expected, "{email}");
        let users = site.database.users();
        let user = users.find_by_email(CONNECTION, &email).await.unwrap();
        assert_eq!(user.is_some(), expected.is_none(), "{email}");
    }
    let visitor = visitor_of(&site, "192.0.2.1");
    let hint = changed(&[("screen_hint", "signup")]);
    let page = visitor.follow(&visitor.authorize(&hint).await).await;
    let inputs = [("email", "eve6@example.com"), ("password", "12345678")];
    let refused = visitor.submit(&page, &inputs).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("retry-after"), Some("301"));
    assert!(
        refused
            .text
            .contains("Too many attempts. Please try again later.")
    );
    // Logins are none of them.
    let login = visitor.follow(&visitor.authorize(&CODE).await).await;
    assert_eq!(visitor.log_in(&login).await.status, 303);
}

#[tokio::test]
async fn what_anybody_can_have_logged_is_kept_so_often() {
    let site = start(AddressRates {
        events: rate(2, 3),
        ..AddressRates::default()
    })
    .await;
    let wrong = changed(&[("redirect_uri", "http://localhost:3000/callbac")]);
    for (address, kept) in [
        ("192.0.2.1", 1),
        ("192.0.2.1", 2),
        ("192.0.2.1", 2),
        ("192.0.2.2", 3),
        ("192.0.2.3", 3),
    ] {
        let page = visitor_of(&site, address).authorize(&wrong).await;
        assert_eq!(page.status, 403, "refused whether it is kept or not");
        assert_eq!(site.events().await.len(), kept, "{address}");
    }
    // What has happened is.
    let visitor = visitor_of(&site, "192.0.2.1");
    let login = visitor.follow(&visitor.authorize(&CODE).await).await;
    assert_eq!(visitor.log_in(&login).await.status, 303);
    assert_eq!(site.events().await, ["f", "f", "f", "s"]);
}

#[tokio::test]
async fn people_behind_a_proxy_are_not_one_place() {
    let site = start(AddressRates::default()).await;
    let attempt = |address: &'static str, password: &'static str| {
        let visitor = visitor_of(&site, address);
        async move {
            let login = visitor.follow(&visitor.authorize(&CODE).await).await;
            let inputs = [("username", EMAIL), ("password", password)];
            visitor.submit(&login, &inputs).await.status
        }
    };
    for _ in 0..10 {
        assert_eq!(attempt("192.0.2.1", "wrong").await, 400);
    }
    assert_eq!(attempt("192.0.2.1", PASSWORD).await, 429);
    assert_eq!(attempt("192.0.2.2", PASSWORD).await, 303);
    // What is said before a proxy of ours is invented.
    assert_eq!(attempt("192.0.2.9, 192.0.2.1", PASSWORD).await, 429);
}

/// Has so many places for a password taken until the tasks are aborted.
fn fill(site: &Site, places: usize) -> Vec<tokio::task::JoinHandle<()>> {
    let fill_one = |_: usize| {
        let passwords = site.passwords.clone();
        tokio::spawn(async move {
            loop {
                let password = Secret::new("taken".to_owned());
                if passwords.hash(password).await.is_err() {
                    tokio::task::yield_now().await;
                }
            }
        })
    };
    (0..places).map(fill_one).collect()
}

#[tokio::test]
async fn a_login_that_finds_no_place_counts_for_nothing() {
    let site = Site::start().await;
    let visitor = site.visitor();
    let login = visitor.follow(&visitor.authorize(&CODE).await).await;
    let flood = fill(&site, 80);
    tokio::task::yield_now().await;
    let inputs = [("username", EMAIL), ("password", "wrong")];
    let mut busy = 0;
    for _ in 0..30 {
        let refused = visitor.submit(&login, &inputs).await;
        let text = "Too many people are logging in. Please try again.";
        busy += i32::from(refused.status == 429 && refused.text.contains(text));
    }
    // A place may be free for a moment.
    assert!(busy > 20, "{busy}");
    // Accounts have places of their own.
    let body = json!({ "client_id": "web", "connection": CONNECTION,
        "email": "eve@example.com", "password": "12345678" });
    let answer = call(&site, "/dbconnections/signup", "", &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    for task in flood {
        task.abort();
    }
    let page = visitor.log_in(&login).await;
    assert_eq!(page.status, 303, "{}", page.text);
}

#[tokio::test]
async fn a_login_that_waited_through_a_change_of_its_password_is_none() {
    let site = Site::start().await;
    let (visitor, other) = (site.visitor(), site.visitor());
    let login = visitor.follow(&visitor.authorize(&CODE).await).await;
    let flood = fill(&site, 20);
    tokio::task::yield_now().await;
    let change = async {
        // By the time that these are answered, the login waits for its place.
        for _ in 0..3 {
            assert_eq!(other.get("/activate").await.status, 200);
        }
        let phc = Secret::new("$argon2id$another".to_owned());
        let identities = site.database.identities();
        let changed = identities
            .change_password(USER_ID, CONNECTION, &phc, 0)
            .await;
        assert!(changed.unwrap());
        for task in flood {
            task.abort();
        }
    };
    let (page, ()) = tokio::join!(visitor.log_in(&login), change);
    assert_eq!(page.status, 400, "{}", page.text);
    assert_eq!(page.header("set-cookie"), None);
}

//! What the guides type into a terminal, letter by letter: only hosts, ids and secrets are others.

use std::process::Stdio;

use portcullis_token::base64url;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::person::Person;
use crate::program::{Output, World};
use crate::session::{Session, token};

/// "Serverless Stack: How to add IAM authorization with Auth0": the login.
const LOGIN: &str = "https://myorg.us.auth0.com/authorize?response_type=code&client_id=UsGRQJJz5sDfPQDs6bhQ9Oc3hNISuVif&redirect_uri=http://localhost:5678&scope=openid%20profile";

/// The same: the tokens.
const EXCHANGE: &str = r#"curl --request POST \
  --url https://myorg.us.auth0.com/oauth/token \
  --data "grant_type=authorization_code&client_id=UsGRQJJz5sDfPQDs6bhQ9Oc3hNISuVif&client_secret=<CLIENT_SECRET>&code=EvaUxc_3vp-LZXDk&redirect_uri=http://localhost:5678""#;

/// "JWT and Auth0 with Tyk": a token of the application's own.
const CREDENTIALS: &str = r#"curl --request POST \
  --url https://dev-yjd8e8u5.us.auth0.com/oauth/token \
  --header 'content-type: application/json' \
  --data '{"client_id":{CLIENT_ID},"client_secret":{CLIENT_SECRET},"audience":{AUDIENCE},"grant_type":"client_credentials"}'"#;

/// "JWT and Auth0 with Tyk": the API.
const CALL_API: &str =
    r#"curl -X GET {API URL}  -H "Accept: application/json" -H "Authorization: Bearer {token}""#;

/// "Secure your API with Auth0" of Nitric: the API, once the token is there.
const CALL_NITRIC: &str =
    r#"curl -H "Authorization: Bearer <INSERT_TOKEN>" <INSERT_API_GATEWAY>/hello/world"#;

const PROJECT: &str = r#"
[authorizer.user]
issuer = "https://your-auth0-app.region.auth0.com"
audience = ["testing"]

[api.main]
auth = "user"
[api.main.routes]
"GET /hello/{name}" = { respond = "Hello {name}" }

[[tenant.application]]
name = "Guide"
type = "regular_web"
client_id = "UsGRQJJz5sDfPQDs6bhQ9Oc3hNISuVif"
client_secret = "a-secret-of-the-file"
callbacks = ["http://localhost:5678"]
logout_urls = ["http://localhost:5678"]
permissions = { testing = [] }

[[tenant.user]]
email = "ada@example.com"
password = "correct horse"
"#;

const CLIENT_ID: &str = "UsGRQJJz5sDfPQDs6bhQ9Oc3hNISuVif";

/// Runs a command as a terminal does, with nothing of the environment of this test.
async fn shell(command: &str) -> String {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", command])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = Output::of(&mut shell).await;
    assert_eq!(output.status, Some(0), "{command}: {output:?}");
    output.stdout
}

fn at(session: &Session, command: &str) -> String {
    let command = command.replace("https://myorg.us.auth0.com/", session.issuer());
    command.replace("https://dev-yjd8e8u5.us.auth0.com/", session.issuer())
}

/// A segment of a token that was had over a connection of this machine's own.
fn segment(token: &str, index: usize) -> Value {
    let segment = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&base64url::decode(segment.as_bytes()).unwrap()).unwrap()
}

fn names(object: &Value) -> Vec<&str> {
    let object = object.as_object().unwrap();
    let mut names: Vec<_> = object.keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// No `state`, no PKCE, no `audience`: an ID token, and an access token that says nothing.
#[tokio::test]
async fn a_code_of_the_address_bar_is_exchanged_by_curl() {
    let world = World::with_file(PROJECT);
    let session = Session::start(&world).await;
    let callback = Person::at(session.issuer())
        .open(&at(&session, LOGIN))
        .await;
    let code = callback
        .as_str()
        .strip_prefix("http://localhost:5678/?code=");
    let code = code.unwrap_or_else(|| panic!("{callback}"));
    let exchange = at(&session, EXCHANGE)
        .replace("<CLIENT_SECRET>", "a-secret-of-the-file")
        .replace("EvaUxc_3vp-LZXDk", code);
    let mut answer: Value = serde_json::from_str(&shell(&exchange).await).unwrap();

    let id_token = answer["id_token"].take();
    let id_token = id_token.as_str().unwrap();
    let access_token = answer["access_token"].take();
    assert_eq!(access_token.as_str().unwrap().len(), 32, "{access_token}");
    let rest = json!({
        "access_token": null,
        "id_token": null,
        "scope": "openid profile",
        "expires_in": 86400,
        "token_type": "Bearer",
    });
    assert_eq!(answer, rest);

    let header = segment(id_token, 0);
    assert_eq!(names(&header), ["alg", "kid", "typ"]);
    assert_eq!(header["kid"].as_str().unwrap().len(), 21, "{header}");
    let claims = segment(id_token, 1);
    let expected = [
        "aud",
        "exp",
        "iat",
        "iss",
        "name",
        "nickname",
        "picture",
        "sid",
        "sub",
        "updated_at",
    ];
    assert_eq!(names(&claims), expected);
    assert_eq!(claims["iss"], session.issuer());
    assert_eq!(claims["aud"], CLIENT_ID);
    assert_eq!(claims["nickname"], "ada");
    let lifetime = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
    assert_eq!(lifetime, 36_000);

    // The code was good once.
    let again: Value = serde_json::from_str(&shell(&exchange).await).unwrap();
    let refused = json!({
        "error": "invalid_grant",
        "error_description": "Invalid authorization code",
    });
    assert_eq!(again, refused);
}

#[tokio::test]
async fn credentials_as_json_bring_a_token_that_the_api_takes() {
    let world = World::with_file(PROJECT);
    let session = Session::start(&world).await;
    let command = at(&session, CREDENTIALS)
        .replace("{CLIENT_ID}", &json!(CLIENT_ID).to_string())
        .replace("{CLIENT_SECRET}", r#""a-secret-of-the-file""#)
        .replace("{AUDIENCE}", r#""testing""#);
    let answer: Value = serde_json::from_str(&shell(&command).await).unwrap();
    assert_eq!(names(&answer), ["access_token", "expires_in", "token_type"]);
    assert_eq!(answer["token_type"], "Bearer");
    let token = answer["access_token"].as_str().unwrap();
    let subject = format!("{CLIENT_ID}@clients");
    assert_eq!(segment(token, 1)["sub"], subject);
    let call = CALL_API
        .replace("{API URL}", &session.url("/hello/world"))
        .replace("{token}", token);
    assert_eq!(shell(&call).await, "Hello world");
}

#[tokio::test]
async fn the_api_answers_curl_with_a_token_only() {
    let world = World::with_file(PROJECT);
    let session = Session::start(&world).await;
    let call = CALL_NITRIC.replace("<INSERT_API_GATEWAY>", session.api());
    let token = token(&world, &[]).await;
    let call = call.replace("<INSERT_TOKEN>", &token);
    assert_eq!(shell(&call).await, "Hello world");
    // The guide's first call lacks the header's value, so that curl has no address.
    let bare = format!(
        "curl --write-out '%{{http_code}}' --output /dev/null {}/hello/world",
        session.api()
    );
    assert_eq!(shell(&bare).await, "401");
}

/// Where a person who is logged in ends, and which pages are shown on the way.
async fn log_out(session: &Session, url: &str) -> (String, Vec<String>) {
    let mut person = Person::at(session.issuer());
    let login = at(session, LOGIN);
    person.open(&login).await;
    person.seen.clear();
    // The session is there: nothing is asked.
    let callback = person.open(&login).await;
    assert!(callback.as_str().contains("?code="), "{callback}");
    assert_eq!(person.seen, [""; 0], "{url}");

    let end = person.open(url).await;
    let seen = std::mem::take(&mut person.seen);
    // The session is over: the password is asked for.
    person.open(&login).await;
    assert_eq!(person.seen, ["Welcome"], "{url}");
    (end.into(), seen)
}

/// As express-openid-connect does it, which sends neither an ID token nor its client id.
#[tokio::test]
async fn logout_goes_both_ways() {
    let tenant = "[tenant]\nlogout_urls = [\"http://localhost:5678\"]\n";
    let asks = PROJECT.to_owned() + tenant;
    let skips = asks.clone() + "logout_prompt = false\n";
    for (name, file, path, end, seen) in [
        (
            "Auth0's own",
            PROJECT,
            "v2/logout?returnTo=http://localhost:5678&client_id=UsGRQJJz5sDfPQDs6bhQ9Oc3hNISuVif",
            "http://localhost:5678/",
            &[][..],
        ),
        (
            "Auth0's own without an address",
            PROJECT,
            "v2/logout?client_id=UsGRQJJz5sDfPQDs6bhQ9Oc3hNISuVif",
            "http://localhost:5678/",
            &[],
        ),
        (
            "OpenID Connect's",
            &asks,
            "oidc/logout?post_logout_redirect_uri=http://localhost:5678",
            "http://localhost:5678/",
            &["Log out?"],
        ),
        (
            "OpenID Connect's without asking",
            &skips,
            "oidc/logout?post_logout_redirect_uri=http://localhost:5678",
            "http://localhost:5678/",
            &[],
        ),
    ] {
        let world = World::with_file(file);
        let session = Session::start(&world).await;
        let url = format!("{}{path}", session.issuer());
        let (ended, shown) = log_out(&session, &url).await;
        assert_eq!(ended, end, "{name}");
        assert_eq!(shown, seen, "{name}");
    }
}

//! What a person sees, each read before it was accepted.

use super::{page, problems};

macro_rules! assert_page {
    ($text:expr, @$page:literal) => {
        insta::assert_snapshot!(page($text), @$page);
    };
}

#[test]
fn a_syntax_error() {
    assert_page!("[server]\nlisten = 127.0.0.1:8080\n", @r#"
    error: not TOML: invalid float, expected nothing
     --> portcullis.toml:2:15
      |
    2 | listen = 127.0.0.1:8080
      |               ^^^^^^^^^
    "#);
}

#[test]
fn an_unknown_key() {
    assert_page!("[server]\nlisen = \"127.0.0.1:8080\"\nport = 8080\n", @r#"
    error: unknown key `lisen`
     --> portcullis.toml:2:1
      |
    2 | lisen = "127.0.0.1:8080"
      | ^^^^^
      |
      = hint: did you mean `listen`?

    error: unknown key `port`
     --> portcullis.toml:3:1
      |
    3 | port = 8080
      | ^^^^
      |
      = hint: the keys of [server] are `listen`, `url`, `workers`, `trusted_proxies`, `client_certificate_header`, `limit_headers`, `limits`, `tls`, `admin`, `drain`, `drain_delay`, `ready`
    "#);
}

#[test]
fn a_wrong_type() {
    assert_page!("[server]\nlisten = 8080\n", @r#"
    error: `listen` must be a string, not an integer
     --> portcullis.toml:2:10
      |
    2 | listen = 8080
      |          ^^^^ expected a string
    "#);
}

#[test]
fn a_missing_key() {
    assert_page!("[authorizer.user]\nissuer = \"https://example.com\"\n", @r#"
    error: `audience` is missing
     --> portcullis.toml:1:1
      |
    1 | [authorizer.user]
      | ^^^^^^^^^^^^^^^^^
      |
      = hint: write for example `audience = ["https://expenses-api"]`
    "#);
}

#[test]
fn a_variable_that_is_not_set() {
    assert_page!("[authorizer.user]\nissuer = \"https://${DOMAIN}/\"\naudience = [\"a\"]\n", @r#"
    error: `DOMAIN` is not set
     --> portcullis.toml:2:10
      |
    2 | issuer = "https://${DOMAIN}/"
      |          ^^^^^^^^^^^^^^^^^^^^
      |
      = hint: set it in the environment or in `.env`
    "#);
}

#[test]
fn an_audience_that_is_not_a_list() {
    assert_page!("[authorizer.user]\nissuer = \"https://a.example\"\naudience = \"api\"\n", @r#"
    error: `audience` must be a list of strings, not a string
     --> portcullis.toml:3:12
      |
    3 | audience = "api"
      |            ^^^^^ expected a list of strings
      |
      = hint: put it in brackets: `audience = ["…"]`
    "#);
}

#[test]
fn an_unknown_authorizer() {
    assert_page!(
        r#"
[authorizer.user]
issuer = "https://example.com"
audience = ["a"]
[api.main]
auth = { usr = ["read"] }
upstream = "http://localhost:3001"
"#,
        @r#"
        error: there is no authorizer `usr`
         --> portcullis.toml:6:10
          |
        6 | auth = { usr = ["read"] }
          |          ^^^
          |
          = hint: did you mean `user`?
        "#
    );
}

#[test]
fn a_route_without_auth() {
    assert_page!("[api.main.routes]\n\"GET /hello\" = { respond = \"Hello\" }\n", @r#"
    error: `GET /hello` has no `auth`, and neither has its API
     --> portcullis.toml:2:1
      |
    2 | "GET /hello" = { respond = "Hello" }
      | ^^^^^^^^^^^^ who may call this?
      |
      = hint: `auth = "none"` makes it public
    "#);
}

#[test]
fn two_routes_that_cannot_be_told_apart() {
    assert_page!(
        r#"
[api.one]
auth = "none"
[api.one.routes]
"GET /users/{id}" = { respond = "one" }

[api.two]
base = "/users"
auth = "none"
[api.two.routes]
"GET /:name" = { respond = "two" }
"#,
        @r#"
        error: `GET /users/{name}` cannot be told apart from another route
          --> portcullis.toml:11:1
           |
         5 | "GET /users/{id}" = { respond = "one" }
           | ----------------- …are already answered here
        ...
        11 | "GET /:name" = { respond = "two" }
           | ^^^^^^^^^^^^ these requests…
        "#
    );
}

#[test]
fn two_upstreams_on_one_base() {
    assert_page!(
        r#"
[api.one]
auth = "none"
upstream = "http://localhost:3001"
[api.two]
auth = "none"
upstream = "http://localhost:3002"
"#,
        @r#"
        error: `ANY /` cannot be told apart from another route
         --> portcullis.toml:7:1
          |
        4 | upstream = "http://localhost:3001"
          | -------- …are already answered here
        ...
        7 | upstream = "http://localhost:3002"
          | ^^^^^^^^ these requests…
        "#
    );
}

#[test]
fn an_unknown_parameter() {
    assert_page!(
        r#"
[api.main]
auth = "none"
routes = { "GET /{greeting}/{name}" = { respond = "{greeting} {nmae}" } }
"#,
        @r#"
        error: the path has no parameter `nmae`
         --> portcullis.toml:4:51
          |
        4 | routes = { "GET /{greeting}/{name}" = { respond = "{greeting} {nmae}" } }
          |                                                   ^^^^^^^^^^^^^^^^^^^
          |
          = hint: the parameters of the path are `greeting`, `name`
        "#
    );
}

#[test]
fn a_key_for_later_and_a_function() {
    assert_page!(
        "[site.web]\nrate = \"1000/1m\"\n[api.main]\nauth = \"none\"\nroutes = { \"GET /\" = \"functions/hello\" }\n",
        @r#"
        error: `site` is not available in this version
         --> portcullis.toml:1:2
          |
        1 | [site.web]
          |  ^^^^

        error: `GET /` must be a file without its ending, a dot and an export
         --> portcullis.toml:5:22
          |
        5 | routes = { "GET /" = "functions/hello" }
          |                      ^^^^^^^^^^^^^^^^^
          |
          = hint: write for example `functions/hello.main`
        "#
    );
}

#[test]
fn everything_that_is_wrong_at_once() {
    assert_page!(
        r#"
[server]
listen = "8080"
[authorizer.user]
isuer = "https://example.com"
audience = []
algorithms = ["HS256", "RS265"]
leeway = "10m"
[api.main]
auth = "user"
[api.main.routes]
"get /a/" = { respond = "{" }
"GET /b" = { respond = "b", upstream = "localhost:3001" }
"#,
        @r#"
        error: `listen` must be an IP address and a port
         --> portcullis.toml:3:10
          |
        3 | listen = "8080"
          |          ^^^^^^
          |
          = hint: write for example `127.0.0.1:8080` or `[::1]:8080`

        error: `issuer` is missing
         --> portcullis.toml:4:1
          |
        4 | [authorizer.user]
          | ^^^^^^^^^^^^^^^^^
          |
          = hint: write for example `issuer = "https://tenant.example.com/"`

        error: unknown key `isuer`
         --> portcullis.toml:5:1
          |
        5 | isuer = "https://example.com"
          | ^^^^^
          |
          = hint: did you mean `issuer`?

        error: `audience` must not be empty
         --> portcullis.toml:6:12
          |
        6 | audience = []
          |            ^^

        error: the HMAC algorithms are not accepted: whoever checks could also sign
         --> portcullis.toml:7:15
          |
        7 | algorithms = ["HS256", "RS265"]
          |               ^^^^^^^
          |
          = hint: let the issuer sign with RS256 or another of its public-key algorithms; a `secret` that it shares with you is the only key for HS256

        error: not a supported signature algorithm
         --> portcullis.toml:7:24
          |
        7 | algorithms = ["HS256", "RS265"]
          |                        ^^^^^^^
          |
          = hint: did you mean `RS256`?

        error: `leeway` must be `300s` at most
         --> portcullis.toml:8:10
          |
        8 | leeway = "10m"
          |          ^^^^^

        error: a method is written in upper case
          --> portcullis.toml:12:1
           |
        12 | "get /a/" = { respond = "{" }
           | ^^^^^^^^^
           |
           = hint: write `GET`

        error: a path does not end with `/`
          --> portcullis.toml:12:1
           |
        12 | "get /a/" = { respond = "{" }
           | ^^^^^^^^^
           |
           = hint: leave out the last `/`

        error: a route has one target, this one has two
          --> portcullis.toml:13:29
           |
        13 | "GET /b" = { respond = "b", upstream = "localhost:3001" }
           |              -------        ^^^^^^^^
           |              |
           |              the other one
        "#
    );
}

#[test]
fn what_comes_from_the_environment_is_never_shown() {
    let secret = "the-secret-of-the-environment";
    for text in [
        "[server]\nlisten = \"${WEB_CLIENT_SECRET}\"\n",
        "[server]\ntrusted_proxies = [\"${WEB_CLIENT_SECRET}\"]\nlimits.body = \"${WEB_CLIENT_SECRET}\"\n",
        "[authorizer.a]\nissuer = \"${WEB_CLIENT_SECRET}\"\naudience = \"${WEB_CLIENT_SECRET}\"\n",
        "[authorizer.a]\ntype = \"${WEB_CLIENT_SECRET}\"\n",
        "[authorizer.a]\nalgorithms = [\"${WEB_CLIENT_SECRET}\"]\nleeway = \"${WEB_CLIENT_SECRET}\"\n",
        "[authorizer.the-secret-of-the-environmen]\n[api.a]\nauth = \"${WEB_CLIENT_SECRET}\"\n",
        "[authorizer.a]\n[api.a]\nauth = { a = [\"${WEB_CLIENT_SECRET} \"] }\n",
        "[api.a]\nbase = \"${WEB_CLIENT_SECRET}\"\nupstream = \"${WEB_CLIENT_SECRET}\"\n",
        "[api.a]\ntoken = \"${WEB_CLIENT_SECRET}\"\n",
        "[api.a.routes]\n\"GET /{a}\" = { respond = \"{${WEB_CLIENT_SECRET}}\", auth = \"none\" }\n",
        "[[tenant.user]]\nemail = \"${WEB_CLIENT_SECRET}\"\npassword = \"${WEB_CLIENT_SECRET}\"\n",
        "[[tenant.application]]\ntype = \"${WEB_CLIENT_SECRET}\"\nclient_id = \"${WEB_CLIENT_SECRET} \"\n",
        "[[tenant.application]]\ncallbacks = [\"${WEB_CLIENT_SECRET}\"]\n",
    ] {
        let page = page(text);
        assert!(page.contains("${WEB_CLIENT_SECRET}"), "{page}");
        assert!(!page.contains(secret), "{page}");
        assert!(!problems(text).concat().contains(secret), "{text}");
    }
}

//! Single values: both sides of each rule.

use std::time::Duration;

use super::{USER, problems, read};
use crate::*;

/// The errors of a file, without their place and hint.
fn errors(text: &str) -> Vec<String> {
    let message = |line: String| {
        let line = line.strip_prefix("error ")?.split_once(' ')?.1.to_owned();
        Some(line.split(" (").next().unwrap_or_default().to_owned())
    };
    problems(text).into_iter().filter_map(message).collect()
}

pub(super) fn assert_cases(cases: &[(&str, &str)], file: impl Fn(&str) -> String) {
    for (value, expected) in cases {
        let expected: &[&str] = if expected.is_empty() {
            &[]
        } else {
            &[*expected]
        };
        assert_eq!(errors(&file(value)), expected, "{value}");
    }
}

fn jwt(line: &str) -> String {
    let used = "[api.main]\nauth = \"user\"\nupstream = \"http://localhost:1\"\n";
    format!("{USER}{line}\n{used}")
}

fn read_jwt(line: &str) -> JwtAuthorizer {
    let AuthorizerKind::Jwt(jwt) = read(&jwt(line)).config.authorizers.remove(0).kind;
    jwt
}

#[test]
fn the_server_listens_where_it_is_told() {
    let text = "[server]\nlisten = \"[::1]:9000\"\nworkers = 0x10\n\
                trusted_proxies = [\"10.0.0.0/8\", \"::1\"]\nlimits.body = \"512KiB\"\n";
    let server = read(text).config.server;
    assert_eq!(server.listen.to_string(), "[::1]:9000");
    assert_eq!(server.workers.map(usize::from), Some(16));
    assert_eq!(server.limits.body, 512 * 1024);
    let proxies: Vec<_> = server
        .trusted_proxies
        .iter()
        .map(Network::to_string)
        .collect();
    assert_eq!(proxies, ["10.0.0.0/8", "::1/128"]);
}

#[test]
fn the_server_has_limits() {
    let count = "`workers` must be a whole number from 1 to 1024";
    assert_cases(
        &[
            ("workers = 1", ""),
            ("workers = 1024", ""),
            ("workers = 0", count),
            ("workers = 1025", count),
            ("workers = -1", count),
            ("workers = 99999999999999999999", count),
            (
                "listen = \"localhost:8080\"",
                "`listen` must be an IP address and a port",
            ),
            (
                "listen = \"127.0.0.1\"",
                "`listen` must be an IP address and a port",
            ),
            (
                "listen = \":8080\"",
                "`listen` must be an IP address and a port",
            ),
            ("limits = { body = \"10MB\" }", "`body` must be a size"),
            (
                "limits = { body = 10 }",
                "`body` must be a string, not an integer",
            ),
            (
                "trusted_proxies = [\"10.0.0.1/8\"]",
                "an entry of `trusted_proxies` has bits set after its prefix",
            ),
        ],
        |line| format!("[server]\n{line}\n"),
    );
}

#[test]
fn leeway_ends_at_five_minutes() {
    for (text, expected) in [("0s", 0), ("500ms", 500), ("1m", 60_000), ("300s", 300_000)] {
        let jwt = read_jwt(&format!("leeway = \"{text}\""));
        assert_eq!(jwt.leeway, Duration::from_millis(expected), "{text}");
    }
    let most = "`leeway` must be `300s` at most";
    assert_cases(
        &[
            ("5m", ""),
            ("301s", most),
            ("300001ms", most),
            ("1d", most),
            ("5", "`leeway` must be a duration"),
            ("-5s", "`leeway` must be a duration"),
        ],
        |value| jwt(&format!("leeway = \"{value}\"")),
    );
}

#[test]
fn algorithms_are_public_key_algorithms() {
    let jwt_with = read_jwt("algorithms = [\"ES384\", \"RS256\"]");
    let names: Vec<_> = jwt_with
        .algorithms
        .iter()
        .map(|algorithm| algorithm.name())
        .collect();
    assert_eq!(names, ["ES384", "RS256"]);
    let none = "`none` is no signature: anybody could write such a token";
    let hmac = "the HMAC algorithms are not accepted: whoever checks could also sign";
    let unknown = "not a supported signature algorithm";
    assert_cases(
        &[
            ("[]", "`algorithms` must not be empty"),
            (
                "\"RS256\"",
                "`algorithms` must be a list of algorithms, not a string",
            ),
            ("[\"none\"]", none),
            ("[\"None\"]", none),
            ("[\"HS256\"]", hmac),
            ("[\"hs512\"]", hmac),
            ("[\"rs256\"]", unknown),
            ("[\"\u{e9}\u{e9}\"]", unknown),
            ("[\"\"]", unknown),
        ],
        |value| jwt(&format!("algorithms = {value}")),
    );
}

#[test]
fn an_audience_is_a_list() {
    let list = "`audience` must be a list of strings, not a string";
    assert_cases(
        &[
            ("[\"a\", \"b\"]", ""),
            ("\"any\"", ""),
            ("\"a\"", list),
            ("\"${ANY}\"", list),
            ("[]", "`audience` must not be empty"),
            ("[\"\"]", "an entry of `audience` is empty"),
            ("[\"${EMPTY}\"]", "an entry of `audience` is empty"),
            (
                "[1]",
                "an entry of `audience` must be a string, not an integer",
            ),
        ],
        |value| jwt("").replace("[\"a\"]", value),
    );
}

#[test]
fn an_issuer_is_an_address_or_given_up_in_words() {
    assert_cases(
        &[
            (
                "\"https://example.com/.well-known/openid-configuration\"",
                "",
            ),
            ("\"http://localhost:4000/\"", ""),
            (
                "\"any\"",
                "`issuer = \"any\"` needs `jwks`, `jwks_file` or `secret`",
            ),
            ("\"any\"\njwks = \"https://example.com/keys\"", ""),
            // A variable cannot give up a check.
            (
                "\"${ANY}\"",
                "`issuer` must begin with `https://` or `http://`",
            ),
            (
                "\"example.com\"",
                "`issuer` must begin with `https://` or `http://`",
            ),
            (
                "\"https://user@example.com\"",
                "`issuer` must not hold a user name or a password",
            ),
            (
                "\"https://example.com/?a\"",
                "`issuer` must not hold a query or a fragment",
            ),
            (
                "\"https://example.com\"\njwks = \"http://example.com/keys\"",
                "`jwks` must be https: plain http is accepted on a loopback host only",
            ),
            (
                "\"any\"\njwks = \"keys\"",
                "`jwks` must begin with `https://` or `http://`",
            ),
        ],
        |value| jwt("").replace("\"https://example.com/\"", value),
    );
}

#[test]
fn names_are_short_and_plain() {
    let letters = "the name of an API is 1 to 64 letters, digits, `_` and `-`";
    let long = "a".repeat(64);
    assert_cases(
        &[
            (long.as_str(), ""),
            (format!("{long}a").as_str(), letters),
            ("A-b_9", ""),
            ("\"\"", letters),
            ("\"a b\"", letters),
            ("\"\u{e9}\"", letters),
            (
                "none",
                "`none` has a meaning of its own and cannot name an API",
            ),
            (
                "any",
                "`any` has a meaning of its own and cannot name an API",
            ),
        ],
        |name| format!("[api.{name}]\nauth = \"none\"\nupstream = \"http://localhost:1\"\n"),
    );
    let text = "[authorizer.none]\nissuer = \"https://example.com\"\naudience = [\"a\"]\n";
    let message = "`none` has a meaning of its own and cannot name an authorizer";
    assert_eq!(errors(text), [message]);
}

#[test]
fn a_claim_is_put_into_headers_of_its_own_only() {
    let forbidden = |name: &str| format!("the header `{name}` cannot carry a claim");
    let token = "a header's name is letters, digits and ``!#$%&'*+-.^_`|~``";
    assert_cases(
        &[
            ("x-user = \"sub\"", ""),
            ("x-user = \"sub\", x-scope = \"scope\"", ""),
            ("Host = \"sub\"", &forbidden("Host")),
            ("content-length = \"sub\"", &forbidden("content-length")),
            (
                "Transfer-Encoding = \"sub\"",
                &forbidden("Transfer-Encoding"),
            ),
            ("authorization = \"sub\"", &forbidden("authorization")),
            ("cookie = \"sub\"", &forbidden("cookie")),
            ("\"x user\" = \"sub\"", token),
            ("\"\" = \"sub\"", token),
            ("\"x\\r\\ny\" = \"sub\"", token),
            (
                "x-user = \"sub\", X-User = \"name\"",
                "the header `X-User` is named twice",
            ),
            (
                "x-user = \"sub\", x_user = \"name\"",
                "the header `x_user` is named twice",
            ),
            ("x-user = \"\"", "`x-user` is empty"),
        ],
        |pairs| {
            let rest = "auth = \"none\"\nupstream = \"http://localhost:1\"";
            format!("[api.main]\n{rest}\nidentity = {{ {pairs} }}\n")
        },
    );
}

fn route(key: &str, rest: &str) -> String {
    format!("[api.main]\nauth = \"none\"\n[api.main.routes]\n\"{key}\" = {{ {rest} }}\n")
}

#[test]
fn a_route_is_a_method_and_a_path() {
    let method = "a method is written in upper case";
    assert_cases(
        &[
            ("GET /", ""),
            ("ANY /a/{b+}", ""),
            ("M-SEARCH /a", ""),
            ("/a", "`/a` is not a route"),
            ("GET", "`GET` is not a route"),
            ("GET/a", "`GET/a` is not a route"),
            ("get /a", method),
            ("Get /a", method),
            (" /a", "`` is not a method"),
            ("G(T /a", "`G(T` is not a method"),
            ("* /a", "`*` is not a method"),
            ("CONNECT /a", "`CONNECT` requests are never forwarded"),
            ("TRACE /a", "`TRACE` requests are never forwarded"),
            ("GET  /a", "a path begins with `/`"),
            ("GET a", "a path begins with `/`"),
            (
                "GET /a ",
                "a path holds only characters that need no encoding, and `%XX`",
            ),
            ("GET /a/", "a path does not end with `/`"),
            ("GET /a/{b}/{b}", "two parameters have the same name"),
        ],
        |key| route(key, "respond = \"\""),
    );
}

#[test]
fn a_route_has_one_target() {
    assert_cases(
        &[
            ("respond = \"\"", ""),
            ("upstream = \"http://localhost:1\"", ""),
            ("upstream = \"https://example.com/a\"", ""),
            (
                "",
                "`GET /a/{b}` has no target, and its API has no `upstream`",
            ),
            (
                "respond = \"\", upstream = \"http://localhost:1\"",
                "a route has one target, this one has two",
            ),
            (
                "upstream = \"localhost:1\"",
                "`upstream` must begin with `https://` or `http://`",
            ),
            (
                "upstream = \"http://a:b@c\"",
                "`upstream` must not hold a user name or a password",
            ),
            (
                "upstream = \"http://a?b\"",
                "`upstream` must not hold a query or a fragment",
            ),
            ("respond = \"{b}\"", ""),
            ("respond = \"{a}\"", "the path has no parameter `a`"),
            (
                "respond = \"{\"",
                "`{` and `}` must be around a parameter's name",
            ),
            ("site = \"Site\"", "`site` is not available in this version"),
            ("respnd = \"\"", "unknown key `respnd`"),
        ],
        |rest| route("GET /a/{b}", rest),
    );
}

#[test]
fn an_api_begins_at_its_base() {
    for (base, expected) in [("/", ""), ("/httpbin", "/httpbin"), ("/a/b/", "/a/b")] {
        let text = format!(
            "[api.main]\nbase = \"{base}\"\nauth = \"none\"\n\
             routes = {{ \"GET /\" = {{ respond = \"\" }}, \"GET /x\" = {{ respond = \"\" }} }}\n"
        );
        let api = read(&text).config.apis.remove(0);
        assert_eq!(api.base, expected, "{base}");
        let paths: Vec<_> = api
            .routes
            .iter()
            .map(|route| route.path.to_string())
            .collect();
        let root = if expected.is_empty() { "/" } else { expected };
        assert_eq!(paths, [root.to_owned(), format!("{expected}/x")], "{base}");
    }
    let empty = "`base`: a path has no empty segments";
    assert_cases(
        &[
            ("httpbin", "`base`: a path begins with `/`"),
            ("", "`base`: a path begins with `/`"),
            ("//", empty),
            ("/a//", empty),
            ("/a//b", empty),
            ("/../a", "`base`: a path has no `.` or `..` segments"),
            ("/{a}", "`base` must not have parameters"),
        ],
        |base| {
            let rest = "auth = \"none\"\nupstream = \"http://localhost:1\"";
            format!("[api.main]\nbase = \"{base}\"\n{rest}\n")
        },
    );
}

#[test]
fn an_api_needs_something_to_answer_with() {
    let message = "the API has neither routes nor an upstream";
    for text in [
        "[api.main]\nauth = \"none\"\n",
        "[api.main]\nauth = \"none\"\nroutes = {}\n",
    ] {
        assert_eq!(errors(text), [message], "{text}");
    }
}

#[test]
fn a_conflict_is_found_beside_other_mistakes() {
    let text = "[api.main]\nauth = \"none\"\n[api.main.routes]\n\"GET /{a}\" = { respond = \"\" }\n\
                \"GET /:b\" = { respond = \"\" }\n\"GET c\" = { respond = \"\" }\n\
                \"POST /{a}\" = { respond = \"\" }\n\"ANY /{a}\" = { respond = \"\" }\n";
    let conflict = "`GET /{b}` cannot be told apart from another route";
    assert_eq!(errors(text), [conflict, "a path begins with `/`"]);
}

#[test]
fn a_route_that_is_written_replaces_the_one_that_the_upstream_implies() {
    let text = "[api.main]\nupstream = \"http://localhost:1\"\nauth = \"none\"\n[api.main.routes]\n\
                \"ANY /\" = { respond = \"home\" }\n\"GET /{id+}\" = { auth = \"none\" }\n";
    let api = read(text).config.apis.remove(0);
    let routes: Vec<_> = api
        .routes
        .iter()
        .map(|route| {
            let target = matches!(route.target, Target::Upstream(_));
            format!(
                "{} {} {target} {}",
                route.methods, route.path, route.origin.line
            )
        })
        .collect();
    assert_eq!(
        routes,
        ["ANY / false 5", "GET /{id+} true 6", "ANY /{rest+} true 2"]
    );
}

#[test]
fn variables_are_filled_in_once() {
    let text = route(
        "GET /{name}",
        "respond = \"$${USER} ${USER} ${BRACES} {name}\"",
    )
    .replace("$${USER} ", "");
    let target = read(&text).config.apis.remove(0).routes.remove(0).target;
    let parts = vec![
        TemplatePart::Text("user {name} ${USER} { ".to_owned()),
        TemplatePart::Parameter("name".to_owned()),
    ];
    assert_eq!(target, Target::Respond(Template { parts }));
    let name = read("name = \"$${USER} ${USER}\"\n").config.name;
    assert_eq!(name.as_deref(), Some("${USER} user"));
    assert_cases(
        &[
            ("${UNSET}", "`UNSET` is not set"),
            (
                "${USER",
                "`${` must be followed by a variable's name and `}`",
            ),
            (
                "${api.Api.url}",
                "`${` must be followed by a variable's name and `}`",
            ),
        ],
        |value| format!("name = \"{value}\"\n"),
    );
    let found = errors("name = \"${UNSET} ${OTHER}\"\n");
    assert_eq!(found, ["`UNSET` is not set", "`OTHER` is not set"]);
}

#[test]
fn users_and_applications_are_checked() {
    let application =
        |rest: &str| format!("[[tenant.application]]\nname = \"a\"\ntype = \"spa\"\n{rest}\n");
    let unusable =
        |name: &str| format!("an entry of `{name}` is not an address that can be used here");
    assert_cases(
        &[
            ("client_id = \"a\"", ""),
            (
                "client_id = \"\"",
                "`client_id` must be printable ASCII without spaces",
            ),
            (
                "client_id = \"a b\"",
                "`client_id` must be printable ASCII without spaces",
            ),
            ("client_secret = \"\"", "`client_secret` is empty"),
            (
                "client_secret = \"file:/run/secret\"",
                "a secret in a file is not available in this version",
            ),
            (
                "callbacks = [\"http://localhost:3000/callback?a=b\", \"com.example.app:/x\"]",
                "",
            ),
            ("callbacks = [\"/callback\"]", &unusable("callbacks")),
            (
                "callbacks = [\"http://localhost/#a\"]",
                &unusable("callbacks"),
            ),
            (
                "callbacks = [\"javascript:alert(1)\"]",
                &unusable("callbacks"),
            ),
            (
                "callbacks = [\" http://localhost\"]",
                &unusable("callbacks"),
            ),
            ("web_origins = [\"http://localhost:3000\"]", ""),
            (
                "web_origins = [\"http://localhost:3000/a\"]",
                &unusable("web_origins"),
            ),
            (
                "web_origins = [\"http://localhost?a\"]",
                &unusable("web_origins"),
            ),
            (
                "web_origins = [\"com.example.app:/\"]",
                &unusable("web_origins"),
            ),
            (
                "permissions = { a = [\"b c\"] }",
                "an entry of `a` is not one scope",
            ),
        ],
        application,
    );
    let twice = format!("{0}{0}", application("client_id = \"a\""));
    assert_eq!(
        errors(&twice),
        ["another application has the same client_id"]
    );

    let user = |email: &str| format!("[[tenant.user]]\nemail = \"{email}\"\npassword = \"p\"\n");
    let address = "`email` is not an e-mail address";
    assert_cases(
        &[
            ("a@b", ""),
            ("a", address),
            ("@b", address),
            ("a@", address),
            ("a b@c", address),
        ],
        user,
    );
    let twice = format!("{}{}", user("a@b"), user("A@B"));
    assert_eq!(errors(&twice), ["another user has the same e-mail address"]);
    assert_eq!(read(&user("a@b")).warnings.len(), 0);
}

#[test]
fn only_the_imitation_of_api_gateway_is_strict() {
    assert_cases(
        &[
            ("errors = \"aws\"\naws_strict = true", ""),
            ("aws_strict = false", ""),
            (
                "aws_strict = true",
                "`aws_strict` is only for `errors = \"aws\"`",
            ),
            (
                "errors = \"tyk\"\naws_strict = true",
                "`aws_strict` is only for `errors = \"aws\"`",
            ),
        ],
        |lines| {
            format!(
                "[api.main]\nauth = \"none\"\n{lines}\n[api.main.routes]\n\"GET /\" = {{ respond = \"\" }}\n"
            )
        },
    );
}

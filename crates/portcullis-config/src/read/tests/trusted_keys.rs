//! Where keys come from and how they are kept, both sides of each rule.

use std::time::Duration;

use portcullis_token::{Algorithm, Secret};

use super::{USER, page, problems, read};
use crate::*;

const USED: &str = "[api.main]\nauth = \"user\"\nupstream = \"http://localhost:1\"\n";
const THUMBPRINT: &str = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";

fn file(lines: &str) -> String {
    format!("{USER}{lines}\n{USED}")
}

fn any_issuer(lines: &str) -> String {
    let user = USER.replace("https://example.com/", "any");
    format!("{user}{lines}\n{USED}")
}

fn jwt(lines: &str) -> JwtAuthorizer {
    let AuthorizerKind::Jwt(jwt) = read(&file(lines)).config.authorizers.remove(0).kind;
    jwt
}

/// The secret that the file gives, and what it is for.
fn secret(lines: &str) -> (SharedSecret, Vec<Algorithm>) {
    let jwt = jwt(lines);
    let KeySource::Secret(secret) = jwt.keys else {
        panic!("{:?}", jwt.keys)
    };
    (secret, jwt.algorithms)
}

#[test]
fn a_secret_is_for_one_algorithm_alone_and_as_long_as_its_hash() {
    let file_of = |path: &str| SharedSecret::File(path.to_owned());
    assert_eq!(
        secret("secret = \"file:/run/${USER}\""),
        (file_of("/run/user"), vec![Algorithm::Hs256])
    );
    for (name, algorithm, length) in [
        ("HS256", Algorithm::Hs256, 32),
        ("HS384", Algorithm::Hs384, 48),
        ("HS512", Algorithm::Hs512, 64),
    ] {
        let lines = |text: &str| format!("algorithms = [\"{name}\"]\nsecret = \"{text}\"");
        let long = "x".repeat(length);
        let given = SharedSecret::Given(Secret::new(long.clone()));
        assert_eq!(secret(&lines(&long)), (given, vec![algorithm]));
        let short = problems(&file(&lines(&"x".repeat(length - 1))));
        let expected = format!(
            "error 5:10 `secret` is shorter than {length} bytes, which {name} needs \
             (make one: `openssl rand -hex 64`)"
        );
        assert!(short.contains(&expected), "{short:?}");
    }
}

#[test]
fn a_secret_is_never_shown_and_comes_from_the_environment_or_a_file() {
    let written = "0123456789abcdef0123456789abcdef";
    let warning = "warning 4:10 the secret stands in the file: whoever reads it can make tokens \
                   (write `${NAME}`, or `file:PATH`)";
    let text = file(&format!("secret = \"{written}\""));
    assert_eq!(problems(&text), [warning]);
    assert!(!format!("{:?}", read(&text).config).contains(written));

    // Twenty-nine bytes from the environment and three of the file.
    let partly = "secret = \"${WEB_CLIENT_SECRET}abc\"";
    assert!(problems(&file(partly)).is_empty());
    let short = page(&file("secret = \"${WEB_CLIENT_SECRET}\""));
    assert!(!short.contains("the-secret-of-the-environment"), "{short}");
}

#[test]
fn keys_come_from_one_place() {
    let keys = jwt("jwks_file = \"${USER}.json\"").keys;
    assert_eq!(keys, KeySource::File("user.json".to_owned()));
    assert_eq!(jwt("").keys, KeySource::Discovery);
    let hmac = "the algorithms of a `secret` are HS256, HS384 and HS512";
    for (lines, expected) in [
        (
            "jwks = \"https://a.example/\"\nsecret = \"file:a\"",
            "error 5:1 `secret` and `jwks` are two places of keys, and there is one",
        ),
        (
            "jwks = \"https://a.example/\"\njwks_file = \"a\"",
            "error 5:1 `jwks_file` and `jwks` are two places of keys, and there is one",
        ),
        ("jwks_file = \"\"", "error 4:13 `jwks_file` is empty"),
        ("secret = \"\"", "error 4:10 `secret` is empty"),
        ("secret = \"file:\"", "error 4:10 `secret` names no file"),
        (
            "secret = \"file:a\"\nalgorithms = [\"RS256\"]",
            &format!("error 5:15 {hmac}"),
        ),
        (
            "secret = \"file:a\"\nalgorithms = [\"HS256\", \"HS384\"]",
            "error 5:14 a secret is for one algorithm alone",
        ),
        (
            "secret = \"file:a\"\nalgorithms = []",
            "error 5:14 `algorithms` must not be empty",
        ),
    ] {
        assert_eq!(problems(&file(lines)), [expected], "{lines}");
    }
}

#[test]
fn fetched_keys_are_kept_as_the_file_says() {
    assert_eq!(jwt("").fetching, Fetching::default());
    assert_eq!(Fetching::default().max_stale, Duration::from_hours(24));
    let all = "max_stale = \"0s\"\nsnapshot = \"a.json\"\nstart = \"fail\"\nstart_wait = \"10m\"\n\
               ready = \"optional\"";
    let expected = Fetching {
        max_stale: Duration::ZERO,
        snapshot: Some("a.json".to_owned()),
        start: Start::Fail(Some(Duration::from_mins(10))),
        readiness: Readiness::Optional,
    };
    assert_eq!(jwt(all).fetching, expected);
    assert_eq!(jwt("start = \"fail\"").fetching.start, Start::Fail(None));
    let wait = |seconds| Start::Wait(Duration::from_secs(seconds));
    assert_eq!(jwt("start = \"wait\"").fetching.start, wait(30));
    let short = jwt("start = \"wait\"\nstart_wait = \"1s\"").fetching.start;
    assert_eq!(short, wait(1));
    assert_eq!(
        jwt("max_stale = \"30d\"").fetching.max_stale,
        Duration::from_hours(720)
    );
    let needs = "error 4:1 `start_wait` needs `start = \"wait\"` or `start = \"fail\"`";
    let given =
        |name| format!("error 5:1 `{name}` is about keys that are fetched, and these are given");
    for (lines, expected) in [
        (
            "max_stale = \"31d\"",
            "error 4:13 `max_stale` must be `30d` at most",
        ),
        ("start_wait = \"5s\"", needs),
        ("start_wait = \"5s\"\nstart = \"lazy\"", needs),
        (
            "start = \"wait\"\nstart_wait = \"999ms\"",
            "error 5:14 `start_wait` must be from `1s` to `10m`",
        ),
        (
            "start = \"wait\"\nstart_wait = \"601s\"",
            "error 5:14 `start_wait` must be from `1s` to `10m`",
        ),
        (
            "secret = \"file:a\"\nmax_stale = \"1h\"",
            &given("max_stale"),
        ),
        ("secret = \"file:a\"\nstart = \"lazy\"", &given("start")),
        ("jwks_file = \"a\"\nsnapshot = \"b\"", &given("snapshot")),
        ("jwks_file = \"a\"\nready = \"optional\"", &given("ready")),
        (
            "ready = \"no\"",
            "error 4:9 `ready` must be `required` or `optional`",
        ),
    ] {
        assert_eq!(problems(&file(lines)), [expected], "{lines}");
    }
}

#[test]
fn a_snapshot_holds_the_keys_of_one_place() {
    let second = |rest: &str| {
        let user = USER.replace("user", "other");
        let used = USED.replace("\"user\"", "[\"user\", \"other\"]");
        format!("{USER}snapshot = \"a\"\n{user}snapshot = \"a\"\n{rest}\n{used}")
    };
    assert!(problems(&second("leeway = \"1s\"")).is_empty());
    let clash = "error 8:12 the authorizer `user` keeps other keys there";
    for rest in ["max_stale = \"1h\"", "jwks = \"https://a.example/\""] {
        assert_eq!(problems(&second(rest)), [clash], "{rest}");
    }
}

#[test]
fn a_key_is_distrusted_by_its_id_and_by_its_thumbprint() {
    let keys = jwt(&format!("distrust = [\"2026-01\", \"{THUMBPRINT}\"]")).distrust;
    assert_eq!(keys.ids, ["2026-01", THUMBPRINT]);
    assert_eq!(keys.thumbprints.len(), 1);
    assert_eq!(jwt("").distrust, DistrustedKeys::default());

    let jwks = "jwks_file = \"a\"\n";
    let by_thumbprint = any_issuer(&format!("{jwks}distrust = [\"{THUMBPRINT}\"]"));
    let parsed = read(&by_thumbprint);
    let AuthorizerKind::Jwt(jwt) = &parsed.config.authorizers[0].kind;
    assert!(jwt.distrust.ids.is_empty() && jwt.distrust.thumbprints.len() == 1);
    let by_id = problems(&any_issuer(&format!("{jwks}distrust = [\"2026-01\"]")));
    let expected = "error 5:13 the id of a key needs an `issuer`: ids are unique within an issuer \
                    only (write the key's thumbprint (RFC 7638))";
    assert!(by_id.contains(&expected.to_owned()), "{by_id:?}");
    assert_eq!(
        problems(&file("secret = \"file:a\"\ndistrust = [\"a\"]")),
        ["error 5:1 a `secret` has no other keys to trust instead: replace it"]
    );
    let most = |count: usize| file(&format!("distrust = [{}]", "\"a\",".repeat(count)));
    assert!(problems(&most(1_000)).is_empty());
    let too_many = "error 4:12 `distrust` must not have more than 1000 entries";
    assert_eq!(problems(&most(1_001)), [too_many]);
}

#[test]
fn a_realm_fits_a_quoted_string() {
    let api = |realm: &str| {
        let used = USED.replace("auth =", &format!("realm = {realm}\nauth ="));
        format!("{USER}{used}")
    };
    assert_eq!(
        read(&api("\"my orders\"")).config.apis[0].realm.as_deref(),
        Some("my orders")
    );
    assert_eq!(read(&file("")).config.apis[0].realm, None);
    let long = |length| format!("\"{}\"", "r".repeat(length));
    assert!(problems(&api(&long(100))).is_empty());
    let bad =
        "error 5:9 `realm` must be at most 100 printable ASCII characters without `\"` and `\\`";
    for realm in [&long(101), "'a\"b'", "'a\\b'", "\"\u{e9}\"", "\"a\\nb\""] {
        assert_eq!(problems(&api(realm)), [bad], "{realm}");
    }
    assert_eq!(problems(&api("\"\"")), ["error 5:9 `realm` is empty"]);
}

#[test]
fn the_path_of_readiness_is_no_routes() {
    let text = |ready: &str| {
        format!(
            "[server]\nready = \"{ready}\"\n[api.main]\nauth = \"none\"\n[api.main.routes]\n\
             \"GET /live\" = {{ respond = \"\" }}\n\"GET /{{name}}\" = {{ respond = \"\" }}\n"
        )
    };
    let ready = read(&text("/ready")).config.server.ready;
    assert_eq!(ready.as_deref(), Some("/ready"));
    assert_eq!(read(&file("")).config.server.ready, None);
    let needs = "error 2:9 `ready` must be a path without parameters, as in `/ready`";
    for (path, expected) in [
        (
            "/live",
            "error 2:9 `ready` is the path of the route in line 6",
        ),
        ("/", needs),
        ("/{name}", needs),
        ("ready", "error 2:9 `ready`: a path begins with `/`"),
    ] {
        assert_eq!(problems(&text(path)), [expected], "{path}");
    }
}

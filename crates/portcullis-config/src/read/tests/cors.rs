use std::time::Duration;

use super::*;
use crate::cors::{AllowedOrigin, Cors, Origins};

fn api(cors: &str) -> String {
    format!("[api.main]\nauth = \"none\"\nupstream = \"http://localhost:1\"\ncors = {cors}\n")
}

fn cors(text: &str) -> Option<Cors> {
    read(&api(text)).config.apis.remove(0).cors
}

#[test]
fn cors_is_a_word_or_a_table() {
    assert_eq!(cors("false"), None);
    assert_eq!(cors("true"), Some(Cors::any()));
    assert_eq!(cors("{ origins = \"any\" }"), Some(Cors::any()));
    let table = r#"{ origins = ["https://app.example", "null"], methods = ["PUT"], headers = ["X-A"],
        expose = ["X-Total"], max_age = "1h" }"#;
    let expected = Cors {
        origins: Origins::Listed(vec![
            AllowedOrigin::Exact("https://app.example".to_owned()),
            AllowedOrigin::Null,
        ]),
        methods: Some(vec!["PUT".to_owned()]),
        headers: Some(vec!["x-a".to_owned()]),
        expose: vec!["x-total".to_owned()],
        credentials: false,
        max_age: Some(Duration::from_hours(1)),
    };
    // An inline table is one line in TOML 1.0.
    assert_eq!(cors(&table.replace('\n', " ")), Some(expected));
    let with_cookies = cors(r#"{ origins = ["https://*.example.com"], credentials = true }"#);
    assert!(with_cookies.unwrap().credentials);
}

#[test]
fn what_browsers_would_not_understand_is_refused() {
    for (text, expected) in [
        (
            "1",
            "error 4:8 `cors` must be `true`, `false` or a table, not an integer",
        ),
        (
            "{}",
            "error 4:8 `origins` is missing (write for example `origins = [\"https://app.example\", \"https://*.example.com\"]`)",
        ),
        ("{ origins = [] }", "error 4:20 `origins` must not be empty"),
        (
            "{ origins = \"*\" }",
            "error 4:20 `origins` must be a list, or `any` (write for example `[\"https://app.example\"]`)",
        ),
        (
            "{ origins = [\"*\"] }",
            "error 4:21 an entry of `origins` may have one `*`, as the whole first label of a host (write `origins = \"any\"` for every site)",
        ),
        (
            "{ origins = [\"https://*.com\"] }",
            "error 4:21 an entry of `origins` must name two labels at least behind `*.` (write for example `https://*.example.com`)",
        ),
        (
            "{ origins = [\"https://a.example/\"] }",
            "error 4:21 an entry of `origins` must be a scheme, a host and a port, and nothing behind them (write for example `https://app.example`, without a slash at its end)",
        ),
        (
            "{ origins = \"any\", credentials = true }",
            "error 4:41 `credentials` cannot be had for any site (list the origins of your own pages in `origins`)",
        ),
        (
            "{ origins = [\"null\"], credentials = true }",
            "error 4:44 `credentials` cannot be had for the origin `null` (list the origins of your own pages in `origins`)",
        ),
        (
            "{ origins = \"any\", methods = [\"ANY\"] }",
            "error 4:38 an entry of `methods` must be a method (leave `methods` out to allow those of the routes)",
        ),
        (
            "{ origins = \"any\", methods = [] }",
            "error 4:37 `methods` must not be empty",
        ),
        (
            "{ origins = \"any\", headers = [\"*\"] }",
            "error 4:38 an entry of `headers` must be a header's name (leave `headers` out to allow those asked for)",
        ),
        (
            "{ origins = \"any\", expose = [\"*\"] }",
            "error 4:37 an entry of `expose` must be a header's name (name each header)",
        ),
        (
            "{ origins = \"any\", expose = [\"a b\"] }",
            "error 4:37 an entry of `expose` must be a header's name",
        ),
        (
            "{ origins = \"any\", max_age = \"1001ms\" }",
            "error 4:37 `max_age` must be whole seconds, `1d` at most",
        ),
        (
            "{ origins = \"any\", max_age = \"25h\" }",
            "error 4:37 `max_age` must be whole seconds, `1d` at most",
        ),
    ] {
        assert_eq!(problems(&api(text)), [expected], "{text}");
    }
}

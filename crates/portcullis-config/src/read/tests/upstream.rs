use std::time::Duration;

use crate::upstream::{Protocol, Upstream};
use crate::{Source, Target, parse};

fn file(upstream: &str) -> String {
    format!("[api.main]\nauth = \"none\"\nupstream = {upstream}\n")
}

fn read(upstream: &str) -> Upstream {
    let text = file(upstream);
    let source = Source {
        name: "portcullis.toml",
        text: &text,
    };
    let parsed = parse(&source, &|_| None).unwrap();
    let Target::Upstream(upstream) = &parsed.config.apis[0].routes[0].target else {
        panic!("{text}");
    };
    upstream.clone()
}

#[test]
fn an_upstream_is_an_address_or_a_table_with_one() {
    let plain = Upstream::at("http://a:1/b".parse().unwrap());
    for (upstream, expected) in [
        ("\"http://a:1/b\"", plain.clone()),
        ("{ url = \"http://a:1/b\" }", plain.clone()),
        (
            "{ url = \"http://a:1/b\", protocol = \"http2\", connect_timeout = \"10m\", \
             answer_timeout = \"1ms\", idle_timeout = \"1d\", preserve_host = true }",
            Upstream {
                protocol: Protocol::Http2,
                connect_timeout: Duration::from_mins(10),
                answer_timeout: Duration::from_millis(1),
                idle_timeout: Duration::from_hours(24),
                preserve_host: true,
                ..plain
            },
        ),
    ] {
        assert_eq!(read(upstream), expected, "{upstream}");
    }
}

#[test]
fn what_an_upstream_cannot_be_is_refused_in_so_many_words() {
    for (upstream, expected) in [
        (
            "1",
            "`upstream` must be an address, or a table with a `url`, not an integer",
        ),
        ("{}", "`url` is missing"),
        (
            "{ url = \"a:1\" }",
            "`url` must begin with `https://` or `http://`",
        ),
        (
            "{ url = \"http://a\", protocol = \"http3\" }",
            "`protocol` must be `http1` or `http2`",
        ),
        (
            "{ url = \"http://a\", connect_timeout = \"0s\" }",
            "`connect_timeout` must be a duration from `1ms` to `10m`",
        ),
        (
            "{ url = \"http://a\", connect_timeout = \"601s\" }",
            "`connect_timeout` must be a duration from `1ms` to `10m`",
        ),
        (
            "{ url = \"http://a\", answer_timeout = \"86400001ms\" }",
            "`answer_timeout` must be a duration from `1ms` to `1d`",
        ),
        (
            "{ url = \"http://a\", retries = 1 }",
            "`retries` is not available in this version",
        ),
    ] {
        let text = file(upstream);
        let source = Source {
            name: "portcullis.toml",
            text: &text,
        };
        let page = parse(&source, &|_| None)
            .unwrap_err()
            .render(&source, false);
        assert!(
            page.contains(&format!("error: {expected}\n")),
            "{upstream}\n{page}"
        );
    }
}

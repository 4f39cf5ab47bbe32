use std::num::NonZeroUsize;
use std::time::Duration;

use crate::upstream::{Balance, HealthCheck, Protocol, Upstream, UpstreamTls};
use crate::{Certificate, Source, Target, parse};

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
    Upstream::clone(upstream)
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
fn an_upstream_has_one_address_or_several() {
    let url = |text: &str| text.parse().unwrap();
    let both = Upstream::at_all(vec![url("http://a:1/b"), url("http://c:2/b/")]);
    for (upstream, expected) in [
        ("[\"http://a:1/b\", \"http://c:2/b/\"]", both.clone()),
        (
            "{ url = [\"http://a:1/b\", \"http://c:2/b/\"] }",
            both.clone(),
        ),
        (
            "{ url = [\"http://a:1/b\", \"http://c:2/b/\"], balance = \"least_connections\", \
             retries = 0, total_timeout = \"1d\", max_connections = 1000000 }",
            Upstream {
                balance: Balance::LeastConnections,
                retries: 0,
                total_timeout: Some(Duration::from_hours(24)),
                max_connections: NonZeroUsize::new(1_000_000),
                ..both
            },
        ),
    ] {
        assert_eq!(read(upstream), expected, "{upstream}");
    }
    let most = |most: u16| {
        let each = (1..=most).map(|port| format!("\"http://a:{port}\""));
        format!("[{}]", each.collect::<Vec<_>>().join(","))
    };
    assert_eq!(read(&most(64)).urls.len(), 64);
    let text = file(&most(65));
    let source = Source {
        name: "portcullis.toml",
        text: &text,
    };
    let page = parse(&source, &|_| None)
        .unwrap_err()
        .render(&source, false);
    assert!(
        page.contains("error: `upstream` has more than 64 entries\n"),
        "{page}"
    );
    let shown = read("[\"http://a:1\", \"http://b:2\"]").to_string();
    assert_eq!(shown, "http://a:1/, http://b:2/");
}

#[test]
fn an_upstream_may_be_asked_how_it_is_and_who_it_is() {
    let plain = Upstream::at("https://a".parse().unwrap());
    for (upstream, expected) in [
        (
            "{ url = \"https://a\", health = { path = \"/health\" } }",
            Upstream {
                health: Some(HealthCheck {
                    path: "/health".to_owned(),
                    every: Duration::from_secs(5),
                    timeout: Duration::from_secs(1),
                    healthy: 2,
                    unhealthy: 3,
                }),
                ..plain.clone()
            },
        ),
        (
            "{ url = \"https://a\", health = { path = \"/?a=b\", every = \"100ms\", \
             timeout = \"1m\", healthy = 1, unhealthy = 100 } }",
            Upstream {
                health: Some(HealthCheck {
                    path: "/?a=b".to_owned(),
                    every: Duration::from_millis(100),
                    timeout: Duration::from_mins(1),
                    healthy: 1,
                    unhealthy: 100,
                }),
                ..plain.clone()
            },
        ),
        (
            "{ url = \"https://a\", tls = { ca = \"ca.pem\", certificate = \"c.pem\", \
             key = \"k.pem\", server_name = \"b.example\" } }",
            Upstream {
                tls: UpstreamTls {
                    ca: Some("ca.pem".to_owned()),
                    certificate: Some(Certificate {
                        certificate: "c.pem".to_owned(),
                        key: "k.pem".to_owned(),
                    }),
                    server_name: Some("b.example".to_owned()),
                },
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
            "`upstream` must be an address, a list of addresses, or a table with a `url`, not an integer",
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
        ("[]", "`upstream` is empty"),
        ("{ url = [] }", "`url` is empty"),
        (
            "{ url = 1 }",
            "`url` must be an address, or a list of addresses, not an integer",
        ),
        (
            "[\"http://a\", 1]",
            "an entry of `upstream` must be a string, not an integer",
        ),
        (
            "[\"http://a/b\", \"http://c/d\"]",
            "the addresses of an upstream must have one path",
        ),
        (
            "[\"http://a\", \"https://c\"]",
            "the addresses of an upstream must be all https or all http",
        ),
        (
            "[\"http://a\", \"http://b\", \"http://a:80/\"]",
            "an address is listed twice",
        ),
        (
            "{ url = \"http://a\", balance = \"random\" }",
            "`balance` must be `round_robin` or `least_connections`",
        ),
        (
            "{ url = \"http://a\", retries = 11 }",
            "`retries` must be a whole number from 0 to 10",
        ),
        (
            "{ url = \"http://a\", max_connections = 0 }",
            "`max_connections` must be a whole number from 1 to 1000000",
        ),
        (
            "{ url = \"http://a\", total_timeout = \"0ms\" }",
            "`total_timeout` must be a duration from `1ms` to `1d`",
        ),
        ("{ url = \"http://a\", health = {} }", "`path` is missing"),
        (
            "{ url = \"http://a\", health = { path = \"health\" } }",
            "`path` must be a path that begins with `/`",
        ),
        (
            "{ url = \"http://a\", health = { path = \"/a b\" } }",
            "`path` must be a path that begins with `/`",
        ),
        (
            "{ url = \"http://a\", health = { path = \"/\", every = \"99ms\" } }",
            "`every` must be a duration from `100ms` to `1h`",
        ),
        (
            "{ url = \"http://a\", health = { path = \"/\", timeout = \"60001ms\" } }",
            "`timeout` must be a duration from `1ms` to `1m`",
        ),
        (
            "{ url = \"http://a\", health = { path = \"/\", healthy = 101 } }",
            "`healthy` must be a whole number from 1 to 100",
        ),
        (
            "{ url = \"http://a\", tls = { ca = \"a.pem\" } }",
            "an upstream over http proves nothing",
        ),
        (
            "{ url = \"https://a\", tls = { certificate = \"a.pem\" } }",
            "`key` is missing",
        ),
        (
            "{ url = \"https://a\", tls = { key = \"a.pem\" } }",
            "`certificate` is missing",
        ),
        (
            "{ url = \"https://a\", tls = { server_name = \"A b\" } }",
            "`server_name` must be a host name in lower case, or an IPv4 address",
        ),
        ("{ urls = [\"http://a\"] }", "unknown key `urls`"),
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

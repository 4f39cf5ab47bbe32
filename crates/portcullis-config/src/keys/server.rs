use super::{Kind, Table, key};

pub(crate) const SERVER: Table = Table {
    title: "[server]",
    doc: "How the gateway listens.",
    keys: &[
        key(
            "listen",
            Kind::Text,
            r#""0.0.0.0:8080""#,
            "Address and port to listen on.",
        )
        .default(r#""127.0.0.1:8080""#),
        key(
            "url",
            Kind::Text,
            r#""https://api.example.com""#,
            "Where callers reach the gateway: what `DPoP` proofs must name, before the path.",
        ),
        key(
            "workers",
            Kind::Count(1, 1024),
            "2",
            "Threads that serve requests. One per core when absent.",
        ),
        key(
            "trusted_proxies",
            Kind::Texts,
            r#"["10.0.0.0/8", "192.0.2.7"]"#,
            "Addresses and ranges whose `X-Forwarded-*` headers are believed.",
        )
        .default("[]"),
        key(
            "limits",
            Kind::Table(&LIMITS),
            r#"{ body = "1MiB" }"#,
            "What a request may cost.",
        ),
    ],
    later: &["admin", "tls"],
};

pub(crate) const LIMITS: Table = Table {
    title: "[server.limits]",
    doc: "What a request may cost.",
    keys: &[key(
        "body",
        Kind::Text,
        r#""512KiB""#,
        "The largest request body: B, KiB, MiB, GiB.",
    )
    .default(r#""10MiB""#)],
    later: &[],
};

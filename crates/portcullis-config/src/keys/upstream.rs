use super::{Kind, Table, key};

pub(crate) const UPSTREAM: Table = Table {
    title: "an upstream",
    doc: "A service that answers requests, and how to speak with it.",
    keys: &[
        key(
            "url",
            Kind::Text,
            r#""http://localhost:3001""#,
            "Where it is.",
        )
        .required(),
        key(
            "protocol",
            Kind::Choice(&["http1", "http2"]),
            r#""http2""#,
            "What is spoken with it. gRPC needs `http2`: by ALPN over https, by prior knowledge \
             over http.",
        )
        .default(r#""http1""#),
        key(
            "connect_timeout",
            Kind::Text,
            r#""500ms""#,
            "How long a connection may take to be made, TLS included: at most 10m.",
        )
        .default(r#""5s""#),
        key(
            "answer_timeout",
            Kind::Text,
            r#""5m""#,
            "How long an answer may take to begin once the request is sent: at most 1d.",
        )
        .default(r#""60s""#),
        key(
            "idle_timeout",
            Kind::Text,
            r#""10m""#,
            "How long an answer's body may pause, and a WebSocket be silent: at most 1d.",
        )
        .default(r#""60s""#),
        key(
            "preserve_host",
            Kind::Flag,
            "true",
            "Whether it sees the caller's `Host` instead of its own.",
        )
        .default("false"),
    ],
    later: &[
        "urls",
        "balance",
        "total_timeout",
        "retries",
        "max_connections",
        "ca",
        "certificate",
        "key",
        "health",
    ],
};

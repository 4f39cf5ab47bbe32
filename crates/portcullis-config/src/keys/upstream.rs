use super::{Kind, Table, key};

pub(crate) const UPSTREAM: Table = Table {
    title: "an upstream",
    doc: "A service that answers requests, and how to speak with it.",
    keys: &[
        key(
            "url",
            Kind::TextOrTexts,
            r#""http://localhost:3001""#,
            "Where it is. Several addresses differ in host or port alone; one that fails three \
             times in a row is left out for a while, unless all are.",
        )
        .required(),
        key(
            "balance",
            Kind::Choice(&["round_robin", "least_connections"]),
            r#""least_connections""#,
            "How requests are spread over several addresses: one after the other, or where the \
             fewest are under way, as each thread sees it.",
        )
        .default(r#""round_robin""#),
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
            "How long a connection may take to be made, TLS included: at most 10m. As long is \
             waited where `max_connections` are open.",
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
            "total_timeout",
            Kind::Text,
            r#""30s""#,
            "How long all of it may take, retries and the answer's body included: at most 1d. A \
             WebSocket is exempt once it has begun. Without end when absent.",
        ),
        key(
            "retries",
            Kind::Count(0, 10),
            "2",
            "How often a request is sent again, to another address where there is one: when no \
             connection was made, or when it may be repeated, has no body, and got no answer.",
        )
        .default("1"),
        key(
            "max_connections",
            Kind::Count(1, 1_000_000),
            "100",
            "Connections at the same time, to all addresses and of the whole process. As many as \
             it takes when absent.",
        ),
        key(
            "preserve_host",
            Kind::Flag,
            "true",
            "Whether it sees the caller's `Host` instead of its own.",
        )
        .default("false"),
        key(
            "health",
            Kind::Table(&HEALTH),
            r#"{ path = "/health" }"#,
            "How each address is asked whether it is well. Only requests tell when absent.",
        ),
        key(
            "tls",
            Kind::Table(&UPSTREAM_TLS),
            r#"{ ca = "ca.pem" }"#,
            "How it proves who it is, and what is proved to it, over https.",
        )
        .default("{}"),
    ],
    later: &[],
};

pub(crate) const HEALTH: Table = Table {
    title: "an upstream's `health`",
    doc: "How each address of an upstream is asked whether it is well.",
    keys: &[
        key(
            "path",
            Kind::Text,
            r#""/health""#,
            "What is asked for with GET, whatever path the address has. A status from 200 to 399 \
             is a good answer.",
        )
        .required(),
        key(
            "every",
            Kind::Text,
            r#""10s""#,
            "The time from one question to the next: from 100ms to 1h.",
        )
        .default(r#""5s""#),
        key(
            "timeout",
            Kind::Text,
            r#""500ms""#,
            "How long an answer may take: at most 1m.",
        )
        .default(r#""1s""#),
        key(
            "healthy",
            Kind::Count(1, 100),
            "1",
            "Good answers in a row after which an address is used again.",
        )
        .default("2"),
        key(
            "unhealthy",
            Kind::Count(1, 100),
            "2",
            "Bad answers in a row after which an address is not used.",
        )
        .default("3"),
    ],
    later: &[],
};

pub(crate) const UPSTREAM_TLS: Table = Table {
    title: "an upstream's `tls`",
    doc: "How an upstream proves who it is, and what is proved to it.",
    keys: &[
        key(
            "ca",
            Kind::Text,
            r#""ca.pem""#,
            "A PEM file of the authorities that are believed. The system's when absent.",
        ),
        key(
            "certificate",
            Kind::Text,
            r#""client.pem""#,
            "A PEM file with the certificate that the upstream is shown when it asks, and then \
             those that lead from it to its authority.",
        ),
        key(
            "key",
            Kind::Text,
            r#""client-key.pem""#,
            "A PEM file with the private key of `certificate`.",
        ),
        key(
            "server_name",
            Kind::Text,
            r#""api.example.com""#,
            "The name that the upstream's certificate must have. The host of the address when absent.",
        ),
    ],
    later: &[],
};

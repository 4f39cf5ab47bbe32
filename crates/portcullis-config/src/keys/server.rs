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
            "Addresses and ranges whose `X-Forwarded-*` headers are believed, by the tenant too.",
        )
        .default("[]"),
        key(
            "client_certificate_header",
            Kind::Choice(&[
                "client-cert",
                "x-forwarded-client-cert",
                "x-ssl-client-cert",
                "ssl-client-cert",
            ]),
            r#""client-cert""#,
            "The header in which `trusted_proxies` pass on the certificate of their own client, \
             for tokens that are bound to one: that of RFC 9440, of Envoy, or an nginx's with \
             `$ssl_client_escaped_cert`. Nobody's when absent; it never goes to upstreams.",
        ),
        key(
            "limit_headers",
            Kind::Choices(&["ietf", "legacy"]),
            r#"["ietf"]"#,
            "How answers tell what is left of a caller's limits: as `RateLimit`, as \
             `X-RateLimit-*`, in both ways or in none.",
        )
        .default(r#"["ietf", "legacy"]"#),
        key(
            "limits",
            Kind::Table(&LIMITS),
            r#"{ body = "1MiB" }"#,
            "What a caller may cost.",
        ),
        key(
            "tls",
            Kind::Table(&TLS),
            r#"{ certificate = "cert.pem", key = "key.pem" }"#,
            "The certificate to listen with. The gateway speaks in the clear when absent.",
        ),
        key(
            "admin",
            Kind::TextOrTable(&ADMIN),
            r#""127.0.0.1:9901""#,
            "Where those who run the gateway ask it about itself. Nowhere when absent.",
        ),
        key(
            "drain",
            Kind::Text,
            r#""10s""#,
            "How long requests under way are finished after the signal to end, at most `24h`.",
        )
        .default(r#""30s""#),
        key(
            "drain_delay",
            Kind::Text,
            r#""5s""#,
            "How long connections are still accepted after that signal, so that load balancers \
             see first that `/ready` refuses. At most `24h`.",
        )
        .default(r#""0s""#),
        key(
            "ready",
            Kind::Text,
            r#""/ready""#,
            "A path that tells load balancers, without credentials and before any route: 200, or \
             503 until every authorizer has had its keys once, unless `ready` there says \
             otherwise, and from the signal to end on. None \
             when absent; the admin listener has `/ready` in any case.",
        ),
    ],
    later: &[],
};

pub(crate) const ADMIN: Table = Table {
    title: "[server.admin]",
    doc: "Where those who run the gateway ask it about itself. `serve` only.",
    keys: &[
        key(
            "listen",
            Kind::Text,
            r#""127.0.0.1:9901""#,
            "Address and port to listen on.",
        )
        .required(),
        key(
            "token_file",
            Kind::Text,
            r#""/run/secrets/admin-token""#,
            "A file of the owner's alone with the token to show: 32 to 512 letters, digits and \
             `-._~+/`. When absent, each start writes one to `.portcullis/admin-token`.",
        ),
        key(
            "hosts",
            Kind::Texts,
            r#"["gateway.internal", "10.0.0.7"]"#,
            "Names and addresses besides this machine's by which it may be asked. An address of \
             other machines is listened on only when there are some.",
        )
        .default("[]"),
    ],
    later: &[],
};

pub(crate) const LIMITS: Table = Table {
    title: "[server.limits]",
    doc: "What a caller may cost.",
    keys: &[
        key(
            "body",
            Kind::Text,
            r#""512KiB""#,
            "The largest request body: B, KiB, MiB, GiB.",
        )
        .default(r#""10MiB""#),
        key(
            "headers",
            Kind::Text,
            r#""16KiB""#,
            "The largest request head, from `8KiB` to `256KiB`.",
        )
        .default(r#""64KiB""#),
        key(
            "header_count",
            Kind::Count(1, 1000),
            "50",
            "The most header lines of a request.",
        )
        .default("100"),
        key(
            "connections",
            Kind::Count(1, 1_000_000),
            "1000",
            "Connections at the same time, shared out to the workers. As many as the limit on open \
             files allows when absent.",
        ),
        key(
            "head_timeout",
            Kind::Text,
            r#""10s""#,
            "How long a caller may take for a TLS handshake, and then for each request's head.",
        )
        .default(r#""30s""#),
        key(
            "idle_timeout",
            Kind::Text,
            r#""5m""#,
            "How long a connection may stay without a request.",
        )
        .default(r#""75s""#),
        key(
            "request_timeout",
            Kind::Text,
            r#""2m""#,
            "How long a request may take, from its head to the end of its answer. No limit when \
             absent.",
        ),
    ],
    later: &[],
};

pub(crate) const TLS: Table = Table {
    title: "[server.tls]",
    doc: "How the gateway proves who it is.",
    keys: &[
        CERTIFICATE_FILE,
        KEY_FILE,
        key(
            "more",
            Kind::List(&CERTIFICATE),
            r#"[{ certificate = "other.pem", key = "other-key.pem" }]"#,
            "Certificates for other names: each is shown to callers who ask for a name in it.",
        )
        .default("[]"),
        key(
            "client_ca",
            Kind::Text,
            r#""clients.pem""#,
            "A PEM file of the authorities whose certificates callers must have. They need none \
             when absent.",
        ),
        key(
            "client_certificates",
            Kind::Choice(&["required", "optional"]),
            r#""optional""#,
            "Whether a caller without a certificate is turned away. `optional` asks for one and \
             serves browsers and others that have none: tokens that are bound to a certificate \
             need it all the same. A bad one is always turned away. Needs `client_ca`.",
        )
        .default(r#""required""#),
        key(
            "min_version",
            Kind::Choice(&["1.2", "1.3"]),
            r#""1.3""#,
            "The oldest version of TLS that is spoken.",
        )
        .default(r#""1.2""#),
    ],
    later: &[],
};

pub(crate) const CERTIFICATE: Table = Table {
    title: "[[server.tls.more]]",
    doc: "A certificate for the names in it.",
    keys: &[CERTIFICATE_FILE, KEY_FILE],
    later: &[],
};

const CERTIFICATE_FILE: super::Key = key(
    "certificate",
    Kind::Text,
    r#""cert.pem""#,
    "A PEM file with the certificate, and then those that lead from it to its authority.",
)
.required();

const KEY_FILE: super::Key = key(
    "key",
    Kind::Text,
    r#""key.pem""#,
    "A PEM file with the certificate's private key.",
)
.required();

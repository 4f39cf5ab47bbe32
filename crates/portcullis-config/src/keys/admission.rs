use super::{Kind, Table, key};

pub(crate) const INTROSPECTION: Table = Table {
    title: "[authorizer.NAME.introspection]",
    doc: "The issuer's endpoint that says whether a token is active (RFC 7662). It is asked about \
          opaque tokens.",
    keys: &[
        key(
            "url",
            Kind::Text,
            r#""https://tenant.example.com/oauth/introspect""#,
            "The endpoint: https, or http on this machine.",
        )
        .required(),
        key(
            "client_id",
            Kind::Text,
            r#""expenses-api""#,
            "The name of this API at the issuer.",
        )
        .required(),
        key(
            "client_secret",
            Kind::Text,
            r#""a long random text""#,
            "What proves the name. Never printed. Best taken from the environment: `${NAME}`. Needed \
             without `client_key`.",
        ),
        key(
            "client_auth",
            Kind::Choice(&["basic", "post"]),
            r#""post""#,
            "Where the secret is sent: in the `Authorization` header, or in the body.",
        )
        .default(r#""basic""#),
        key(
            "client_key",
            Kind::Text,
            r#""file:introspection-key.pem""#,
            "What proves the name instead of a secret (`private_key_jwt`, RFC 7523): a PEM file with \
             an RSA private key in PKCS #8 form, which signs with RS256.",
        ),
        key(
            "client_key_id",
            Kind::Text,
            r#""2026-11""#,
            "The `kid` under which the issuer knows the key. Made from the key when absent.",
        ),
        key(
            "mode",
            Kind::Choice(&["opaque", "always", "interval"]),
            r#""always""#,
            "Which tokens it is asked about: opaque ones only, or JSON Web Tokens too, after their \
             own checks, each time or about each of them once an `interval`.",
        )
        .default(r#""opaque""#),
        key(
            "interval",
            Kind::Text,
            r#""1m""#,
            "How long a JSON Web Token is good after the issuer was asked about it with \
             `mode = \"interval\"`, from `1s` to `1h`.",
        ),
        key(
            "cache",
            Kind::Text,
            r#""30s""#,
            "How long an active token is believed to be active, `5m` at most.",
        )
        .default(r#""0s""#),
    ],
    later: &[],
};

pub(crate) const REVOKED: Table = Table {
    title: "[authorizer.NAME.revoked]",
    doc: "Tokens of the issuer that are refused although they have not expired.",
    keys: &[
        key(
            "tokens",
            Kind::Texts,
            r#"["a-jti"]"#,
            "Those with one of these `jti`.",
        )
        .default("[]"),
        key(
            "sessions",
            Kind::Texts,
            r#"["a-sid"]"#,
            "Those with one of these `sid`.",
        )
        .default("[]"),
        key(
            "subjects",
            Kind::TextTable,
            r#"{ "auth0|ada" = "2026-11-24T08:00:00Z" }"#,
            "Those about one of these `sub` that were issued before the time, which is UTC.",
        )
        .default("{}"),
    ],
    later: &[],
};

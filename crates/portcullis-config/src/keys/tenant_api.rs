use super::{Kind, Table, key};

/// Auth0's names of the ways in which an API's tokens are written.
pub(crate) const TOKEN_DIALECTS: [&str; 4] = [
    "access_token",
    "access_token_authz",
    "rfc9068_profile",
    "rfc9068_profile_authz",
];

pub(crate) const TENANT_API: Table = Table {
    title: "[[tenant.api]]",
    doc: "An API that tokens are for.",
    keys: &[
        key(
            "identifier",
            Kind::Text,
            r#""https://expenses-api""#,
            "The audience of its tokens.",
        )
        .required(),
        key(
            "name",
            Kind::Text,
            r#""Expenses""#,
            "What people call it. Its identifier when absent.",
        ),
        key(
            "permissions",
            Kind::TextTable,
            r#"{ "read:reports" = "Read your expense reports" }"#,
            "What may be done with it, each scope with its description, besides the scopes that routes \
             ask for.",
        )
        .default("{}"),
        key(
            "token_lifetime",
            Kind::Text,
            r#""1h""#,
            "How long its tokens are valid: whole seconds, up to 30 days.",
        )
        .default(r#""24h""#),
        key(
            "token_lifetime_for_web",
            Kind::Text,
            r#""1h""#,
            "The same for tokens that a browser gets without a code.",
        )
        .default(r#""2h""#),
        key(
            "token_dialect",
            Kind::Choice(&TOKEN_DIALECTS),
            r#""rfc9068_profile""#,
            "How its tokens are written: Auth0's way or that of RFC 9068, and with `_authz` with the \
             claim `permissions`.",
        )
        .default(r#""access_token""#),
        key(
            "rbac",
            Kind::Flag,
            "true",
            "Whether people have only the scopes that they or their roles are given. When absent, \
             whether the file gives any to anybody.",
        ),
        key(
            "offline_access",
            Kind::Flag,
            "false",
            "Whether refresh tokens are given for it. When absent, they are, but for the Management \
             API of an issuer (`https://DOMAIN/api/v2/`).",
        ),
        key(
            "skip_consent",
            Kind::Flag,
            "true",
            "Whether the tenant's own applications need no consent. On localhost they always do.",
        )
        .default("false"),
    ],
    later: &[],
};

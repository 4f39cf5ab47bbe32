use super::people::{ROLE, USER};
use super::tenant_api::TENANT_API;
use super::{Kind, Table, key};

pub(crate) const TENANT: Table = Table {
    title: "[tenant]",
    doc: "The embedded identity provider that `portcullis dev` runs.",
    keys: &[
        key(
            "listen",
            Kind::Text,
            r#""127.0.0.1:4001""#,
            "Address and port to listen on.",
        )
        .default(r#""127.0.0.1:4000""#),
        key(
            "https",
            Kind::Text,
            r#""127.0.0.1:4443""#,
            "Address and port to listen on for TLS, with a certificate of an authority that is made \
             for this project. Nowhere when absent.",
        ),
        key(
            "issuer",
            Kind::Text,
            r#""https://localhost:4443/""#,
            "Its name in tokens: the root of a host. `http://localhost` and the port of `listen` when \
             absent.",
        ),
        key(
            "aliases",
            Kind::Texts,
            r#"["portcullis", "host.docker.internal"]"#,
            "Other host names under which it is reached, as from a container. The issuer stays the same.",
        )
        .default("[]"),
        key(
            "error_dialect",
            Kind::Choice(&["auth0", "rfc6749"]),
            r#""rfc6749""#,
            "Whose statuses the token endpoint's refusals have: a bad grant is 403 for Auth0, and 400 \
             in RFC 6749.",
        )
        .default(r#""auth0""#),
        key(
            "default_audience",
            Kind::Text,
            r#""https://expenses-api""#,
            "The API that tokens are for when a request names none. Then they are opaque when absent.",
        ),
        key(
            "oidc_logout",
            Kind::Flag,
            "false",
            "Whether discovery names `/oidc/logout`. Without it Auth0's SDKs use `/v2/logout`.",
        )
        .default("true"),
        key(
            "logout_prompt",
            Kind::Flag,
            "false",
            "Whether `/oidc/logout` asks people before it logs them out without an ID token.",
        )
        .default("true"),
        key(
            "logout_urls",
            Kind::Texts,
            r#"["http://localhost:3000"]"#,
            "Where a logout may return to that names no application.",
        )
        .default("[]"),
        key(
            "claims",
            Kind::TextTable,
            r#"{ "https://expenses/roles" = "roles", "https://expenses/plan" = "app_metadata.plan" }"#,
            "What people's tokens and `/userinfo` tell besides, by name: `roles`, `email`, \
             `app_metadata` or `user_metadata` (which people change themselves), or a member of these.",
        )
        .default("{}"),
        key(
            "api",
            Kind::List(&TENANT_API),
            r#"[{ identifier = "https://expenses-api" }]"#,
            "What tokens are for, besides the audiences of authorizers.",
        )
        .default("[]"),
        key(
            "role",
            Kind::List(&ROLE),
            r#"[{ name = "accountant" }]"#,
            "Permissions that people are given together.",
        )
        .default("[]"),
        key(
            "user",
            Kind::List(&USER),
            r#"[{ email = "ada@example.com", password = "correct horse" }]"#,
            "People who can log in.",
        )
        .default("[]"),
        key(
            "application",
            Kind::List(&APPLICATION),
            r#"[{ name = "web", type = "spa" }]"#,
            "Programs that can ask for tokens.",
        )
        .default("[]"),
    ],
    later: &[],
};

pub(crate) const APPLICATION: Table = Table {
    title: "[[tenant.application]]",
    doc: "A program that can ask for tokens.",
    keys: &[
        key("name", Kind::Text, r#""web""#, "What people call it.").required(),
        key(
            "type",
            Kind::Choice(&["spa", "regular_web", "native", "non_interactive"]),
            r#""regular_web""#,
            "What it is, and so whether it can keep a secret.",
        )
        .required(),
        key(
            "client_id",
            Kind::Text,
            r#""expenses-web""#,
            "Its public name; made up when absent.",
        ),
        key(
            "client_secret",
            Kind::Text,
            r#""a long random text""#,
            "Never printed; made up when absent. Best taken from the environment: `${NAME}`.",
        ),
        key(
            "callbacks",
            Kind::Texts,
            r#"["http://localhost:3000/callback"]"#,
            "Where a login may return to.",
        )
        .default("[]"),
        key(
            "logout_urls",
            Kind::Texts,
            r#"["http://localhost:3000"]"#,
            "Where a logout may return to.",
        )
        .default("[]"),
        key(
            "web_origins",
            Kind::Texts,
            r#"["http://localhost:3000"]"#,
            "Where its pages are served from: scheme, host and port.",
        )
        .default("[]"),
        key(
            "permissions",
            Kind::TextsTable,
            r#"{ "https://expenses-api" = ["read:reports"] }"#,
            "Its own scopes, by audience. All that routes ask for when absent.",
        ),
        key(
            "first_party",
            Kind::Flag,
            "false",
            "Whether it is the tenant's own. Others always need the user's consent.",
        )
        .default("true"),
        key(
            "grants",
            Kind::Choices(&[
                "authorization_code",
                "implicit",
                "refresh_token",
                "client_credentials",
                "urn:ietf:params:oauth:grant-type:device_code",
            ]),
            r#"["authorization_code", "refresh_token"]"#,
            "The ways in which it may ask for tokens. Those that its type needs when absent.",
        ),
        key(
            "refresh_tokens",
            Kind::Choice(&["non-rotating", "rotating"]),
            r#""rotating""#,
            "What becomes of a used refresh token: it is good again, or another takes its place. \
             When absent, it is rotated for types that keep no secret.",
        ),
        key(
            "refresh_leeway",
            Kind::Text,
            r#""3s""#,
            "How long a rotated refresh token is taken again, in whole seconds up to 60.",
        )
        .default(r#""0s""#),
    ],
    later: &[],
};

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

pub(crate) const USER: Table = Table {
    title: "[[tenant.user]]",
    doc: "A person who can log in.",
    keys: &[
        key(
            "email",
            Kind::Text,
            r#""ada@example.com""#,
            "What the person logs in with.",
        )
        .required(),
        key(
            "password",
            Kind::Text,
            r#""correct horse""#,
            "Never printed.",
        )
        .required(),
        key(
            "permissions",
            Kind::TextsTable,
            r#"{ "https://expenses-api" = ["read:reports"] }"#,
            "The scopes of the person, by audience.",
        )
        .default("{}"),
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
    ],
    later: &[],
};

use super::{Kind, Table, key};

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
            "name",
            Kind::Text,
            r#""Ada Lovelace""#,
            "What the person is called. The address when absent.",
        ),
        key(
            "email_verified",
            Kind::Flag,
            "false",
            "Whether the address is known to be theirs.",
        )
        .default("true"),
        key("blocked", Kind::Flag, "true", "Whether logins are refused.").default("false"),
        key(
            "roles",
            Kind::Texts,
            r#"["accountant"]"#,
            "The person's roles, by the names of `[[tenant.role]]`.",
        )
        .default("[]"),
        key(
            "permissions",
            Kind::TextsTable,
            r#"{ "https://expenses-api" = ["read:reports"] }"#,
            "The scopes of the person, by audience.",
        )
        .default("{}"),
        key(
            "user_metadata",
            Kind::AnyTable,
            r#"{ language = "en" }"#,
            "What the person may change. What the tenant has is left when absent.",
        ),
        key(
            "app_metadata",
            Kind::AnyTable,
            r#"{ plan = "full" }"#,
            "What only the tenant may change. What the tenant has is left when absent.",
        ),
    ],
    later: &[],
};

pub(crate) const ROLE: Table = Table {
    title: "[[tenant.role]]",
    doc: "A name for permissions that people are given together.",
    keys: &[
        key(
            "name",
            Kind::Text,
            r#""accountant""#,
            "What `roles` of a user refer to.",
        )
        .required(),
        key(
            "description",
            Kind::Text,
            r#""Reads every report""#,
            "What it is for.",
        ),
        key(
            "permissions",
            Kind::TextsTable,
            r#"{ "https://expenses-api" = ["read:reports"] }"#,
            "The scopes that it brings, by audience.",
        )
        .default("{}"),
    ],
    later: &[],
};

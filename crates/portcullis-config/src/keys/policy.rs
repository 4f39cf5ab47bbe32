use super::{Kind, Table, key};

pub(crate) const POLICY: Table = Table {
    title: "[policy.NAME]",
    doc: "What its callers may reach, and how often.",
    keys: &[
        key(
            "apis",
            Kind::Rights,
            r#"{ main = ["GET /", "GET /reports/*"] }"#,
            "The APIs that it gives access to: a list of names, or a table of endpoints by name. An \
             endpoint is written like a route, without the API's `base`; `/*` at its end is \
             everything below.",
        )
        .required(),
        key(
            "rate",
            Kind::Text,
            r#""1000/1m""#,
            "Requests in a time, which come back evenly. All of them may be used at once. \
             Unlimited when absent.",
        ),
        key(
            "quota",
            Kind::Text,
            r#""10000/24h""#,
            "Requests in a time, which come back all at once, that time after the first one. \
             Unlimited when absent.",
        ),
        key(
            "expires",
            Kind::Text,
            r#""30d""#,
            "How old a token may be, by its `iat`: from then on, or without `iat`, it gets nothing \
             from this policy. Any age when absent.",
        ),
    ],
    later: &[],
};

pub(crate) const CHOICE: Table = Table {
    title: "[authorizer.NAME.policy]",
    doc: "The policies of a token: those that its claim names and its scopes bring, or the default \
          ones for a token with neither. One without any policy is refused.",
    keys: &[
        key(
            "claim",
            Kind::Text,
            r#""pol""#,
            "The claim that names policies: a string or an array of them.",
        ),
        key(
            "default",
            Kind::Texts,
            r#"["standard"]"#,
            "The policies of a token without that claim, and, where scopes are mapped, without \
             scopes.",
        )
        .default("[]"),
        key(
            "scopes",
            Kind::TextTable,
            r#"{ "read:reports" = "standard" }"#,
            "The policy that each of these scopes brings.",
        ),
    ],
    later: &[],
};

pub(crate) const STORE: Table = Table {
    title: "[store]",
    doc: "Where what gateways share is kept.",
    keys: &[
        key(
            "limits",
            Kind::Choice(&["memory"]),
            r#""memory""#,
            "Where it is counted how much of their limits callers have used: in this process's \
             memory, for one gateway.",
        )
        .default(r#""memory""#),
        key(
            "database",
            Kind::Text,
            r#""postgres://portcullis@localhost/tenant""#,
            "Where the tenant keeps what it knows: `sqlite://FILE`, relative to the folder, or \
             `postgres://…`. A file in `.portcullis/tenant` when absent.",
        ),
    ],
    later: &["on_error"],
};

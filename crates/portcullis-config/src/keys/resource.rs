use super::{Kind, Table, key};

pub(crate) const RESOURCE: Table = Table {
    title: "[api.NAME.resource]",
    doc: "What the API says about itself to clients that do not know it yet (RFC 9728), at \
          `/.well-known/oauth-protected-resource` and the path of its `url` behind it.",
    keys: &[
        key(
            "url",
            Kind::Text,
            r#""https://api.example.com/expenses""#,
            "The API's identifier, where callers reach it: https, or http on this machine.",
        )
        .required(),
        key(
            "name",
            Kind::Text,
            r#""Expenses""#,
            "The API's name for people.",
        ),
        key(
            "documentation",
            Kind::Text,
            r#""https://developer.example.com/expenses""#,
            "Where developers read about the API.",
        ),
    ],
    later: &[],
};

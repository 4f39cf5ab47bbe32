use super::policy::CHOICE;
use super::{Kind, Table, key};

pub(crate) const AUTHORIZER: Table = Table {
    title: "[authorizer.NAME]",
    doc: "One way to prove who a caller is.",
    keys: &[
        key(
            "type",
            Kind::Choice(&["jwt"]),
            r#""jwt""#,
            "The kind of proof: a JSON Web Token.",
        )
        .default(r#""jwt""#),
        key(
            "issuer",
            Kind::Text,
            r#""https://tenant.example.com/""#,
            "Who must have issued the token: an https address, with or without its last slash, or \
             the address of the discovery document. `any` gives the check up and needs `jwks`.",
        )
        .required(),
        key(
            "audience",
            Kind::SomeTextsOrAny,
            r#"["https://expenses-api"]"#,
            "Whom the token must be meant for: any one of these. `any` gives the check up.",
        )
        .required(),
        key(
            "jwks",
            Kind::Text,
            r#""https://tenant.example.com/.well-known/jwks.json""#,
            "Where the issuer's keys are. Found through the issuer's discovery document when absent.",
        ),
        key(
            "algorithms",
            Kind::SomeChoices(ALGORITHMS),
            r#"["RS256"]"#,
            "What the token may be signed with.",
        )
        .default(r#"["RS256", "PS256", "ES256", "EdDSA"]"#),
        key(
            "leeway",
            Kind::Text,
            r#""30s""#,
            "How far the issuer's clock may be off, `300s` at most.",
        )
        .default(r#""5s""#),
        key(
            "scope_claims",
            Kind::SomeTexts,
            r#"["permissions"]"#,
            "The claims that hold scopes: the first one that the token has counts.",
        )
        .default(r#"["scope", "scp"]"#),
        key(
            "policy",
            Kind::Table(&CHOICE),
            r#"{ claim = "pol", default = ["standard"], scopes = { "read:reports" = "standard" } }"#,
            "How the policies of a token are found. None are imposed when absent.",
        ),
        key(
            "identity",
            Kind::SomeTexts,
            r#"["client_id", "sub"]"#,
            "The claims that tell the callers of an issuer apart: the first one that the token has \
             counts. Each caller has limits of its own.",
        )
        .default(r#"["sub"]"#),
    ],
    later: &["pool"],
};

pub(crate) const ALGORITHMS: &[&str] = &[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
];

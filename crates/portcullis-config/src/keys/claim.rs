use super::{Kind, Table, key};

pub(crate) const CLAIM: Table = Table {
    title: "[[authorizer.NAME.claim]]",
    doc: "What one claim of a token must be like. A claim that is absent fails every rule.",
    keys: &[
        key(
            "name",
            Kind::Text,
            r#""/realm_access/roles""#,
            "The claim: its name, or a JSON pointer.",
        )
        .required(),
        key(
            "equals",
            Kind::Scalar,
            r#""org_1""#,
            "The one value that is good; numbers are compared by value, all else by type too.",
        ),
        key(
            "in",
            Kind::SomeScalars,
            r#"["org_1", "org_2"]"#,
            "The values that are good.",
        ),
        key(
            "includes_any",
            Kind::SomeScalars,
            r#"["admin", "staff"]"#,
            "One of these must be in the list that the claim is, or be the claim itself.",
        ),
        key(
            "includes_all",
            Kind::SomeScalars,
            r#"["staff", "trained"]"#,
            "All of these must be in the list that the claim is.",
        ),
        key(
            "exists",
            Kind::Flag,
            "true",
            "The claim must be there and not `null`; `true` is the only choice.",
        ),
        key(
            "at_least",
            Kind::Number,
            "18",
            "The least number that is good; together with `at_most`, a range.",
        ),
        key(
            "at_most",
            Kind::Number,
            "99.5",
            "The largest number that is good.",
        ),
        key(
            "matches",
            Kind::Text,
            r#""[a-z]+-[0-9]+""#,
            "A regular expression for the whole of the claim, which must be a string.",
        ),
        key(
            "on_fail",
            Kind::Choice(&["token", "forbid"]),
            r#""forbid""#,
            "What it means when the rule does not hold: `token` that the token is not good here \
             (401), `forbid` that its holder may not do this (403).",
        )
        .default(r#""token""#),
    ],
    later: &[],
};

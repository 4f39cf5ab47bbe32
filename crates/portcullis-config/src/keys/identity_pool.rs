use super::{Kind, Table, key};

pub(crate) const SIGNED_AUTHORIZER: Table = Table {
    title: "[authorizer.NAME] of signed requests",
    doc: "Proves who a caller is by an AWS signature (SigV4) of the whole request.",
    keys: &[
        key(
            "type",
            Kind::Choice(&["sigv4"]),
            r#""sigv4""#,
            "The kind of proof: a signature.",
        )
        .required(),
        key(
            "pool",
            Kind::Text,
            r#""Auth""#,
            "The identity pool whose credentials requests are signed with.",
        )
        .required(),
        key(
            "lenient",
            Kind::Flag,
            "false",
            "Whether requests are good, too, that are signed as Amplify 6 and old versions of curl \
             sign what AWS's rules read otherwise.",
        )
        .default("true"),
    ],
    later: &[],
};

pub(crate) const IDENTITY_POOL: Table = Table {
    title: "[identity_pool.NAME]",
    doc: "Gives temporary credentials for logins, as Cognito's identity pools do.",
    keys: &[
        key(
            "providers",
            Kind::List(&POOL_PROVIDER),
            r#"[{ domain = "tenant.example.com", client_id = "web" }]"#,
            "The issuers whose ID tokens are taken, and the applications that they must be for.",
        )
        .required(),
        key(
            "listen",
            Kind::Text,
            r#""127.0.0.1:4101""#,
            "Where its clients reach it.",
        )
        .default(r#""127.0.0.1:4100""#),
        key(
            "region",
            Kind::Text,
            r#""eu-west-1""#,
            "The region in its ids, ARNs and signatures.",
        )
        .default(r#""us-east-1""#),
        key(
            "account",
            Kind::Text,
            r#""123456789012""#,
            "The account in ARNs: 12 digits.",
        )
        .default(r#""000000000000""#),
        key(
            "id",
            Kind::Text,
            r#""us-east-1:84340cf1-4f64-496e-87c2-517072e7d5d9""#,
            "Its id: the region, a colon and a UUID. Made from its secret when absent.",
        ),
        key(
            "secret",
            Kind::Text,
            r#""a-secret-that-has-32-characters-or-more""#,
            "What identities are made from, and credentials without `credential_secrets`: 32 \
             characters at least, `${NAME}` for example, the same for ever and in every process. \
             Made in `.portcullis` when absent.",
        ),
        key(
            "credential_secrets",
            Kind::Texts,
            r#"["another-secret-with-32-characters-at-least"]"#,
            "What credentials are sealed with: by the first, opened by all. To take a new one, put \
             it first, and remove the old one when its credentials are over.",
        )
        .default("[]"),
        key(
            "epoch",
            Kind::Count(0, 1_000_000_000),
            "1",
            "Credentials that were given in an earlier epoch are void: raise it to revoke all.",
        )
        .default("0"),
        key(
            "allow",
            Kind::Texts,
            r#"["main"]"#,
            "The APIs that whoever is logged in may call.",
        ),
        key(
            "policy",
            Kind::Text,
            POLICY,
            "What whoever is logged in may do besides, or may not: a policy in IAM's JSON.",
        ),
        key(
            "guests",
            Kind::Texts,
            r#"["main"]"#,
            "The APIs that guests may call, who need no login. There are none when absent.",
        ),
        key(
            "role",
            Kind::Named(&POOL_ROLE),
            r#"{ admin = { allow = ["main"] } }"#,
            "Roles for whom `rule` or a claim gives them to.",
        ),
        key(
            "rule",
            Kind::List(&POOL_RULE),
            r#"[{ claim = "department", value = "sales", role = "sales" }]"#,
            "Claims that choose a role, the first that holds.",
        )
        .default("[]"),
        key(
            "roles_by_token",
            Kind::Flag,
            "true",
            "Whether the token's own `cognito:roles` and `cognito:preferred_role` choose one.",
        )
        .default("false"),
        key(
            "ambiguous",
            Kind::Choice(&["authenticated", "deny"]),
            r#""deny""#,
            "What a login has that no rule and no claim gives a role: that of `allow` and \
             `policy`, or none.",
        )
        .default(r#""authenticated""#),
        key(
            "tags",
            Kind::TextTable,
            r#"{ department = "dept" }"#,
            "Claims that policies know as `aws:PrincipalTag/NAME`.",
        )
        .default("{}"),
    ],
    later: &[],
};

pub(crate) const POOL_PROVIDER: Table = Table {
    title: "[[identity_pool.NAME.providers]]",
    doc: "An issuer whose ID tokens are taken.",
    keys: &[
        key(
            "domain",
            Kind::Text,
            r#""tenant.example.com""#,
            "The issuer: its domain, or its whole address.",
        )
        .required(),
        key(
            "client_id",
            Kind::Text,
            r#""UsGRQJJz5sDfPQDs6bhQ9Oc3hNISuVif""#,
            "The application that its ID tokens must be for.",
        )
        .required(),
    ],
    later: &[],
};

pub(crate) const POOL_ROLE: Table = Table {
    title: "[identity_pool.NAME.role.NAME]",
    doc: "What credentials may do.",
    keys: &[
        key(
            "allow",
            Kind::Texts,
            r#"["main"]"#,
            "The APIs that it may call.",
        )
        .default("[]"),
        key(
            "policy",
            Kind::Text,
            POLICY,
            "What it may do besides, or may not: a policy in IAM's JSON.",
        ),
    ],
    later: &[],
};

pub(crate) const POOL_RULE: Table = Table {
    title: "[[identity_pool.NAME.rule]]",
    doc: "A claim that chooses a role.",
    keys: &[
        key(
            "claim",
            Kind::Text,
            r#""department""#,
            "The claim. A rule of one that is absent does not hold.",
        )
        .required(),
        key(
            "match",
            Kind::Choice(&["equals", "not_equal", "starts_with", "contains"]),
            r#""starts_with""#,
            "How it is compared.",
        )
        .default(r#""equals""#),
        key("value", Kind::Text, r#""sales""#, "With what.").required(),
        key("role", Kind::Text, r#""sales""#, "The role's name.").required(),
    ],
    later: &[],
};

const POLICY: &str = r#"'{ "Statement": { "Effect": "Deny", "Action": "*", "Resource": "*" } }'"#;

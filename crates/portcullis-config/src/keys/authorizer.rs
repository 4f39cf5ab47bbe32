use super::policy::CHOICE;
use super::{CLAIM, INTROSPECTION, Kind, REVOKED, SOURCE, Table, key};

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
             the address of the discovery document. `any` gives the check up and needs `jwks`, \
             `jwks_file` or `secret`.",
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
            "jwks_file",
            Kind::Text,
            r#""keys.json""#,
            "A file with the issuer's keys, instead of fetching them. It is read at the start and on \
             each reload, and a change of it is one.",
        ),
        key(
            "secret",
            Kind::Text,
            r#""file:/run/secrets/tokens""#,
            "A secret that the issuer signs with too, and then the only key: `${NAME}`, or \
             `file:PATH`. It has as many bytes as the hash at least: 32 for HS256, 48 for HS384, 64 \
             for HS512.",
        ),
        key(
            "algorithms",
            Kind::SomeChoices(ALGORITHMS),
            r#"["RS256"]"#,
            "What the token may be signed with. With `secret` it is `HS256`, when absent, `HS384` \
             or `HS512` alone, and without one never.",
        )
        .default(r#"["RS256", "PS256", "ES256", "EdDSA"]"#),
        key(
            "distrust",
            Kind::Texts,
            r#"["2026-01", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"]"#,
            "Keys whose tokens are refused from the next reload on, whatever the issuer says: by \
             `kid`, or by thumbprint (RFC 7638).",
        )
        .default("[]"),
        key(
            "max_stale",
            Kind::Text,
            r#""1h""#,
            "How long keys are used after the issuer last vouched for them, `30d` at most. `0s` \
             keeps them until shortly after they should have been fetched again.",
        )
        .default(r#""24h""#),
        key(
            "snapshot",
            Kind::Text,
            r#"".portcullis/user-keys.json""#,
            "A file that keeps the last good keys, so that a restart while the issuer is away goes \
             on serving. It is sealed with `.portcullis/snapshot-key`, which is made when absent.",
        ),
        key(
            "start",
            Kind::Choice(&["lazy", "wait", "fail"]),
            r#""fail""#,
            "What `serve` does at its start without keys: `lazy` listens at once, `wait` waits for \
             them before, `fail` ends with status 1.",
        )
        .default(r#""lazy""#),
        key(
            "start_wait",
            Kind::Text,
            r#""10s""#,
            "How long `start` waits, from `1s` to `10m`: `wait` listens then without keys, `30s` \
             when absent; `fail` ends then, or when the first fetch has failed when absent.",
        ),
        key(
            "ready",
            Kind::Choice(&["required", "optional"]),
            r#""optional""#,
            "Whether `/ready` refuses until there were keys once. `optional` is for an issuer whose \
             outage must not keep the whole gateway out of service: its tokens alone get 503.",
        )
        .default(r#""required""#),
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
        key(
            "typ",
            Kind::ChoiceOrSomeTexts(&["lenient", "at+jwt", "any"]),
            r#""at+jwt""#,
            "Which `typ` a token may carry: `lenient` is none, `JWT` or `at+jwt`; `at+jwt` asks for \
             the claims of RFC 9068 too; `any` gives the check up. A list names all that may be \
             there, of which one must be.",
        )
        .default(r#""lenient""#),
        key(
            "required_claims",
            Kind::Texts,
            r#"["sub", "/realm_access/roles"]"#,
            "Claims that a token must have besides `exp`, by name or JSON pointer.",
        )
        .default("[]"),
        key(
            "max_age",
            Kind::Text,
            r#""24h""#,
            "How long ago a token may have been issued, by `iat`. Any time when absent.",
        ),
        key(
            "max_lifetime",
            Kind::Text,
            r#""7d""#,
            "How long a token may be good for, from `iat` to `exp`. Any time when absent.",
        ),
        key(
            "max_token_bytes",
            Kind::Count(1024, 65_536),
            "8192",
            "How long a token may be, in bytes. A longer one is refused before it is looked at.",
        )
        .default("16384"),
        key(
            "duplicate_claims",
            Kind::Choice(&["reject", "last"]),
            r#""last""#,
            "What becomes of a token with a claim that stands twice: `last` takes the last one, \
             which another reader of the token may not.",
        )
        .default(r#""reject""#),
        key(
            "ignore_cnf",
            Kind::Flag,
            "true",
            "Gives up that a token which is bound to a key or a certificate (`cnf`) comes with it.",
        )
        .default("false"),
        key(
            "sources",
            Kind::SomeTextsOrTables(&SOURCE),
            r#"["authorization", { cookie = "session" }]"#,
            "Where a request may carry the token: in the `Authorization` header as `Bearer` or \
             `DPoP`, or elsewhere. A token in two of these places is refused. Behind an API with \
             `errors = \"aws\"`, `Authorization` may hold the token without a scheme too.",
        )
        .default(r#"["authorization"]"#),
        key(
            "dpop",
            Kind::Choice(&["off", "accept", "require"]),
            r#""require""#,
            "Tokens that are bound to a key of the caller (RFC 9449), sent by the scheme `DPoP`: \
             `require` takes no others. Needs `url` in `[server]`.",
        )
        .default(r#""off""#),
        key(
            "dpop_nonce",
            Kind::Flag,
            "true",
            "Whether each `DPoP` proof must carry a nonce of the gateway's.",
        )
        .default("false"),
        key(
            "introspection",
            Kind::Table(&INTROSPECTION),
            r#"{ url = "https://a.example/introspect", client_id = "a", client_secret = "b" }"#,
            "The issuer's endpoint that is asked about opaque tokens. Nobody is asked when absent.",
        ),
        key(
            "revoked",
            Kind::Table(&REVOKED),
            r#"{ tokens = ["a-jti"] }"#,
            "Tokens that are refused although they have not expired.",
        )
        .default("{}"),
        key(
            "claim",
            Kind::List(&CLAIM),
            r#"[{ name = "org_id", equals = "org_1" }]"#,
            "Rules for the token's claims, all of which must hold.",
        )
        .default("[]"),
    ],
    later: &["pool"],
};

pub(crate) const ALGORITHMS: &[&str] = &[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
    "HS256", "HS384", "HS512",
];

use super::{Kind, Table, UPSTREAM, key};

pub(crate) const API: Table = Table {
    title: "[api.NAME]",
    doc: "A set of routes with what they share.",
    keys: &[
        key(
            "base",
            Kind::Text,
            r#""/httpbin""#,
            "What every path of the API begins with.",
        )
        .default(r#""/""#),
        key(
            "strip_base",
            Kind::Flag,
            "true",
            "Whether `base` is removed before a request goes to the upstream.",
        )
        .default("false"),
        key(
            "upstream",
            Kind::TextOrTable(&UPSTREAM),
            r#""http://localhost:3001""#,
            "The service behind the API: it answers all paths, and the routes without a target.",
        ),
        key(
            "auth",
            Kind::Auth,
            r#"{ user = ["read:reports"] }"#,
            "Who may call: `\"name\"`, `\"none\"`, `{ name = [scopes] }` (all of the table), or a \
             list of those (any of the list). A route's own replaces it.",
        ),
        key(
            "acr",
            Kind::Texts,
            r#"["mfa"]"#,
            "How strong the login must have been: one of these is the token's `acr`.",
        )
        .default("[]"),
        key(
            "max_age",
            Kind::Text,
            r#""5m""#,
            "How long ago the login may have been, by the token's `auth_time`. Any time when absent.",
        ),
        key(
            "identity",
            Kind::TextTable,
            r#"{ "x-user" = "sub", "x-scopes" = "scope" }"#,
            "Headers that tell the upstream who calls: header name, claim name. They are removed \
             from what the caller sends.",
        )
        .default("{}"),
        key(
            "token",
            Kind::Choice(&["strip", "keep"]),
            r#""keep""#,
            "Whether the upstream sees the caller's `Authorization` header.",
        )
        .default(r#""strip""#),
        key(
            "errors",
            Kind::Choice(&["problem", "aws", "tyk", "express-jwt"]),
            r#""aws""#,
            "Whose bodies refusals are answered with: our own problem details, or those \
             of API Gateway, Tyk or express-jwt.",
        )
        .default(r#""problem""#),
        key(
            "realm",
            Kind::Text,
            r#""orders""#,
            "What challenges (`WWW-Authenticate`) call the API. Its name when absent.",
        ),
        key(
            "routes",
            Kind::Routes(&ROUTE),
            r#"{ "GET /hello/{name}" = { respond = "Hello {name}", auth = "none" } }"#,
            "The routes, by `METHOD /path`; the method `ANY` stands for all that are not named.",
        )
        .default("{}"),
    ],
    later: &["cors", "policy"],
};

pub(crate) const ROUTE: Table = Table {
    title: "a route",
    doc: "Who may call, and what answers: `respond`, `upstream`, or the API's upstream.",
    keys: &[
        key(
            "auth",
            Kind::Auth,
            r#""none""#,
            "Who may call. The API's `auth` when absent.",
        ),
        key(
            "acr",
            Kind::Texts,
            r#"["mfa"]"#,
            "How strong the login must have been: one of these is the token's `acr`. The API's when absent.",
        ),
        key(
            "max_age",
            Kind::Text,
            r#""5m""#,
            "How long ago the login may have been, by the token's `auth_time`. The API's when absent.",
        ),
        key(
            "respond",
            Kind::Text,
            r#""Hello {name}""#,
            "The text to answer with; `{name}` is a parameter of the path, `{{` and `}}` are braces.",
        ),
        key(
            "upstream",
            Kind::TextOrTable(&UPSTREAM),
            r#""http://localhost:3002""#,
            "The service that answers.",
        ),
    ],
    later: &["function", "site", "cors", "errors", "policy"],
};

use super::{CORS, Kind, RESOURCE, Table, UPSTREAM, key};

pub(crate) const API: Table = Table {
    title: "[api.NAME]",
    doc: "A set of routes with what they share.",
    keys: &[
        key(
            "hosts",
            Kind::SomeTexts,
            r#"["api.example.com", "*.example.com"]"#,
            "The hosts whose requests the API answers; `*.` stands for any number of labels. A \
             request goes to the APIs of its host first, the most specific before others, then to \
             those of every host. Every host when absent.",
        ),
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
            Kind::TextOrTextsOrTable(&UPSTREAM),
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
            "anonymous_policy",
            Kind::Text,
            r#""guests""#,
            "The policy whose rate and quota hold for callers without a token, each by its network \
             address. It gives access to all of the API. Without limits when absent.",
        ),
        key(
            "rate",
            Kind::Text,
            r#""5000/1s""#,
            "Requests of all callers together in a time, which come back evenly, besides what \
             policies allow each of them. Unlimited when absent.",
        ),
        key(
            "quota",
            Kind::Text,
            r#""1000000/24h""#,
            "Requests of all callers together in a time that begins with the first. Unlimited \
             when absent.",
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
            "Whether the upstream sees the caller's token, wherever it was sent.",
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
            "aws_strict",
            Kind::Flag,
            "true",
            "Whether malformed requests and missing keys are 401 as API Gateway answers them, \
             instead of 400 and 503; only with `errors = \"aws\"`.",
        )
        .default("false"),
        key(
            "error_detail",
            Kind::Choice(&["standard", "minimal"]),
            r#""minimal""#,
            "How much refusals of tokens tell: `minimal` leaves out the sentence that says why. In \
             `dev` they tell the exact reason all the same.",
        )
        .default(r#""standard""#),
        key(
            "cors",
            Kind::FlagOrTable(&CORS),
            "true",
            "Whether pages of other origins may read answers: `true` for every site, or a table \
             of what they may. Preflights are then answered here, and what the upstream says of \
             it is replaced.",
        )
        .default("false"),
        key(
            "websocket_expires",
            Kind::Flag,
            "true",
            "Whether a WebSocket is cut when the token expires that opened it. Its callers must \
             then come back with another one.",
        )
        .default("false"),
        key(
            "encoded_slash",
            Kind::Choice(&["refuse", "keep"]),
            r#""keep""#,
            "Whether `%2F` is taken, as part of its segment. A route with the same `auth` must answer \
             the path with a slash in its place too, as `{name+}` does: the upstream may decode it.",
        )
        .default(r#""refuse""#),
        key(
            "dot_segments",
            Kind::Choice(&["refuse", "resolve"]),
            r#""resolve""#,
            "Whether `.` and `..` are resolved, never beyond `base`, before anything is decided.",
        )
        .default(r#""refuse""#),
        key(
            "empty_segments",
            Kind::Choice(&["refuse", "keep", "merge"]),
            r#""merge""#,
            "Whether `//` is taken as a segment, or merged before anything is decided.",
        )
        .default(r#""refuse""#),
        key(
            "raw",
            Kind::Flag,
            "true",
            "Whether the upstream gets the path as it was received, whatever its spelling. Every \
             route of the API then has the same `auth`, and no policy names its endpoints.",
        )
        .default("false"),
        key(
            "resource",
            Kind::TextOrTable(&RESOURCE),
            r#""https://api.example.com/expenses""#,
            "The API's identifier (RFC 9728). The gateway then answers for it at \
             `/.well-known/oauth-protected-resource`, which refusals point to.",
        ),
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
    later: &["policy"],
};

pub(crate) const ROUTE: Table = Table {
    title: "a route",
    doc: "Who may call, and what answers: `respond`, `upstream`, `function`, or the API's upstream.",
    keys: &[
        key(
            "auth",
            Kind::Auth,
            r#""none""#,
            "Who may call. The API's `auth` when absent.",
        ),
        key(
            "anonymous_policy",
            Kind::Text,
            r#""guests""#,
            "The policy whose limits hold for callers without a token. The API's when absent.",
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
            Kind::TextOrTextsOrTable(&UPSTREAM),
            r#""http://localhost:3002""#,
            "The service that answers: its address, a list of addresses, or a table.",
        ),
        key(
            "function",
            Kind::Text,
            r#""functions/hello.main""#,
            "The function that answers: a handler, or the NAME of a `[function.NAME]`. A string in the \
             place of the route's table says the same.",
        ),
    ],
    later: &["site", "errors", "policy"],
};

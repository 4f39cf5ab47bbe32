//! Every key of the file, once: the reader and the JSON Schema both work from these tables.

/// The keys that a table of the file may hold.
#[derive(Debug)]
pub(crate) struct Table {
    /// How messages call it.
    pub(crate) title: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) keys: &'static [Key],
    /// Keys of the design that this version refuses in so many words.
    pub(crate) later: &'static [&'static str],
}

/// One key.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) doc: &'static str,
    /// What an absent key means, as TOML.
    pub(crate) default: Option<&'static str>,
    /// A good value, as TOML.
    pub(crate) example: &'static str,
    pub(crate) required: bool,
}

/// What a key holds.
#[derive(Debug)]
pub(crate) enum Kind {
    Text,
    Flag,
    /// A whole number, both ends included.
    Count(i64, i64),
    Choice(&'static [&'static str]),
    Texts,
    /// A list of strings of which at least one is needed.
    SomeTexts,
    /// A list of strings of which at least one is needed, or the word `any`.
    SomeTextsOrAny,
    /// A list of these words of which at least one is needed.
    SomeChoices(&'static [&'static str]),
    /// A table of strings.
    TextTable,
    /// A table of lists of strings.
    TextsTable,
    /// Who may call: a name, `none`, a table of scopes by name, or a list of those.
    Auth,
    /// A table with the keys listed.
    Table(&'static Table),
    /// A table of such tables, under names of letters, digits, `_` and `-`.
    Named(&'static Table),
    /// A table of such tables, under `METHOD /path`.
    Routes(&'static Table),
    /// A list of such tables: `[[tenant.user]]`.
    List(&'static Table),
}

const fn key(name: &'static str, kind: Kind, example: &'static str, doc: &'static str) -> Key {
    Key {
        name,
        kind,
        doc,
        default: None,
        example,
        required: false,
    }
}

impl Key {
    const fn default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    const fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

impl Table {
    pub(crate) fn find(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

pub(crate) const ROOT: Table = Table {
    title: "the file",
    doc: "What Portcullis protects, and how.",
    keys: &[
        key("name", Kind::Text, r#""expenses""#, "The project's name."),
        key(
            "server",
            Kind::Table(&SERVER),
            r#"{ listen = "127.0.0.1:8080" }"#,
            "How the gateway listens.",
        ),
        key(
            "authorizer",
            Kind::Named(&AUTHORIZER),
            r#"{ user = { issuer = "https://tenant.example.com/", audience = ["testing"] } }"#,
            "What proves who a caller is, by the name that `auth` refers to.",
        ),
        key(
            "api",
            Kind::Named(&API),
            r#"{ main = { upstream = "http://localhost:3001", auth = "none" } }"#,
            "What is protected, by name.",
        ),
        key(
            "tenant",
            Kind::Table(&TENANT),
            r#"{ listen = "127.0.0.1:4000" }"#,
            "The embedded identity provider that `portcullis dev` runs.",
        ),
    ],
    later: &[
        "policy",
        "identity_pool",
        "site",
        "errors",
        "include",
        "store",
    ],
};

pub(crate) const SERVER: Table = Table {
    title: "[server]",
    doc: "How the gateway listens.",
    keys: &[
        key(
            "listen",
            Kind::Text,
            r#""0.0.0.0:8080""#,
            "Address and port to listen on.",
        )
        .default(r#""127.0.0.1:8080""#),
        key(
            "workers",
            Kind::Count(1, 1024),
            "2",
            "Threads that serve requests. One per core when absent.",
        ),
        key(
            "trusted_proxies",
            Kind::Texts,
            r#"["10.0.0.0/8", "192.0.2.7"]"#,
            "Addresses and ranges whose `X-Forwarded-*` headers are believed.",
        )
        .default("[]"),
        key(
            "limits",
            Kind::Table(&LIMITS),
            r#"{ body = "1MiB" }"#,
            "What a request may cost.",
        ),
    ],
    later: &["admin", "tls"],
};

pub(crate) const LIMITS: Table = Table {
    title: "[server.limits]",
    doc: "What a request may cost.",
    keys: &[key(
        "body",
        Kind::Text,
        r#""512KiB""#,
        "The largest request body: B, KiB, MiB, GiB.",
    )
    .default(r#""10MiB""#)],
    later: &[],
};

pub(crate) const ALGORITHMS: &[&str] = &[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
];

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
    ],
    later: &["policy", "identity", "pool"],
};

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
            Kind::Text,
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
            "Whose bodies refused credentials are answered with: our own problem details, or those \
             of API Gateway, Tyk or express-jwt.",
        )
        .default(r#""problem""#),
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
            "respond",
            Kind::Text,
            r#""Hello {name}""#,
            "The text to answer with; `{name}` is a parameter of the path, `{{` and `}}` are braces.",
        ),
        key(
            "upstream",
            Kind::Text,
            r#""http://localhost:3002""#,
            "The service that answers.",
        ),
    ],
    later: &["function", "site", "cors", "errors", "policy"],
};

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

#[cfg(test)]
mod tests;

//! Every key of the file, once: the reader and the JSON Schema both work from these tables.

mod admission;
mod api;
mod authorizer;
mod claim;
mod cors;
mod errors;
mod function;
mod identity_pool;
mod observe;
mod people;
mod policy;
mod resource;
mod server;
mod source;
mod tenant;
mod tenant_api;
mod upstream;

pub(crate) use admission::{INTROSPECTION, REVOKED};
pub(crate) use api::{API, ROUTE};
#[cfg(test)]
pub(crate) use authorizer::ALGORITHMS;
pub(crate) use authorizer::AUTHORIZER;
pub(crate) use claim::CLAIM;
pub(crate) use cors::CORS;
pub(crate) use errors::ERRORS;
pub(crate) use function::FUNCTION;
pub(crate) use identity_pool::{
    IDENTITY_POOL, POOL_PROVIDER, POOL_ROLE, POOL_RULE, SIGNED_AUTHORIZER,
};
pub(crate) use observe::{LOG, TELEMETRY};
pub(crate) use people::{ROLE, USER};
pub(crate) use policy::{CHOICE, POLICY, STORE};
pub(crate) use resource::RESOURCE;
pub(crate) use server::{ADMIN, CERTIFICATE, LIMITS, SERVER, TLS};
pub(crate) use source::SOURCE;
pub(crate) use tenant::{APPLICATION, TENANT};
pub(crate) use tenant_api::{TENANT_API, TOKEN_DIALECTS};
pub(crate) use upstream::{HEALTH, UPSTREAM, UPSTREAM_TLS};

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
    /// One of these words, or a list of strings of which at least one is needed.
    ChoiceOrSomeTexts(&'static [&'static str]),
    /// A string, a number or a boolean.
    Scalar,
    /// A list of those of which at least one is needed.
    SomeScalars,
    /// A number, whole or not.
    Number,
    Texts,
    /// A list of strings of which at least one is needed.
    SomeTexts,
    /// A list of strings of which at least one is needed, or the word `any`.
    SomeTextsOrAny,
    /// A list of these words of which at least one is needed.
    SomeChoices(&'static [&'static str]),
    /// A list of these words.
    Choices(&'static [&'static str]),
    /// A table of strings.
    TextTable,
    /// A table of lists of strings.
    TextsTable,
    /// A table of anything but dates.
    AnyTable,
    /// Who may call: a name, `none`, a table of scopes by name, or a list of those.
    Auth,
    /// A string, or a table with the keys listed.
    TextOrTable(&'static Table),
    /// A string, or a list of those of which at least one is needed.
    TextOrTexts,
    /// The same, or a table with the keys listed.
    TextOrTextsOrTable(&'static Table),
    /// A boolean, or a table with the keys listed.
    FlagOrTable(&'static Table),
    /// A list of strings and tables with the keys listed, of which at least one is needed.
    SomeTextsOrTables(&'static Table),
    /// What a policy gives access to: a list of names, or a table of endpoints by name.
    Rights,
    /// A table with the keys listed.
    Table(&'static Table),
    /// A table of such tables, under names of letters, digits, `_` and `-`.
    Named(&'static Table),
    /// The same, of tables of either kind.
    NamedEither(&'static Table, &'static Table),
    /// A table of such tables, or of strings that name a function, under `METHOD /path`.
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
            Kind::NamedEither(&AUTHORIZER, &SIGNED_AUTHORIZER),
            r#"{ user = { issuer = "https://tenant.example.com/", audience = ["testing"] } }"#,
            "What proves who a caller is, by the name that `auth` refers to.",
        ),
        key(
            "identity_pool",
            Kind::Named(&IDENTITY_POOL),
            r#"{ Auth = { providers = [{ domain = "a.example", client_id = "web" }] } }"#,
            "What gives temporary credentials for logins, by the name that authorizers refer to.",
        ),
        key(
            "api",
            Kind::Named(&API),
            r#"{ main = { upstream = "http://localhost:3001", auth = "none" } }"#,
            "What is protected, by name.",
        ),
        key(
            "function",
            Kind::Named(&FUNCTION),
            r#"{ hello = { handler = "functions/hello.main" } }"#,
            "Functions that need more said than a route can, by the name that routes refer to.",
        ),
        key(
            "errors",
            Kind::Table(&ERRORS),
            r#"{ aws = { expired = "Log in again." } }"#,
            "Other words for refusals, by the style of `errors` and the code of the reason.",
        ),
        key(
            "policy",
            Kind::Named(&POLICY),
            r#"{ standard = { apis = ["main"], rate = "1000/1m" } }"#,
            "What callers may reach and how often, by the name that tokens and authorizers refer \
             to.",
        ),
        key(
            "store",
            Kind::Table(&STORE),
            r#"{ limits = "memory" }"#,
            "Where what gateways share is kept.",
        ),
        key(
            "tenant",
            Kind::Table(&TENANT),
            r#"{ listen = "127.0.0.1:4000" }"#,
            "The embedded identity provider that `portcullis dev` runs.",
        ),
        key(
            "log",
            Kind::Table(&LOG),
            r#"{ subject = "hash" }"#,
            "What is written down about requests.",
        ),
        key(
            "telemetry",
            Kind::Table(&TELEMETRY),
            r#"{ otlp = "http://127.0.0.1:4318" }"#,
            "Where traces are sent.",
        ),
    ],
    later: &["site", "include"],
};

#[cfg(test)]
mod tests;

//! What is typed after `portcullis`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use portcullis::ClientCertificate;
use url::Url;

use crate::explain::Request;
use crate::new::Template;

/// Secures HTTP APIs with JSON Web Tokens, on your laptop exactly as in production.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a project for one of the guides, ready to run.
    New(New),
    /// Run the gateway, and a tenant that stands in for every issuer, on this machine.
    Dev(Dev),
    /// Run the gateway in production, by the issuers that portcullis.toml names.
    Serve(Serve),
    /// Print an access token.
    Token(Token),
    /// Show every step of the decision about a request, and what to do when it is refused.
    Explain(Explain),
    /// Check portcullis.toml, and show each route with who may call it.
    Check(Check),
    /// Print the portcullis.toml that says what another product's file says.
    Import(Import),
    /// Print what an API of portcullis.toml is, for other products.
    Export(Export),
    /// End the processes of functions when the gateway that writes their numbers here is gone.
    #[command(hide = true, name = crate::functions::GUARD)]
    FunctionGuard,
    /// Print the JSON Schema of portcullis.toml, for editors.
    Schema,
    /// Print the completions of a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

#[derive(Args, Debug)]
pub(crate) struct New {
    /// The folder to make; one that is there must be empty.
    pub(crate) directory: PathBuf,
    /// What it becomes; asked for on a terminal when left out.
    #[arg(long, short, value_name = "TEMPLATE")]
    pub(crate) template: Option<Template>,
}

#[derive(Args, Debug)]
pub(crate) struct Dev {
    /// The folder with portcullis.toml.
    #[arg(default_value = ".")]
    pub(crate) directory: PathBuf,
    /// Where the gateway listens, instead of `listen` in `[server]`; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    pub(crate) listen: Option<SocketAddr>,
    /// Where the tenant listens, instead of `listen` in `[tenant]`; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    pub(crate) tenant_listen: Option<SocketAddr>,
    /// Whose tokens are accepted.
    #[arg(long, value_name = "WHOSE", default_value = "tenant")]
    pub(crate) issuer: IssuerChoice,
    /// `json` prints one JSON object on stdout when everything is ready.
    #[arg(long, default_value = "text")]
    pub(crate) format: Format,
    /// Tell more: what the parts do, besides each request.
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// The folder with portcullis.toml, which is read again when it changes and on SIGHUP.
    #[arg(default_value = ".")]
    pub(crate) directory: PathBuf,
    /// Where the gateway listens, instead of `listen` in `[server]`; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    pub(crate) listen: Option<SocketAddr>,
    /// How logs are written to stderr; `text` on a terminal and `json` elsewhere when left out.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<Format>,
    /// `json` prints one JSON object on stdout when the gateway listens.
    #[arg(long, default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Args, Debug)]
pub(crate) struct Token {
    /// The API that the token is for, by its audience or its name; not needed when there is one only.
    #[arg(long, visible_alias = "api")]
    pub(crate) audience: Option<String>,
    /// The scopes to ask for, between spaces; all that are granted when left out.
    #[arg(long)]
    pub(crate) scope: Option<String>,
    /// The user whose token it is, of a `portcullis dev` on this machine: an address, or its beginning.
    #[arg(long, conflicts_with = "client_secret")]
    pub(crate) user: Option<String>,
    /// The application that asks, by its client id or its name; `dev` makes one that may do everything.
    #[arg(long, value_name = "CLIENT_ID", visible_alias = "application")]
    pub(crate) client: Option<String>,
    /// The application's secret, for issuers that this machine does not run.
    #[arg(
        long,
        env = "PORTCULLIS_CLIENT_SECRET",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    pub(crate) client_secret: Option<String>,
    /// The tenant to ask, instead of the `portcullis dev` of this folder.
    #[arg(long, value_name = "URL")]
    pub(crate) tenant: Option<Url>,
    /// `json` prints the whole answer of the tenant.
    #[arg(long, default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// The request, as in 'GET /path', or with the address that callers use; the method may be left
    /// out.
    pub(crate) request: Request,
    /// The access token to send; `-` reads it from stdin.
    #[arg(long)]
    pub(crate) token: Option<String>,
    /// The `DPoP` proof to send with the token, for a token that is bound to a key.
    #[arg(long, requires = "token", value_name = "PROOF")]
    pub(crate) dpop: Option<String>,
    /// The SHA-256 thumbprint of the caller's certificate, for a token that is bound to one.
    #[arg(long, value_name = "THUMBPRINT")]
    pub(crate) certificate: Option<ClientCertificate>,
    /// The folder with portcullis.toml, instead of the one that `portcullis dev` was given here.
    #[arg(long, value_name = "DIR")]
    pub(crate) project: Option<PathBuf>,
    /// Whose tokens are accepted.
    #[arg(long, value_name = "WHOSE", default_value = "tenant")]
    pub(crate) issuer: IssuerChoice,
    /// The key set to check signatures with, for issuers that this machine does not run.
    #[arg(long, value_name = "FILE")]
    pub(crate) jwks: Option<PathBuf>,
    /// `json` prints one JSON object.
    #[arg(long, default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Args, Debug)]
pub(crate) struct Check {
    /// The folder with portcullis.toml.
    #[arg(default_value = ".")]
    pub(crate) directory: PathBuf,
    /// Fail on warnings too.
    #[arg(long)]
    pub(crate) strict: bool,
    /// `json` prints one JSON object.
    #[arg(long, default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Args, Debug)]
pub(crate) struct Export {
    #[command(subcommand)]
    pub(crate) to: ExportTo,
}

/// What an API is written as.
#[derive(Debug, Subcommand)]
pub(crate) enum ExportTo {
    /// An `OpenAPI` 3.1 document of its routes, with who may call each.
    Openapi(ExportOpenApi),
}

#[derive(Args, Debug)]
pub(crate) struct ExportOpenApi {
    /// The folder with portcullis.toml.
    #[arg(default_value = ".")]
    pub(crate) directory: PathBuf,
    /// Which API, where there are several.
    #[arg(long, value_name = "NAME")]
    pub(crate) api: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Import {
    #[command(subcommand)]
    pub(crate) from: ImportFrom,
    /// Write to this file instead of stdout.
    #[arg(long, short, global = true, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Replace the file that is there.
    #[arg(long, global = true)]
    pub(crate) force: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImportFrom {
    /// Routes and security of an `OpenAPI` 3 document, in JSON or YAML.
    Openapi(OpenApi),
    /// An API definition of Tyk with its policies.
    Tyk(Tyk),
}

#[derive(Args, Debug, Default)]
pub(crate) struct OpenApi {
    /// The document.
    pub(crate) file: PathBuf,
    /// Whose tokens a security scheme stands for, where the document does not say it.
    #[arg(
        long = "authorizer",
        value_name = "SCHEME=ISSUER,AUDIENCE",
        value_parser = parse_scheme
    )]
    pub(crate) authorizers: Vec<Scheme>,
    /// The service behind the API, instead of the document's first server.
    #[arg(long, value_name = "URL")]
    pub(crate) upstream: Option<Url>,
    /// What the API is called, instead of the document's title.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Let everybody call the operations for which the document names no security at all.
    #[arg(long)]
    pub(crate) public: bool,
}

/// Whose tokens a security scheme stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scheme {
    pub(crate) name: String,
    pub(crate) issuer: String,
    pub(crate) audience: String,
}

#[derive(Args, Debug, Default)]
pub(crate) struct Tyk {
    /// The API definition, classic or `OpenAPI` with `x-tyk-api-gateway`.
    pub(crate) api: PathBuf,
    /// The policies: an object by id, or a list.
    pub(crate) policies: Option<PathBuf>,
    /// Give up a part of the definition that has no counterpart here, by its name.
    #[arg(long, value_name = "FIELD")]
    pub(crate) without: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum IssuerChoice {
    /// Those of the embedded tenant, which stands in for every issuer of the file.
    Tenant,
    /// Those of the issuers that the file names.
    Real,
}

/// `ADDRESS:PORT`, `localhost:PORT`, or a port on the loopback address.
fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let loopback = |port: &str| {
        let port = port.parse().ok()?;
        Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
    };
    let port = text
        .strip_prefix("localhost:")
        .or_else(|| text.strip_prefix(':'))
        .unwrap_or(text);
    text.parse()
        .ok()
        .or_else(|| loopback(port))
        .ok_or_else(|| "expected `ADDRESS:PORT` or a port, such as `127.0.0.1:8080`".to_owned())
}

/// `SCHEME=ISSUER,AUDIENCE`.
fn parse_scheme(text: &str) -> Result<Scheme, String> {
    let (name, rest) = text.split_once('=').unwrap_or_default();
    let (issuer, audience) = rest.split_once(',').unwrap_or_default();
    if [name, issuer, audience].contains(&"") {
        return Err("expected `SCHEME=ISSUER,AUDIENCE`".to_owned());
    }
    Ok(Scheme {
        name: name.to_owned(),
        issuer: issuer.to_owned(),
        audience: audience.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn an_address_may_be_a_port_alone() {
        for (text, expected) in [
            ("127.0.0.1:0", Some("127.0.0.1:0")),
            ("0.0.0.0:80", Some("0.0.0.0:80")),
            ("[::1]:80", Some("[::1]:80")),
            ("localhost:8080", Some("127.0.0.1:8080")),
            (":8080", Some("127.0.0.1:8080")),
            ("8080", Some("127.0.0.1:8080")),
            ("65536", None),
            ("example.com:80", None),
            ("", None),
        ] {
            let expected = expected.map(|address| address.parse().unwrap());
            assert_eq!(parse_address(text).ok(), expected, "{text:?}");
        }
    }
}

mod api;
mod application;
mod claims;
mod json;
mod people;
mod unique;
mod urls;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use portcullis_token::Secret;
use url::{Host, Url};

use self::unique::Unique;
use self::urls::{is_return_address, read_urls};
use super::auth::read_scope;
use super::fields::{Entry, Fields, entries};
use super::reader::{Reader, Reported, all};
use super::server::read_address;
use crate::diagnostic::Diagnostic;
use crate::keys::TENANT;
use crate::tenant::{ErrorDialect, Permissions, Tenant};

const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4000);

const DIALECTS: [(&str, ErrorDialect); 2] = [
    ("auth0", ErrorDialect::Auth0),
    ("rfc6749", ErrorDialect::Rfc6749),
];

pub(super) fn read(reader: &mut Reader<'_>, root: &Fields<'_>) -> Result<Tenant, Reported> {
    let Some(fields) = root.optional("tenant", |entry| Fields::open(reader, &TENANT, &entry))?
    else {
        return Ok(nothing_said());
    };
    let listen = fields.optional("listen", |entry| read_address(reader, &entry));
    let https = fields.optional("https", |entry| read_address(reader, &entry));
    let issuer = fields.optional("issuer", |entry| read_issuer(reader, &entry));
    let aliases = fields.optional("aliases", |entry| {
        reader.list(&entry, "a list of strings", read_alias)
    });
    let error_dialect = fields.optional("error_dialect", |entry| reader.choice(&entry, &DIALECTS));
    let default_audience = fields.optional("default_audience", |entry| reader.nonempty(&entry));
    let oidc_logout = fields.optional("oidc_logout", |entry| reader.flag(&entry));
    let logout_prompt = fields.optional("logout_prompt", |entry| reader.flag(&entry));
    let logout_urls = read_urls(reader, &fields, "logout_urls", is_return_address);
    let claims = fields.optional("claims", |entry| claims::read_claims(reader, &entry));
    let apis = fields.optional("api", |entry| {
        let mut identifiers = Unique::default();
        reader.list(&entry, "a list of tables", |reader, entry| {
            api::read_api(reader, entry, &mut identifiers)
        })
    });
    let mut role_names = Unique::default();
    let roles = fields.optional("role", |entry| {
        people::read_roles(reader, &entry, &mut role_names)
    });
    let users = fields.optional("user", |entry| {
        people::read_users(reader, &entry, &role_names)
    });
    let applications = fields.optional("application", |entry| {
        let mut client_ids = Unique::default();
        reader.list(&entry, "a list of tables", |reader, entry| {
            application::read_application(reader, entry, &mut client_ids)
        })
    });
    Ok(Tenant {
        listen: listen?.unwrap_or(LISTEN),
        https: https?,
        issuer: issuer?,
        aliases: aliases?.unwrap_or_default(),
        error_dialect: error_dialect?.unwrap_or_default(),
        default_audience: default_audience?,
        oidc_logout: oidc_logout?.unwrap_or(true),
        logout_prompt: logout_prompt?.unwrap_or(true),
        logout_urls: logout_urls?,
        claims: claims?.unwrap_or_default(),
        apis: apis?.unwrap_or_default(),
        roles: roles?.unwrap_or_default(),
        users: users?.unwrap_or_default(),
        applications: applications?.unwrap_or_default(),
    })
}

const fn nothing_said() -> Tenant {
    Tenant {
        listen: LISTEN,
        https: None,
        issuer: None,
        aliases: Vec::new(),
        error_dialect: ErrorDialect::Auth0,
        default_audience: None,
        oidc_logout: true,
        logout_prompt: true,
        logout_urls: Vec::new(),
        claims: Vec::new(),
        apis: Vec::new(),
        roles: Vec::new(),
        users: Vec::new(),
        applications: Vec::new(),
    }
}

/// Reads the name of a tenant, which answers at the root of its host only.
fn read_issuer(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Url, Reported> {
    let url = Url::parse(&reader.text(entry)?.value()).ok();
    let is_root = |url: &Url| {
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let nobody = url.username().is_empty() && url.password().is_none();
        matches!(url.scheme(), "http" | "https") && bare && nobody
    };
    url.filter(is_root).ok_or_else(|| {
        let problem = Diagnostic::new(
            entry.span(),
            format!("{entry} must be the root of a host, by http or https"),
        );
        reader.refuse(problem.hint("write for example `https://localhost:4443/`"))
    })
}

/// Reads the name of a host, in lower case.
fn read_alias(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<String, Reported> {
    let name = reader.text(entry)?.value();
    match Host::parse(&name) {
        Ok(Host::Domain(domain)) if domain.eq_ignore_ascii_case(&name) => Ok(domain),
        _ => Err(reader.bad(entry, "must be the name of a host, without scheme and port")),
    }
}

pub(super) fn read_secret(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
) -> Result<Secret<String>, Reported> {
    let text = reader.text(entry)?;
    if text.written.starts_with("file:") {
        let problem = Diagnostic::new(
            entry.span(),
            "a secret in a file is not available in this version",
        );
        return Err(reader.refuse(problem.hint("read it from the environment: `${NAME}`")));
    }
    let secret = Secret::new(text.value());
    if secret.expose().is_empty() {
        Err(reader.bad(entry, "is empty"))
    } else {
        Ok(secret)
    }
}

/// Reads the scopes of each audience.
fn read_permissions(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Permissions, Reported> {
    let audiences = entries(reader.table(entry)?);
    let permissions = audiences
        .iter()
        .map(|audience| {
            let scopes = reader.list(audience, "a list of scopes", read_scope)?;
            Ok((audience.name.to_owned(), scopes))
        })
        .collect();
    all(permissions).map(|pairs| pairs.into_iter().collect())
}

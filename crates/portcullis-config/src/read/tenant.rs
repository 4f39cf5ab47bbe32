use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;

use portcullis_token::Secret;
use url::Url;

use super::auth::read_scope;
use super::fields::{Entry, Fields, entries};
use super::reader::{Reader, Reported, all};
use super::server::read_address;
use crate::diagnostic::Diagnostic;
use crate::keys::{APPLICATION, TENANT, USER};
use crate::tenant::{Application, ApplicationKind, Permissions, Tenant, User};

const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4000);

pub(super) fn read(reader: &mut Reader<'_>, root: &Fields<'_>) -> Result<Tenant, Reported> {
    let Some(fields) = root.optional("tenant", |entry| Fields::open(reader, &TENANT, &entry))?
    else {
        return Ok(Tenant {
            listen: LISTEN,
            users: Vec::new(),
            applications: Vec::new(),
        });
    };
    let listen = fields.optional("listen", |entry| read_address(reader, &entry));
    let users = fields.optional("user", |entry| read_users(reader, &entry));
    let applications = fields.optional("application", |entry| {
        let mut client_ids = Unique::default();
        reader.list(&entry, "a list of tables", |reader, entry| {
            read_application(reader, entry, &mut client_ids)
        })
    });
    Ok(Tenant {
        listen: listen?.unwrap_or(LISTEN),
        users: users?.unwrap_or_default(),
        applications: applications?.unwrap_or_default(),
    })
}

fn read_users(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Vec<User>, Reported> {
    let mut emails = Unique::default();
    let users = reader.list(entry, "a list of tables", |reader, entry| {
        read_user(reader, entry, &mut emails)
    })?;
    if !users.is_empty() {
        let message = "users are read but cannot log in in this version";
        reader.warn(Diagnostic::new(entry.key.clone(), message));
    }
    Ok(users)
}

fn read_user(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    emails: &mut Unique,
) -> Result<User, Reported> {
    let fields = Fields::open(reader, &USER, entry)?;
    let email = fields
        .required(reader, "email")
        .and_then(|entry| read_email(reader, &entry, emails));
    let password = fields
        .required(reader, "password")
        .and_then(|entry| read_secret(reader, &entry));
    let permissions = fields.optional("permissions", |entry| read_permissions(reader, &entry));
    Ok(User {
        email: email?,
        password: password?,
        permissions: permissions?.unwrap_or_default(),
        origin: reader.origin(&entry.key),
    })
}

fn read_email(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    emails: &mut Unique,
) -> Result<String, Reported> {
    let email = reader.text(entry)?.value();
    let (person, host) = email.split_once('@').unwrap_or_default();
    let odd = |character: char| character.is_whitespace() || character.is_control();
    if person.is_empty() || host.is_empty() || email.contains(odd) {
        return Err(reader.bad(entry, "is not an e-mail address"));
    }
    emails.check(
        reader,
        entry,
        email.to_lowercase(),
        "another user has the same e-mail address",
    )?;
    Ok(email)
}

fn read_application(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    client_ids: &mut Unique,
) -> Result<Application, Reported> {
    let fields = Fields::open(reader, &APPLICATION, entry)?;
    let name = fields
        .required(reader, "name")
        .and_then(|entry| reader.nonempty(&entry));
    let kind = fields
        .required(reader, "type")
        .and_then(|entry| reader.choice(&entry, &ApplicationKind::ALL));
    let client_id = fields.optional("client_id", |entry| {
        read_client_id(reader, &entry, client_ids)
    });
    let client_secret = fields.optional("client_secret", |entry| read_secret(reader, &entry));
    let callbacks = read_urls(reader, &fields, "callbacks", is_return_address);
    let logout_urls = read_urls(reader, &fields, "logout_urls", is_return_address);
    let web_origins = read_urls(reader, &fields, "web_origins", is_origin);
    let permissions = fields.optional("permissions", |entry| read_permissions(reader, &entry));
    Ok(Application {
        name: name?,
        kind: kind?,
        client_id: client_id?,
        client_secret: client_secret?,
        callbacks: callbacks?,
        logout_urls: logout_urls?,
        web_origins: web_origins?,
        permissions: permissions?,
        origin: reader.origin(&entry.key),
    })
}

/// Reads a client identifier: printable ASCII (RFC 6749 appendix A.1).
fn read_client_id(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    client_ids: &mut Unique,
) -> Result<String, Reported> {
    let client_id = reader.text(entry)?.value();
    if client_id.is_empty() || !client_id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(reader.bad(entry, "must be printable ASCII without spaces"));
    }
    let message = "another application has the same client_id";
    client_ids.check(reader, entry, client_id.clone(), message)?;
    Ok(client_id)
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

fn read_urls(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    name: &str,
    accept: fn(&Url) -> bool,
) -> Result<Vec<String>, Reported> {
    let urls = fields.optional(name, |entry| {
        reader.list(&entry, "a list of strings", |reader, entry| {
            read_url(reader, entry, accept)
        })
    });
    urls.map(Option::unwrap_or_default)
}

/// Reads an address that browsers are sent to. It is compared as written, so it is kept as written.
fn read_url(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    accept: fn(&Url) -> bool,
) -> Result<String, Reported> {
    let text = reader.text(entry)?.value();
    let printable = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let url = if printable {
        Url::parse(&text).ok()
    } else {
        None
    };
    match url.filter(accept) {
        Some(_) => Ok(text),
        None => Err(reader.bad(entry, "is not an address that can be used here")),
    }
}

/// RFC 6749 section 3.1.2: an absolute address without a fragment. Addresses that run code are not
/// places to return to.
fn is_return_address(url: &Url) -> bool {
    let runs_code = matches!(
        url.scheme(),
        "javascript" | "data" | "vbscript" | "blob" | "file"
    );
    url.fragment().is_none() && !runs_code && (!is_web(url) || url.has_host())
}

/// RFC 6454: scheme, host and port only.
fn is_origin(url: &Url) -> bool {
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    is_web(url) && bare && url.username().is_empty() && url.password().is_none()
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "https" | "http")
}

/// Values that only one entry of a list may have.
#[derive(Default)]
struct Unique(HashMap<String, Range<usize>>);

impl Unique {
    fn check(
        &mut self,
        reader: &mut Reader<'_>,
        entry: &Entry<'_>,
        value: String,
        message: &str,
    ) -> Result<(), Reported> {
        let Some(first) = self.0.insert(value, entry.span()) else {
            return Ok(());
        };
        let problem = Diagnostic::new(entry.span(), message).secondary(first, "the other one");
        Err(reader.refuse(problem))
    }
}

//! Identity pools, and the authorizers that take requests signed with their credentials.

use std::net::{Ipv4Addr, SocketAddr};

use portcullis_token::{RolePolicy, Secret};

use super::authorizer::check_name;
use super::fields::{Entry, Fields, entries};
use super::policy::Names;
use super::reader::{Reader, Reported, all};
use crate::authorizer::IssuerUrl;
use crate::diagnostic::{Diagnostic, Quoted};
use crate::identity_pool::{
    IdentityPool, PoolProvider, PoolRole, PoolRule, RolePermissions, RuleComparison,
    SignedAuthorizer,
};
use crate::keys::{IDENTITY_POOL, POOL_PROVIDER, POOL_ROLE, POOL_RULE, SIGNED_AUTHORIZER};

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 4100);
const REGION: &str = "us-east-1";
const ACCOUNT: &str = "000000000000";
const SHORTEST_SECRET: usize = 32;
/// The roles that every pool may have.
pub(super) const OWN_ROLES: [&str; 2] = ["authenticated", "unauthenticated"];

/// Whether an authorizer's table is one of signed requests.
pub(super) fn is_signed(entry: &Entry<'_>) -> bool {
    let table = entry.value.get_ref().as_table();
    let kind = table.and_then(|table| table.get("type"));
    kind.is_some_and(|kind| kind.get_ref().as_str() == Some("sigv4"))
}

/// Reads every authorizer of signed requests.
pub(super) fn read_authorizers(
    reader: &mut Reader<'_>,
    signed: &[Entry<'_>],
    pools: &Names<'_>,
) -> Result<Vec<SignedAuthorizer>, Reported> {
    let read = signed
        .iter()
        .map(|entry| read_authorizer(reader, entry, pools));
    all(read.collect())
}

fn read_authorizer(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    pools: &Names<'_>,
) -> Result<SignedAuthorizer, Reported> {
    let name = check_name(reader, entry, "an authorizer");
    let fields = Fields::open(reader, &SIGNED_AUTHORIZER, entry)?;
    let pool = fields.required(reader, "pool");
    let pool = pool.and_then(|entry| pools.read(reader, &entry));
    let lenient = fields.optional("lenient", |entry| reader.flag(&entry));
    Ok(SignedAuthorizer {
        name: name?,
        origin: reader.origin(&entry.key),
        pool: pool?,
        lenient: lenient?.unwrap_or(true),
    })
}

/// Reads every pool.
pub(super) fn read_all(
    reader: &mut Reader<'_>,
    root: &Fields<'_>,
    apis: &Names<'_>,
) -> Result<Vec<IdentityPool>, Reported> {
    let Some(entry) = root.find("identity_pool") else {
        return Ok(Vec::new());
    };
    let table = reader.table(&entry)?;
    let pools = entries(table);
    all(pools
        .iter()
        .map(|entry| read(reader, entry, apis))
        .collect())
}

fn read(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    apis: &Names<'_>,
) -> Result<IdentityPool, Reported> {
    let name = check_name(reader, entry, "an identity pool");
    let fields = Fields::open(reader, &IDENTITY_POOL, entry)?;
    let providers = read_providers(reader, &fields);
    let listen = fields.optional("listen", |entry| {
        let text = reader.text(&entry)?.value();
        let address = text.parse();
        address.map_err(|_| reader.bad(&entry, "must be an address such as `127.0.0.1:4100`"))
    });
    let region = fields.optional("region", |entry| read_region(reader, &entry));
    let account = fields.optional("account", |entry| {
        let text = reader.text(&entry)?.value();
        if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(text)
        } else {
            Err(reader.bad(&entry, "must be 12 digits"))
        }
    });
    let id = fields.optional("id", |entry| read_id(reader, &entry));
    let secret = fields.optional("secret", |entry| read_secret(reader, &entry));
    let credential_secrets = fields.optional("credential_secrets", |entry| {
        reader.list(&entry, "a list of strings", read_secret)
    });
    let epoch = fields.optional("epoch", |entry| reader.count(&entry, (0, 1_000_000_000)));
    let authenticated = read_permissions(reader, &fields, apis);
    let guests = fields.optional("guests", |entry| read_apis(reader, &entry, apis));
    let roles = read_roles(reader, &fields, apis);
    let rules = read_rules(reader, &fields, roles.as_ref().ok());
    let roles_by_token = fields.optional("roles_by_token", |entry| reader.flag(&entry));
    let denies_ambiguous = fields.optional("ambiguous", |entry| {
        reader.choice(&entry, &[("authenticated", false), ("deny", true)])
    });
    let tags = fields.optional("tags", |entry| read_tags(reader, &entry));
    Ok(IdentityPool {
        name: name?,
        origin: reader.origin(&entry.key),
        listen: listen?.unwrap_or(LISTEN),
        region: region?.unwrap_or_else(|| REGION.to_owned()),
        account: account?.unwrap_or_else(|| ACCOUNT.to_owned()),
        id: id?,
        secret: secret?,
        credential_secrets: credential_secrets?.unwrap_or_default(),
        epoch: epoch?
            .and_then(|epoch| u64::try_from(epoch).ok())
            .unwrap_or_default(),
        providers: providers?,
        authenticated: authenticated?,
        guests: guests?.map(|apis| RolePermissions { apis, policy: None }),
        roles: roles?,
        rules: rules?,
        roles_by_token: roles_by_token?.unwrap_or_default(),
        denies_ambiguous: denies_ambiguous?.unwrap_or_default(),
        tags: tags?.unwrap_or_default(),
    })
}

fn read_providers(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
) -> Result<Vec<PoolProvider>, Reported> {
    let entry = fields.required(reader, "providers")?;
    let providers = reader.list(&entry, "a list of tables", |reader, entry| {
        let fields = Fields::open(reader, &POOL_PROVIDER, entry)?;
        let issuer = fields
            .required(reader, "domain")
            .and_then(|entry| read_domain(reader, &entry));
        let client_id = fields
            .required(reader, "client_id")
            .and_then(|entry| reader.nonempty(&entry));
        Ok(PoolProvider {
            issuer: issuer?,
            client_id: client_id?,
        })
    })?;
    super::authorizer::some(reader, &entry, providers)
}

/// A domain is that of an issuer with a slash at its end, as Auth0's are.
fn read_domain(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<IssuerUrl, Reported> {
    let text = reader.text(entry)?.value();
    let url = if text.contains("://") {
        text
    } else {
        format!("https://{text}/")
    };
    IssuerUrl::parse(&url).map_err(|error| reader.bad(entry, error))
}

fn read_region(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<String, Reported> {
    let text = reader.text(entry)?.value();
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=32).contains(&text.len()) && text.bytes().all(letter) {
        Ok(text)
    } else {
        Err(reader.bad(entry, "must be a region such as `us-east-1`"))
    }
}

fn read_id(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<String, Reported> {
    let text = reader.text(entry)?.value();
    let fits = text.split_once(':').is_some_and(|(region, uuid)| {
        let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-');
        !region.is_empty() && !uuid.is_empty() && uuid.bytes().all(hex)
    });
    if fits && text.len() <= 55 {
        Ok(text)
    } else {
        Err(reader.bad(entry, "must be a region, a colon and a UUID in lower case"))
    }
}

fn read_secret(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Secret<String>, Reported> {
    let text = reader.text(entry)?.value();
    if text.len() < SHORTEST_SECRET {
        return Err(reader.bad(entry, "must have 32 characters at least"));
    }
    Ok(Secret::new(text))
}

fn read_permissions(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    apis: &Names<'_>,
) -> Result<Option<RolePermissions>, Reported> {
    let allowed = fields.optional("allow", |entry| read_apis(reader, &entry, apis));
    let policy = fields.optional("policy", |entry| read_policy(reader, &entry));
    let (allowed, policy) = (allowed?, policy?);
    if allowed.is_none() && policy.is_none() {
        return Ok(None);
    }
    Ok(Some(RolePermissions {
        apis: allowed.unwrap_or_default(),
        policy,
    }))
}

fn read_apis(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    apis: &Names<'_>,
) -> Result<Vec<usize>, Reported> {
    reader.list(entry, "a list of strings", |reader, entry| {
        apis.read(reader, entry)
    })
}

fn read_policy(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<RolePolicy, Reported> {
    let text = reader.text(entry)?.value();
    RolePolicy::parse(text.as_bytes())
        .map_err(|error| reader.bad(entry, format!("is no policy: {error}")))
}

fn read_roles(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    apis: &Names<'_>,
) -> Result<Vec<PoolRole>, Reported> {
    let Some(entry) = fields.find("role") else {
        return Ok(Vec::new());
    };
    let table = reader.table(&entry)?;
    let read = |entry: &Entry<'_>, reader: &mut Reader<'_>| {
        let name = check_name(reader, entry, "a role")?;
        if OWN_ROLES.contains(&name.as_str()) {
            let message = format!("{entry} is the pool's own role");
            let problem = Diagnostic::new(entry.key.clone(), message);
            return Err(
                reader.refuse(problem.hint("`allow`, `policy` and `guests` say what it may do"))
            );
        }
        let fields = Fields::open(reader, &POOL_ROLE, entry)?;
        let permissions = read_permissions(reader, &fields, apis)?;
        Ok(PoolRole {
            name,
            permissions: permissions.unwrap_or_default(),
        })
    };
    all(entries(table)
        .iter()
        .map(|entry| read(entry, reader))
        .collect())
}

fn read_rules(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    roles: Option<&Vec<PoolRole>>,
) -> Result<Vec<PoolRule>, Reported> {
    let Some(entry) = fields.find("rule") else {
        return Ok(Vec::new());
    };
    let rules = reader.list(&entry, "a list of tables", |reader, entry| {
        let fields = Fields::open(reader, &POOL_RULE, entry)?;
        let mut text = |name: &str| {
            let entry = fields.required(reader, name)?;
            reader.nonempty(&entry)
        };
        let (claim, value) = (text("claim"), text("value"));
        let comparison = fields.optional("match", |entry| {
            let words = [
                ("equals", RuleComparison::Equals),
                ("not_equal", RuleComparison::NotEqual),
                ("starts_with", RuleComparison::StartsWith),
                ("contains", RuleComparison::Contains),
            ];
            reader.choice(&entry, &words)
        });
        let role = fields.required(reader, "role");
        let role = role.and_then(|entry| {
            let name = reader.nonempty(&entry)?;
            let is_known = roles.is_none_or(|roles| roles.iter().any(|role| role.name == name));
            if is_known || OWN_ROLES.contains(&name.as_str()) {
                return Ok(name);
            }
            let message = format!("there is no role {}", Quoted(&name));
            let problem = Diagnostic::new(entry.span(), message);
            Err(reader.refuse(problem.hint("add it as `[identity_pool.NAME.role.NAME]`")))
        });
        Ok(PoolRule {
            claim: claim?,
            comparison: comparison?.unwrap_or(RuleComparison::Equals),
            value: value?,
            role: role?,
        })
    });
    let rules = rules?;
    if rules.len() > 25 {
        return Err(reader.bad(&entry, "must have 25 entries at most"));
    }
    Ok(rules)
}

fn read_tags(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
) -> Result<Vec<(String, String)>, Reported> {
    let table = reader.table(entry)?;
    let tags = entries(table);
    let read = |entry: &Entry<'_>, reader: &mut Reader<'_>| {
        let claim = reader.nonempty(entry)?;
        if entry.name.is_empty() || entry.name.len() > 128 || claim.len() > 256 {
            let why = "must have a name of 1 to 128 characters and a claim of at most 256";
            return Err(reader.bad(entry, why));
        }
        Ok((entry.name.to_owned(), claim))
    };
    all(tags.iter().map(|entry| read(entry, reader)).collect())
}

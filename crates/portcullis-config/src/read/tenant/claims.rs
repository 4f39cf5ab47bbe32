use crate::diagnostic::Diagnostic;
use crate::read::fields::{Entry, entries};
use crate::read::reader::{Reader, Reported, all};
use crate::tenant::{ClaimSource, CustomClaim};

const HINT: &str = "write `roles`, `email`, `app_metadata`, `user_metadata`, or a member such as `app_metadata.plan`";

/// What tokens have anyway, or what others understand by rules of their own.
const RESERVED: [&str; 28] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "azp",
    "client_id",
    "scope",
    "gty",
    "permissions",
    "nonce",
    "auth_time",
    "sid",
    "c_hash",
    "at_hash",
    "s_hash",
    "acr",
    "amr",
    "act",
    "may_act",
    "cnf",
    "events",
    "org_id",
    "org_name",
    "authorization_details",
    "email_verified",
];

/// Reads `[tenant.claims]`: what each claim tells.
pub(super) fn read_claims(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
) -> Result<Vec<CustomClaim>, Reported> {
    let claims = entries(reader.table(entry)?);
    let claims = claims.iter().map(|claim| read_claim(reader, claim));
    all(claims.collect())
}

fn read_claim(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<CustomClaim, Reported> {
    if RESERVED.contains(&entry.name) {
        return Err(reader.bad(entry, "is a claim that tokens have by rules of their own"));
    }
    let text = reader.nonempty(entry)?;
    let Some(source) = source(&text) else {
        let message = format!("{entry} is not something that the tenant knows of a user");
        return Err(reader.refuse(Diagnostic::new(entry.span(), message).hint(HINT)));
    };
    Ok(CustomClaim {
        name: entry.name.to_owned(),
        source,
    })
}

fn source(text: &str) -> Option<ClaimSource> {
    let mut parts = text.split('.').map(str::to_owned);
    let first = parts.next()?;
    let path: Vec<_> = parts.collect();
    if path.iter().any(String::is_empty) {
        return None;
    }
    match (first.as_str(), path.is_empty()) {
        ("roles", true) => Some(ClaimSource::Roles),
        ("email", true) => Some(ClaimSource::Email),
        ("user_metadata", _) => Some(ClaimSource::UserMetadata(path)),
        ("app_metadata", _) => Some(ClaimSource::AppMetadata(path)),
        _ => None,
    }
}

use super::unique::Unique;
use super::{json, read_permissions, read_secret};
use crate::diagnostic::Diagnostic;
use crate::keys::{ROLE, USER};
use crate::read::fields::{Entry, Fields};
use crate::read::reader::{Reader, Reported};
use crate::tenant::{Role, User};

pub(super) fn read_users(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    roles: &Unique,
) -> Result<Vec<User>, Reported> {
    let mut emails = Unique::default();
    reader.list(entry, "a list of tables", |reader, entry| {
        read_user(reader, entry, &mut emails, roles)
    })
}

fn read_user(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    emails: &mut Unique,
    roles: &Unique,
) -> Result<User, Reported> {
    let fields = Fields::open(reader, &USER, entry)?;
    let email = fields
        .required(reader, "email")
        .and_then(|entry| read_email(reader, &entry, emails));
    let password = fields
        .required(reader, "password")
        .and_then(|entry| read_secret(reader, &entry));
    let name = fields.optional("name", |entry| reader.nonempty(&entry));
    let verified = fields.optional("email_verified", |entry| reader.flag(&entry));
    let blocked = fields.optional("blocked", |entry| reader.flag(&entry));
    let roles = fields.optional("roles", |entry| read_role_names(reader, &entry, roles));
    let user_metadata = fields.optional("user_metadata", |entry| json::object(reader, &entry));
    let app_metadata = fields.optional("app_metadata", |entry| json::object(reader, &entry));
    let permissions = fields.optional("permissions", |entry| read_permissions(reader, &entry));
    Ok(User {
        email: email?,
        password: password?,
        name: name?,
        email_verified: verified?.unwrap_or(true),
        blocked: blocked?.unwrap_or_default(),
        roles: roles?.unwrap_or_default(),
        permissions: permissions?.unwrap_or_default(),
        user_metadata: user_metadata?,
        app_metadata: app_metadata?,
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

fn read_role_names(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    roles: &Unique,
) -> Result<Vec<String>, Reported> {
    reader.list(entry, "a list of strings", |reader, entry| {
        let name = reader.nonempty(entry)?;
        if roles.has(&name) {
            return Ok(name);
        }
        let problem = Diagnostic::new(entry.span(), format!("{entry} is no role of the file"));
        Err(reader.refuse(problem.hint("describe it in `[[tenant.role]]`")))
    })
}

/// Reads the roles, and adds their names to `names`.
pub(super) fn read_roles(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    names: &mut Unique,
) -> Result<Vec<Role>, Reported> {
    reader.list(entry, "a list of tables", |reader, entry| {
        read_role(reader, entry, names)
    })
}

fn read_role(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    names: &mut Unique,
) -> Result<Role, Reported> {
    let fields = Fields::open(reader, &ROLE, entry)?;
    let name = fields.required(reader, "name").and_then(|entry| {
        let name = reader.nonempty(&entry)?;
        names.check(
            reader,
            &entry,
            name.clone(),
            "another role has the same name",
        )?;
        Ok(name)
    });
    let description = fields.optional("description", |entry| reader.nonempty(&entry));
    let permissions = fields.optional("permissions", |entry| read_permissions(reader, &entry));
    Ok(Role {
        name: name?,
        description: description?.unwrap_or_default(),
        permissions: permissions?.unwrap_or_default(),
        origin: reader.origin(&entry.key),
    })
}

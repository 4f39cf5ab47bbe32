use portcullis_config::Config;
use portcullis_tenant::{KeyRing, People, Role, User};
use portcullis_token::Secret;

/// Who can log in where the file names nobody.
const NOBODY_ELSE: &str = "user@example.com";
/// 12 characters of base64url are 72 bits, and can be typed.
const PASSWORD_LENGTH: usize = 12;

/// The users and roles of the file; one user where there are none.
pub(super) fn settings(config: &Config, keys: &KeyRing) -> anyhow::Result<People> {
    let roles = config.tenant.roles.iter().map(|role| Role {
        name: role.name.clone(),
        description: role.description.clone(),
        permissions: role.permissions.clone(),
    });
    let users = config.tenant.users.iter().map(|user| User {
        email: user.email.clone(),
        password: user.password.clone(),
        name: user.name.clone(),
        email_verified: user.email_verified,
        blocked: user.blocked,
        roles: user.roles.clone(),
        permissions: user.permissions.clone(),
        user_metadata: user.user_metadata.clone(),
        app_metadata: user.app_metadata.clone(),
    });
    let mut users: Vec<User> = users.collect();
    if users.is_empty() {
        users.push(made_up(keys)?);
    }
    Ok(People {
        roles: roles.collect(),
        users,
    })
}

fn made_up(keys: &KeyRing) -> anyhow::Result<User> {
    Ok(User {
        email: NOBODY_ELSE.to_owned(),
        password: made_up_password(keys)?,
        name: None,
        email_verified: true,
        blocked: false,
        roles: Vec::new(),
        permissions: std::collections::BTreeMap::new(),
        user_metadata: None,
        app_metadata: None,
    })
}

/// Made from the tenant's keys, so that it is the same each time, and nobody else's.
fn made_up_password(keys: &KeyRing) -> anyhow::Result<Secret<String>> {
    let secret = keys.application_secret(&format!("user\0{NOBODY_ELSE}"))?;
    let password = secret.expose().chars().take(PASSWORD_LENGTH);
    Ok(Secret::new(password.collect()))
}

/// The user that is made where the file names none, with the password; absent where it does.
pub(crate) fn first_user(
    config: &Config,
    keys: &KeyRing,
) -> anyhow::Result<Option<(&'static str, Secret<String>)>> {
    if !config.tenant.users.is_empty() {
        return Ok(None);
    }
    Ok(Some((NOBODY_ELSE, made_up_password(keys)?)))
}

//! Users: who they are, their passwords, and how an account is made.

use http::StatusCode;
use portcullis_store::tenant::{
    Connection, Database, DatabaseError, Identity, LoginAttempt, LoginLimit, LoginVerdict, Slice,
    User,
};
use portcullis_token::{Secret, UnixTime};
use serde_json::{Value, json};

use crate::address_rate::Unproven;
use crate::audit::{self, Event};
use crate::brute_force::BruteForce;
use crate::caller::Caller;
use crate::fault::Fault;
use crate::passwords::{PasswordError, Verdict};
use crate::token_rate::TooMany;
use crate::{Tenant, id_token, ids};

const DAY: i64 = 24 * 60 * 60;
/// The least characters of a password.
pub(crate) const MIN_PASSWORD: usize = 8;
/// No address is longer (RFC 3696).
const MAX_EMAIL: usize = 320;

/// A hundred failures of whatever kind from one place, then none for a day.
const PER_PLACE: LoginLimit = LoginLimit {
    attempts: 100,
    window: DAY,
    block: DAY,
};

/// What people are told whose password nobody has a place for.
pub(crate) const BUSY: &str = "Too many people are logging in. Please try again.";

/// A name and a password that somebody typed.
pub(crate) struct Typed<'a> {
    pub(crate) connection: &'a str,
    pub(crate) client_id: &'a str,
    /// An address or a user name.
    pub(crate) login: &'a str,
    pub(crate) password: Secret<String>,
}

/// What a login came to.
#[derive(Debug)]
pub(crate) enum Login {
    Right(Box<User>),
    /// The password is the user's, but their logins are refused.
    Blocked(Box<User>),
    /// The password is not the user's, or there is no such user.
    Wrong,
    /// The password was not looked at: too many have failed.
    TooMany,
    /// The password was not looked at: too many wait.
    Busy,
}

impl Login {
    /// What a person is told who is not logged in. Absent for one who is.
    pub(crate) const fn refusal(&self) -> Option<(&'static str, StatusCode)> {
        match self {
            Self::Right(_) => None,
            Self::Blocked(_) => Some(("This account is blocked.", StatusCode::FORBIDDEN)),
            Self::Wrong => Some(("Wrong email or password.", StatusCode::BAD_REQUEST)),
            Self::TooMany => Some((
                "Too many failed logins. Please try again later.",
                StatusCode::TOO_MANY_REQUESTS,
            )),
            Self::Busy => Some((BUSY, StatusCode::TOO_MANY_REQUESTS)),
        }
    }
}

/// Why no account was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignUpError {
    #[error("Enter an email address, such as ada@example.com.")]
    Email,
    #[error("The password is too weak: at least {MIN_PASSWORD} characters, and not your address.")]
    Password,
    // Says nothing of who has an account.
    #[error("We could not sign you up with this address and password.")]
    Taken,
    #[error("Too many attempts. Please try again later.")]
    TooMany(TooMany),
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// The database connection by which users of `client_id` log in: the first that is enabled for it.
pub(crate) async fn find_connection(
    database: &Database,
    client_id: &str,
) -> Result<Option<Connection>, Fault> {
    let slice = Slice::after(None, u32::MAX);
    let connections = database.connections().list(Some("auth0"), &slice).await?;
    let is_enabled = |connection: &Connection| {
        let mut clients = connection.enabled_clients.iter();
        clients.any(|client| client == client_id)
    };
    Ok(connections.rows.into_iter().find(is_enabled))
}

/// Whether people may make accounts by themselves.
pub(crate) fn allows_sign_up(connection: &Connection) -> bool {
    connection.options["disable_signup"] != true
}

/// Whether a password is one that a user may choose.
pub(crate) fn is_acceptable(password: &str, email: &str) -> bool {
    password.chars().count() >= MIN_PASSWORD && !password.eq_ignore_ascii_case(email)
}

/// Holds a password against the user's; counted before it is looked at.
pub(crate) async fn log_in(
    tenant: &Tenant,
    caller: &Caller,
    typed: Typed<'_>,
) -> Result<Login, Fault> {
    let login = check_login(tenant, caller, &typed).await?;
    let (code, user_id, description) = match &login {
        Login::Right(user) => ("s", Some(user.user_id.as_str()), "Successful login"),
        Login::Blocked(user) => ("f", Some(user.user_id.as_str()), "The user is blocked."),
        Login::Wrong => ("fp", None, "Wrong email or password."),
        Login::TooMany => ("limit_wc", None, "Blocked after too many failed logins."),
        Login::Busy => return Ok(login),
    };
    tracing::debug!(client_id = typed.client_id, code, description, "a login");
    let event = Event {
        code,
        client_id: Some(typed.client_id),
        user_id,
        description,
        ..Event::default()
    };
    match login {
        Login::Right(_) | Login::Blocked(_) => audit::record(tenant, caller, event).await,
        _ => audit::record_unproven(tenant, caller, event).await,
    }
    Ok(login)
}

async fn check_login(tenant: &Tenant, caller: &Caller, typed: &Typed<'_>) -> Result<Login, Fault> {
    let attempts = tenant.database.login_attempts();
    if find_place_block(tenant, caller).await?.is_some() {
        return Ok(Login::TooMany);
    }
    let limit = BruteForce::load(tenant).await?.limit(caller);
    // What is counted under no name is the place's own.
    let limit = limit.filter(|_| !typed.login.trim().is_empty());
    if let Some((limit, ip)) = limit {
        let attempt = LoginAttempt {
            identifier: typed.login,
            ip,
            now: tenant.now(),
        };
        if let LoginVerdict::Blocked { .. } = attempts.count(&attempt, limit).await? {
            return Ok(Login::TooMany);
        }
    }
    let counted_at = limit.map(|(_, ip)| ip);
    let identities = tenant.database.identities();
    let known = identities
        .find_password(typed.connection, typed.login)
        .await?;
    let stored = known.as_ref().map(|known| known.phc.clone());
    let verdict = match tenant
        .passwords
        .verify(typed.password.clone(), stored)
        .await
    {
        Ok(verdict) => verdict,
        Err(PasswordError::Busy) => {
            if let Some(ip) = counted_at {
                attempts.give_back(typed.login, ip).await?;
            }
            return Ok(Login::Busy);
        }
        Err(error) => return Err(error.into()),
    };
    let (Some(known), Verdict::Right { rehashed }) = (known, verdict) else {
        count_failure(tenant, caller).await?;
        return Ok(Login::Wrong);
    };
    // It may have waited for its place while the password was changed or the user was blocked.
    let known_now = identities.find_password(typed.connection, typed.login);
    let Some(known) = known_now.await?.filter(|now| now.phc == known.phc) else {
        return Ok(Login::Wrong);
    };
    if let Some(rehashed) = rehashed {
        let user_id = &known.user_id;
        identities
            .rehash_password(user_id, &known.phc, &rehashed)
            .await?;
    }
    if let Some(ip) = counted_at {
        attempts.clear(typed.login, ip).await?;
    }
    let users = tenant.database.users();
    if known.is_blocked {
        let user = users.find(&known.user_id).await?;
        return Ok(user.map_or(Login::Wrong, |user| Login::Blocked(Box::new(user))));
    }
    let user = users.record_login(&known.user_id, &caller.ip, tenant.now());
    // Absent when the user was deleted since.
    Ok(user
        .await?
        .map_or(Login::Wrong, |user| Login::Right(Box::new(user))))
}

/// Makes an account with a password, and gives the user.
pub(crate) async fn sign_up(
    tenant: &Tenant,
    caller: &Caller,
    typed: Typed<'_>,
    profile: Value,
    user_metadata: Value,
) -> Result<User, SignUpError> {
    let email = typed.login.trim().to_lowercase();
    if !is_email(&email) {
        return Err(SignUpError::Email);
    }
    if !is_acceptable(typed.password.expose(), &email) {
        return Err(SignUpError::Password);
    }
    if let Some(until) = find_place_block(tenant, caller).await? {
        let wait = until.saturating_sub(tenant.now());
        return Err(SignUpError::TooMany(TooMany::until(wait)));
    }
    let charged = tenant.charge(Unproven::SignUp, caller);
    charged.map_err(SignUpError::TooMany)?;
    let user = add_user(tenant, &email, &typed, profile, user_metadata).await;
    if matches!(user, Err(SignUpError::Taken)) {
        count_failure(tenant, caller).await?;
    }
    let (code, user_id, description) = match &user {
        Ok(user) => ("ss", Some(user.user_id.as_str()), "Successful sign-up"),
        Err(SignUpError::Taken) => ("fs", None, "The address has an account already."),
        Err(_) => return user,
    };
    let event = Event {
        code,
        client_id: Some(typed.client_id),
        user_id,
        description,
        ..Event::default()
    };
    audit::record_unproven(tenant, caller, event).await;
    user
}

async fn add_user(
    tenant: &Tenant,
    email: &str,
    typed: &Typed<'_>,
    profile: Value,
    user_metadata: Value,
) -> Result<User, SignUpError> {
    // Before the address is looked for: both answers take as long.
    let phc = match tenant.new_passwords.hash(typed.password.clone()).await {
        Ok(phc) => phc,
        Err(PasswordError::Busy) => return Err(SignUpError::TooMany(TooMany::until(1))),
        Err(PasswordError::TooLong) => return Err(SignUpError::Password),
        Err(error) => return Err(Fault::from(error).into()),
    };
    let id = ids::object_id().map_err(Fault::from)?;
    let now = tenant.now();
    let user = User {
        user_id: format!("auth0|{id}"),
        connection: typed.connection.to_owned(),
        email: Some(email.to_owned()),
        email_verified: false,
        username: None,
        blocked: false,
        profile,
        user_metadata,
        app_metadata: json!({}),
        created_at: now,
        updated_at: now,
        logins_count: 0,
        last_login_at: None,
        last_ip: None,
    };
    let identity = Identity {
        user_id: user.user_id.clone(),
        provider: "auth0".to_owned(),
        connection: typed.connection.to_owned(),
        provider_user_id: id,
    };
    let users = tenant.database.users();
    match users.insert(&user, &identity, Some(&phc)).await {
        Ok(()) => Ok(user),
        Err(DatabaseError::Duplicate { .. }) => Err(SignUpError::Taken),
        Err(error) => Err(Fault::from(error).into()),
    }
}

/// Until when the place may not try. Without a known address nothing is counted by it: everybody would be one place.
async fn find_place_block(tenant: &Tenant, caller: &Caller) -> Result<Option<i64>, Fault> {
    if caller.ip.is_empty() {
        return Ok(None);
    }
    let attempts = tenant.database.login_attempts();
    let block = attempts.find_block("", &caller.ip, tenant.now()).await?;
    Ok(block.map(|block| block.expires_at))
}

async fn count_failure(tenant: &Tenant, caller: &Caller) -> Result<(), Fault> {
    if caller.ip.is_empty() {
        return Ok(());
    }
    let attempt = LoginAttempt {
        identifier: "",
        ip: &caller.ip,
        now: tenant.now(),
    };
    let attempts = tenant.database.login_attempts();
    attempts.count(&attempt, PER_PLACE).await?;
    Ok(())
}

/// What people write into an address field: something, an `@`, something with a dot or `localhost`.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let is_plain = |text: &str| {
        let is_odd = |c: char| c.is_whitespace() || c.is_control() || "<>\"(),;:\\".contains(c);
        !text.is_empty() && !text.contains(is_odd)
    };
    text.len() <= MAX_EMAIL && is_plain(local) && is_plain(domain) && !local.contains('@')
}

/// What applications may learn about a user.
pub(crate) fn claims_of(user: &User) -> id_token::User<'_> {
    let text = |name: &str| user.profile[name].as_str();
    id_token::User {
        id: &user.user_id,
        email: user.email.as_deref(),
        email_verified: user.email_verified,
        name: text("name"),
        given_name: text("given_name"),
        family_name: text("family_name"),
        nickname: text("nickname").or(user.username.as_deref()),
        picture: text("picture"),
        updated_at: UnixTime(u64::try_from(user.updated_at).unwrap_or_default()),
    }
}

/// What a page calls a user.
pub(crate) fn display_name(user: &User) -> &str {
    let texts = [user.email.as_deref(), user.username.as_deref()];
    texts.into_iter().flatten().next().unwrap_or(&user.user_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_what_mail_can_be_sent_to() {
        let long = format!("{}@example.com", "a".repeat(MAX_EMAIL));
        for (text, expected) in [
            ("ada@example.com", true),
            ("ada+tag@localhost", true),
            ("ä@exämple.com", true),
            ("", false),
            ("ada", false),
            ("@example.com", false),
            ("ada@", false),
            ("a@b@example.com", false),
            ("ada @example.com", false),
            ("ada@example.com\n", false),
            ("<b>@example.com", false),
            (long.as_str(), false),
        ] {
            assert_eq!(is_email(text), expected, "{text}");
        }
    }

    #[test]
    fn a_password_has_8_characters_and_is_not_the_address() {
        for (password, expected) in [
            ("1234567", false),
            ("12345678", true),
            ("äöüäöüäö", true),
            ("äöüäöüä", false),
            ("ADA@example.com", false),
        ] {
            let acceptable = is_acceptable(password, "ada@example.com");
            assert_eq!(acceptable, expected, "{password}");
        }
    }
}

//! `AssumeRoleWithWebIdentity` of AWS's Security Token Service: a form in, XML out.

use std::fmt::Write as _;

use percent_encoding::percent_decode_str;
use portcullis_token::{TokenType, Unverified, Verified};

use crate::credentials::Credentials;
use crate::fault::Fault;
use crate::login::{Login, Provider};
use crate::open_id;
use crate::pool::Pool;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
const LIFETIME: u64 = 3600;
const LIFETIMES: std::ops::RangeInclusive<u64> = 900..=43_200;

/// A refusal of STS.
#[derive(Debug)]
pub(crate) struct StsFault {
    pub(crate) status: u16,
    code: &'static str,
    message: String,
}

impl StsFault {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    fn missing(name: &str) -> Self {
        let message = format!(
            "1 validation error detected: Value null at '{name}' failed to satisfy constraint: \
             Member must not be null"
        );
        Self::new(400, "ValidationError", message)
    }

    pub(crate) fn to_xml(&self, request_id: &str) -> String {
        format!(
            "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type><Code>{}</Code>\
             <Message>{}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>",
            self.code,
            escaped(&self.message)
        )
    }
}

/// Does what the form says.
pub(crate) async fn call(pool: &Pool, form: &str, request_id: &str) -> Result<String, StsFault> {
    let value = |name: &str| find(form, name);
    let action = value("Action").unwrap_or_default();
    if action != "AssumeRoleWithWebIdentity" {
        let message = format!("Could not find operation {action} for version 2011-06-15");
        return Err(StsFault::new(400, "InvalidAction", message));
    }
    let role = value("RoleArn").ok_or_else(|| StsFault::missing("roleArn"))?;
    let name = value("RoleSessionName").ok_or_else(|| StsFault::missing("roleSessionName"))?;
    let token = value("WebIdentityToken").ok_or_else(|| StsFault::missing("webIdentityToken"))?;
    let seconds = lifetime(value("DurationSeconds"))?;
    check_name(&name)?;
    let (assumed, proved) = if let Some(own) = own(pool, &token) {
        let own = own?;
        let assumed = pool.assume_by_own(&role, &name, &own, seconds);
        (assumed, Proved::of(&own, open_id::ISSUER))
    } else {
        let login = prove(pool, &token).await?;
        let assumed = pool.assume(&role, &name, &login, seconds);
        (assumed, Proved::of(&login.token, &login.provider))
    };
    let credentials = assumed.map_err(|_| {
        let message = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
        StsFault::new(403, "AccessDenied", message)
    })?;
    Ok(answer(
        pool,
        (&role, &name),
        &proved,
        &credentials,
        request_id,
    ))
}

/// What the answer says of the token.
struct Proved {
    subject: String,
    audience: String,
    provider: String,
}

impl Proved {
    fn of(token: &Verified, provider: &str) -> Self {
        let audience = token.claims().audience().next().unwrap_or_default();
        Self {
            subject: token.subject().unwrap_or_default().to_owned(),
            audience: audience.to_owned(),
            provider: provider.to_owned(),
        }
    }
}

/// A token of `GetOpenIdToken`; none where it is another issuer's.
fn own(pool: &Pool, token: &str) -> Option<Result<Verified, StsFault>> {
    let parsed = Unverified::parse(token, TokenType::Any, &mut ()).ok()?;
    if parsed.claims().issuer() != Some(open_id::ISSUER) {
        return None;
    }
    let verified = pool.keys.open_id.verify(&pool.id, token, pool.clock.now());
    Some(verified.ok_or_else(|| {
        let message = "The token is not one of this identity pool, or has expired";
        StsFault::new(400, "InvalidIdentityToken", message)
    }))
}

fn lifetime(written: Option<String>) -> Result<u64, StsFault> {
    let Some(written) = written else {
        return Ok(LIFETIME);
    };
    let seconds = written.parse().ok();
    seconds
        .filter(|seconds| LIFETIMES.contains(seconds))
        .ok_or_else(|| {
            let message = "durationSeconds must be from 900 to 43200";
            StsFault::new(400, "ValidationError", message)
        })
}

/// `[\w+=,.@-]{2,64}`.
fn check_name(name: &str) -> Result<(), StsFault> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    if (2..=64).contains(&name.len()) && name.bytes().all(letter) {
        return Ok(());
    }
    let message = "roleSessionName must match [\\w+=,.@-]* and have 2 to 64 characters";
    Err(StsFault::new(400, "ValidationError", message))
}

/// Proves the login by the provider that has issued it.
async fn prove(pool: &Pool, token: &str) -> Result<Login, StsFault> {
    let unread = |_| {
        let message = "The ID Token provided is not a valid JWT. (You may see this error if you \
                       sent an Access Token)";
        StsFault::new(400, "InvalidIdentityToken", message)
    };
    let parsed = Unverified::parse(token, TokenType::Any, &mut ()).map_err(unread)?;
    let issuer = parsed.claims().issuer().unwrap_or_default();
    let provider = pool.provider(Provider::name_of(issuer)).ok_or_else(|| {
        let message = "No OpenIDConnect provider found in your account for the issuer";
        StsFault::new(400, "InvalidIdentityToken", message)
    })?;
    let proved = provider.verify(token, pool.clock.now()).await;
    proved.map_err(|Fault { message, .. }| {
        let code = if message.contains("Token expired") {
            "ExpiredTokenException"
        } else {
            "InvalidIdentityToken"
        };
        StsFault::new(400, code, message)
    })
}

fn answer(
    pool: &Pool,
    (role_arn, name): (&str, &str),
    proved: &Proved,
    credentials: &Credentials,
    request_id: &str,
) -> String {
    let role = crate::role::role_name(role_arn);
    let account = &pool.settings.account;
    let mut xml = format!(
        "<AssumeRoleWithWebIdentityResponse xmlns=\"{NAMESPACE}\"><AssumeRoleWithWebIdentityResult>"
    );
    let fields = [
        ("SubjectFromWebIdentityToken", proved.subject.as_str()),
        ("Audience", proved.audience.as_str()),
        ("Provider", proved.provider.as_str()),
    ];
    let mut element = |name: &str, text: &str| {
        // Writing to a string cannot fail.
        write!(xml, "<{name}>{}</{name}>", escaped(text)).unwrap_or_default();
    };
    for (name, text) in fields {
        element(name, text);
    }
    let arn = format!("arn:aws:sts::{account}:assumed-role/{role}/{name}");
    let id = format!("{}:{name}", pool.role_id(role));
    format!(
        "{xml}<AssumedRoleUser><Arn>{}</Arn><AssumedRoleId>{}</AssumedRoleId></AssumedRoleUser>\
         <Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>\
         <SessionToken>{}</SessionToken><Expiration>{}</Expiration></Credentials>\
         </AssumeRoleWithWebIdentityResult><ResponseMetadata><RequestId>{request_id}</RequestId>\
         </ResponseMetadata></AssumeRoleWithWebIdentityResponse>",
        escaped(&arn),
        escaped(&id),
        credentials.access_key,
        credentials.secret.expose(),
        credentials.session_token.expose(),
        credentials.expires,
    )
}

/// The value of a field of the form; absent, too, where it is there twice.
fn find(form: &str, name: &str) -> Option<String> {
    let pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter(|(own, _)| decoded(own).as_deref() == Some(name));
    let (_, value) = values.next()?;
    decoded(value).filter(|value| values.next().is_none() && !value.is_empty())
}

fn decoded(text: &str) -> Option<String> {
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8();
    decoded.ok().map(std::borrow::Cow::into_owned)
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            // XML 1.0 section 2.2 has no place for them.
            control if control.is_control() => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

//! `tenants/settings`: what holds for the whole tenant.

use serde_json::{Value, json};

use crate::brute_force::KEPT_AS;
use crate::discovery::EndSession;
use crate::seed;

use super::members::{Kind, Member, Presence, member, merge};
use super::operation::{Answered, Call, Operation, Verb};
use super::paging::one;
use super::refusal::Refusal;

const PATH: &str = "/tenants/settings";

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(Verb::Get, PATH, &["read:tenant_settings"], |call| {
        Box::pin(read(call))
    }),
    Operation::new(Verb::Patch, PATH, &["update:tenant_settings"], |call| {
        Box::pin(update(call))
    }),
];

/// Up to a year.
const HOURS: Kind = Kind::Integer(1, 8760);
const MINUTES: Kind = Kind::Integer(1, 525_600);

const SESSIONS: &[Member] = &[member("oidc_logout_prompt_enabled", Kind::Boolean)];
const OIDC_LOGOUT: &[Member] = &[member(
    "rp_logout_end_session_endpoint_discovery",
    Kind::Boolean,
)];

const MEMBERS: &[Member] = &[
    member("friendly_name", Kind::Text(0, 255)),
    member("picture_url", Kind::Text(0, 2083)),
    member("support_email", Kind::Text(0, 320)),
    member("support_url", Kind::Text(0, 2083)),
    member("default_audience", Kind::Text(0, 600)),
    member("default_directory", Kind::Text(0, 255)),
    member("default_redirection_uri", Kind::Text(0, 2083)),
    member("allowed_logout_urls", Kind::Callbacks),
    member("session_lifetime", HOURS),
    member("idle_session_lifetime", HOURS),
    member("session_lifetime_in_minutes", MINUTES),
    member("idle_session_lifetime_in_minutes", MINUTES),
    member("ephemeral_session_lifetime", HOURS),
    member("idle_ephemeral_session_lifetime", HOURS),
    member("session_cookie", Kind::Any),
    member("sessions", Kind::Object(SESSIONS)).or_null(),
    member("oidc_logout", Kind::Object(OIDC_LOGOUT)),
    member("flags", Kind::AnyObject),
    member("enabled_locales", Kind::Texts(100, 20)),
    member("sandbox_version", Kind::Text(1, 16)),
    member("legacy_sandbox_version", Kind::Text(0, 16)),
    member("change_password", Kind::Any),
    member("guardian_mfa_page", Kind::Any),
    member("error_page", Kind::Any),
    member("device_flow", Kind::Any),
    member("default_token_quota", Kind::Any),
    member("customize_mfa_in_postlogin_action", Kind::Boolean),
    member(
        "allow_organization_name_in_authentication_api",
        Kind::Boolean,
    ),
    member("acr_values_supported", Kind::Any),
    member("mtls", Kind::Any),
    member("pushed_authorization_requests_supported", Kind::Any),
    member("authorization_response_iss_parameter_supported", Kind::Any),
    member(
        "skip_non_verifiable_callback_uri_confirmation_prompt",
        Kind::Any,
    ),
    member("resource_parameter_profile", Kind::Any),
    member("phone_consolidated_experience", Kind::Any),
    member("enable_ai_guide", Kind::Any),
];

/// What is merged with what is there; other objects are replaced.
const MERGED: [&str; 3] = ["flags", "sessions", "oidc_logout"];

async fn read(call: &Call) -> Answered {
    show(call, load(call).await?)
}

async fn update(call: &Call) -> Answered {
    let members = call.object(MEMBERS, Presence::Partial)?;
    let mut settings = load(call).await?;
    for (name, value) in members {
        let (name, value) = in_hours(name, value);
        if MERGED.contains(&name.as_str()) && value.is_object() {
            merge(&mut settings[&name], &value);
        } else {
            merge(&mut settings, &json!({ name: value }));
        }
    }
    check_lifetimes(&settings)?;
    call.database()
        .settings()
        .save(&settings, call.now())
        .await?;
    show(call, settings)
}

/// Without what the tenant keeps there for itself, and what has an address of its own.
fn show(call: &Call, mut settings: Value) -> Answered {
    if let Some(settings) = settings.as_object_mut() {
        for own in [KEPT_AS, seed::RECORD] {
            settings.remove(own);
        }
    }
    one(call, settings)
}

/// What tools send in minutes is kept in hours, as a fraction where it is one.
fn in_hours(name: String, value: Value) -> (String, Value) {
    let minutes = value
        .as_u64()
        .and_then(|minutes| u32::try_from(minutes).ok());
    match (name.strip_suffix("_in_minutes"), minutes) {
        (Some(name), Some(minutes)) if minutes % 60 == 0 => {
            (name.to_owned(), (minutes / 60).into())
        }
        (Some(name), Some(minutes)) => (name.to_owned(), (f64::from(minutes) / 60.0).into()),
        _ => (name, value),
    }
}

/// A session that may rest for longer than it may last would be one that never rests too long.
fn check_lifetimes(settings: &Value) -> Result<(), Refusal> {
    let hours = |name: &str| settings[name].as_f64().unwrap_or(0.0);
    let (idle, whole) = (hours("idle_session_lifetime"), hours("session_lifetime"));
    if idle <= whole {
        return Ok(());
    }
    Err(Refusal::Body(format!(
        "'Value {idle} is greater than maximum {whole}' on property idle_session_lifetime"
    )))
}

/// The settings as they are: Auth0's defaults where nothing else was said.
async fn load(call: &Call) -> Result<Value, Refusal> {
    let options = &call.tenant.options;
    let mut settings = json!({
        "friendly_name": "",
        "default_audience": options.default_audience.as_deref().unwrap_or_default(),
        "default_directory": "",
        "allowed_logout_urls": [],
        "enabled_locales": ["en"],
        "session_lifetime": 168,
        "idle_session_lifetime": 72,
        "flags": {},
        "sessions": { "oidc_logout_prompt_enabled": true },
        "oidc_logout": {
            "rp_logout_end_session_endpoint_discovery":
                options.end_session == EndSession::Published,
        },
    });
    if let Some(saved) = call.database().settings().load().await? {
        merge(&mut settings, &saved);
    }
    Ok(settings)
}

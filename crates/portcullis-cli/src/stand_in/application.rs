use std::collections::BTreeMap;

use portcullis_config::{Application, ApplicationKind, Grant, RefreshTokens};
use portcullis_tenant::{Authentication, GrantType, KeyRing, LoginSettings};

use super::{Permissions, client_id};

/// An application as the file describes it; what is absent is what its kind needs.
pub(super) fn settings(
    application: &Application,
    by_default: &Permissions,
    keys: &KeyRing,
) -> anyhow::Result<portcullis_tenant::Application> {
    let client_id = client_id(application);
    // A program without a person may do everything unless told otherwise; a web application acts
    // for its users, and in its own name only what it is given.
    let permissions = match (&application.permissions, application.kind) {
        (Some(permissions), _) => permissions.clone(),
        (None, ApplicationKind::NonInteractive) => by_default.clone(),
        (None, _) => BTreeMap::new(),
    };
    let authentication = if keeps_secret(application.kind) {
        Authentication::Secret(match &application.client_secret {
            Some(secret) => secret.clone(),
            None => keys.application_secret(&client_id)?,
        })
    } else {
        Authentication::Public
    };
    let grants = match &application.grants {
        Some(grants) => grants.as_slice(),
        None => needed(application.kind),
    };
    let served = |grant: &&Grant| **grant == Grant::ClientCredentials;
    let others = grants.iter().filter(|grant| !served(grant));
    Ok(portcullis_tenant::Application {
        name: application.name.clone(),
        client_id,
        authentication,
        grant_types: grants
            .iter()
            .filter(served)
            .map(|_| GrantType::ClientCredentials)
            .collect(),
        grants: permissions,
        login: LoginSettings {
            app_type: kind_name(application.kind),
            is_first_party: application.first_party,
            callbacks: application.callbacks.clone(),
            logout_urls: application.logout_urls.clone(),
            web_origins: application.web_origins.clone(),
            grant_types: others.map(|grant| grant.name()).collect(),
            refresh_tokens: refresh_tokens(application),
        },
    })
}

const fn keeps_secret(kind: ApplicationKind) -> bool {
    matches!(
        kind,
        ApplicationKind::RegularWeb | ApplicationKind::NonInteractive
    )
}

const fn needed(kind: ApplicationKind) -> &'static [Grant] {
    match kind {
        ApplicationKind::Spa => &[
            Grant::AuthorizationCode,
            Grant::Implicit,
            Grant::RefreshToken,
        ],
        ApplicationKind::RegularWeb => &[
            Grant::AuthorizationCode,
            Grant::Implicit,
            Grant::RefreshToken,
            Grant::ClientCredentials,
        ],
        ApplicationKind::Native => &[
            Grant::AuthorizationCode,
            Grant::Implicit,
            Grant::RefreshToken,
            Grant::DeviceCode,
        ],
        ApplicationKind::NonInteractive => &[Grant::ClientCredentials],
    }
}

fn kind_name(kind: ApplicationKind) -> Option<&'static str> {
    let mut kinds = ApplicationKind::ALL.into_iter();
    kinds
        .find(|(_, known)| *known == kind)
        .map(|(name, _)| name)
}

/// RFC 9700 section 4.14.2: those of an application without a secret are rotated.
fn refresh_tokens(application: &Application) -> portcullis_tenant::RefreshTokens {
    let by_kind = if keeps_secret(application.kind) {
        RefreshTokens::NonRotating
    } else {
        RefreshTokens::Rotating
    };
    match application.refresh_tokens.unwrap_or(by_kind) {
        RefreshTokens::NonRotating => portcullis_tenant::RefreshTokens::NonRotating,
        RefreshTokens::Rotating => portcullis_tenant::RefreshTokens::Rotating {
            leeway: application.refresh_leeway,
        },
    }
}

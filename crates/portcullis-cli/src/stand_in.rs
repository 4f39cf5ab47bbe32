//! The embedded tenant in the place of every issuer: from a project's configuration to a tenant
//! that knows its APIs, and to a configuration that trusts that tenant.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_config::{
    Application, ApplicationKind, AuthorizerKind, Check, Config, IssuerUrl, KeySource,
};
use portcullis_tenant::{
    Api, Authentication, GrantType, Issuer, KeyRing, Options, Settings, TokenDialect,
};
use portcullis_token::{Algorithm, KeySet, Secret};
use url::Url;

/// The application that `portcullis token` asks as: it may do everything that a route asks for.
pub(crate) const DEVELOPMENT_CLIENT: &str = "development";

/// Scopes by audience.
type Permissions = BTreeMap<String, Vec<String>>;

/// Has every authorizer accept the tokens of `issuer` instead of those of its own issuer.
///
/// Audiences, algorithms and scopes stay: the rules are those of production.
pub(crate) fn trust(config: &mut Config, issuer: &Url) -> anyhow::Result<()> {
    for authorizer in &mut config.authorizers {
        let AuthorizerKind::Jwt(jwt) = &mut authorizer.kind;
        jwt.issuer = Check::Is(IssuerUrl::parse(issuer.as_str())?);
        if matches!(jwt.keys, KeySource::Secret(_)) {
            // The tenant has keys of its own, and no secret of the issuer's.
            jwt.algorithms = Algorithm::DEFAULT.to_vec();
        }
        jwt.keys = KeySource::Discovery;
    }
    Ok(())
}

/// The keys that the tenant publishes, for the tokens of `issuer` alone.
pub(crate) fn key_set(keys: &KeyRing, issuer: &Url) -> anyhow::Result<KeySet> {
    let keys = KeySet::parse(keys.jwks().to_string().as_bytes())?;
    Ok(keys.of_issuer(issuer.to_string()))
}

/// The issuers that the tenant stands in for, as the file writes them.
pub(crate) fn real_issuers(config: &Config) -> BTreeSet<String> {
    let issuers = config.authorizers.iter().map(|authorizer| {
        let AuthorizerKind::Jwt(jwt) = &authorizer.kind;
        match (&jwt.issuer, &jwt.keys) {
            (Check::Is(issuer), _) => issuer.as_written().to_owned(),
            (Check::Any, KeySource::Jwks(url)) => url.to_string(),
            (Check::Any, _) => "any issuer".to_owned(),
        }
    });
    issuers.collect()
}

/// A tenant with an API for each audience of the file, and its applications.
pub(crate) fn settings(
    config: &Config,
    issuer: Issuer,
    keys: &KeyRing,
) -> anyhow::Result<Settings> {
    let everything = permissions(config);
    let apis = everything.iter().map(|(identifier, permissions)| Api {
        identifier: identifier.clone(),
        permissions: permissions.clone(),
        token_lifetime: Api::DEFAULT_TOKEN_LIFETIME,
        token_dialect: TokenDialect::default(),
    });
    let development = portcullis_tenant::Application {
        name: "Development".to_owned(),
        client_id: DEVELOPMENT_CLIENT.to_owned(),
        authentication: Authentication::Secret(keys.application_secret(DEVELOPMENT_CLIENT)?),
        grant_types: [GrantType::ClientCredentials].into(),
        grants: everything.clone(),
    };
    let is_named = |application: &Application| client_id(application) == DEVELOPMENT_CLIENT;
    let own = (!config.tenant.applications.iter().any(is_named)).then_some(development);
    let mut applications: Vec<_> = own.into_iter().collect();
    for application in &config.tenant.applications {
        applications.push(application_settings(application, &everything, keys)?);
    }
    Ok(Settings {
        issuer,
        apis: apis.collect(),
        applications,
        options: Options::default(),
    })
}

/// The secret of an application of the tenant: that of the file, else one made from its keys.
pub(crate) fn secret(
    config: &Config,
    keys: &KeyRing,
    client: &str,
) -> anyhow::Result<Secret<String>> {
    let application = config
        .tenant
        .applications
        .iter()
        .find(|application| client_id(application) == client);
    match application.and_then(|application| application.client_secret.clone()) {
        Some(secret) => Ok(secret),
        None => Ok(keys.application_secret(client)?),
    }
}

/// Every audience that the file names, with every permission that it names for it.
fn permissions(config: &Config) -> Permissions {
    let mut permissions = config.permissions_by_audience();
    let users = config.tenant.users.iter().map(|user| &user.permissions);
    let applications = config
        .tenant
        .applications
        .iter()
        .filter_map(|a| a.permissions.as_ref());
    for (audience, scopes) in users.chain(applications).flatten() {
        permissions
            .entry(audience.clone())
            .or_default()
            .extend(scopes.iter().cloned());
    }
    permissions
        .into_iter()
        .map(|(audience, scopes)| (audience, scopes.into_iter().collect()))
        .collect()
}

fn application_settings(
    application: &Application,
    everything: &Permissions,
    keys: &KeyRing,
) -> anyhow::Result<portcullis_tenant::Application> {
    let client_id = client_id(application);
    let keeps_secret = matches!(
        application.kind,
        ApplicationKind::RegularWeb | ApplicationKind::NonInteractive
    );
    // A program without a person may do everything unless told otherwise; a web application acts
    // for its users, and in its own name only what it is given.
    let grants = match (&application.permissions, application.kind) {
        (Some(permissions), _) => permissions.clone(),
        (None, ApplicationKind::NonInteractive) => everything.clone(),
        (None, _) => BTreeMap::new(),
    };
    let (authentication, grant_types) = if keeps_secret {
        let secret = match &application.client_secret {
            Some(secret) => secret.clone(),
            None => keys.application_secret(&client_id)?,
        };
        (
            Authentication::Secret(secret),
            [GrantType::ClientCredentials].into(),
        )
    } else {
        (Authentication::Public, BTreeSet::new())
    };
    let name = application.name.clone();
    Ok(portcullis_tenant::Application {
        name,
        client_id,
        authentication,
        grant_types,
        grants,
    })
}

/// The application's client id; its name, in the characters of one, where the file gives none.
fn client_id(application: &Application) -> String {
    application.client_id.clone().unwrap_or_else(|| {
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        };
        application.name.chars().map(plain).collect()
    })
}

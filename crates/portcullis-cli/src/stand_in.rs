//! The embedded tenant in the place of every issuer: from a project's configuration to a tenant
//! that knows its APIs, and to a configuration that trusts that tenant.

mod api;
mod application;
mod claims;
mod people;

use std::collections::{BTreeMap, BTreeSet};

use portcullis_config::{
    Application, ApplicationKind, AuthorizerKind, Check, Config, IssuerUrl, KeySource,
};
use portcullis_tenant::{
    Authentication, EndSession, ErrorDialect, GrantType, Issuer, KeyRing, LoginSettings,
    LogoutPrompt, Options, Settings,
};
use portcullis_token::{Algorithm, KeySet, Secret};
use url::Url;

pub(crate) use claims::custom_claims;
pub(crate) use people::first_user;

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

/// The keys that the tenant publishes as `jwks`, for the tokens of `issuer` alone.
pub(crate) fn key_set(jwks: &[u8], issuer: &Url) -> anyhow::Result<KeySet> {
    Ok(KeySet::parse(jwks)?.of_issuer(issuer.to_string()))
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

/// A tenant with an API for each audience of the file, its applications and its users.
pub(crate) fn settings(
    config: &Config,
    issuer: Issuer,
    keys: &KeyRing,
) -> anyhow::Result<Settings> {
    let everything = permissions(config);
    let apis = everything
        .iter()
        .map(|(identifier, scopes)| api::settings(config, &issuer, identifier, scopes.clone()))
        .collect();
    let development = portcullis_tenant::Application {
        name: "Development".to_owned(),
        client_id: DEVELOPMENT_CLIENT.to_owned(),
        authentication: Authentication::Secret(keys.application_secret(DEVELOPMENT_CLIENT)?),
        grant_types: [GrantType::ClientCredentials].into(),
        grants: everything.clone(),
        login: LoginSettings::default(),
    };
    let is_named = |application: &Application| client_id(application) == DEVELOPMENT_CLIENT;
    let own = (!config.tenant.applications.iter().any(is_named)).then_some(development);
    let mut applications: Vec<_> = own.into_iter().collect();
    let mut by_default = everything.clone();
    // An application is no administrator for want of words about it.
    by_default.remove(&format!("{issuer}api/v2/"));
    for application in &config.tenant.applications {
        applications.push(application::settings(application, &by_default, keys)?);
    }
    Ok(Settings {
        issuer,
        apis,
        applications,
        people: people::settings(config, keys)?,
        options: options(config),
    })
}

fn options(config: &Config) -> Options {
    let tenant = &config.tenant;
    let error_dialect = match tenant.error_dialect {
        portcullis_config::ErrorDialect::Auth0 => ErrorDialect::Auth0,
        portcullis_config::ErrorDialect::Rfc6749 => ErrorDialect::Rfc6749,
    };
    let end_session = if tenant.oidc_logout {
        EndSession::Published
    } else {
        EndSession::Hidden
    };
    let logout_prompt = if tenant.logout_prompt {
        LogoutPrompt::Ask
    } else {
        LogoutPrompt::Skip
    };
    Options {
        error_dialect,
        default_audience: tenant.default_audience.clone(),
        end_session,
        logout_prompt,
        logout_urls: tenant.logout_urls.clone(),
        claims: custom_claims(config),
        ..Options::default()
    }
}

/// The client id of the application that is called so, by its client id or by its name.
pub(crate) fn named_client(config: &Config, text: &str) -> String {
    let applications = &config.tenant.applications;
    let by_id = applications
        .iter()
        .find(|application| client_id(application) == text);
    let by_name = || {
        let mut applications = applications.iter();
        applications.find(|application| application.name.eq_ignore_ascii_case(text))
    };
    by_id
        .or_else(by_name)
        .map_or_else(|| text.to_owned(), client_id)
}

/// The application at which people log in, when none is named: the first that is made for it.
pub(crate) fn login_client(config: &Config) -> String {
    let mut applications = config.tenant.applications.iter();
    let first =
        applications.find(|application| application.kind != ApplicationKind::NonInteractive);
    first.map_or_else(|| DEVELOPMENT_CLIENT.to_owned(), client_id)
}

/// The audience that is called so: by itself, by its name in `[[tenant.api]]`, or by the API of the
/// gateway that takes its tokens.
pub(crate) fn named_audience(config: &Config, text: &str) -> String {
    if permissions(config).contains_key(text) {
        return text.to_owned();
    }
    let mut declared = config.tenant.apis.iter();
    let declared = declared.find(|api| {
        let name = api.name.as_deref();
        name.is_some_and(|name| name.eq_ignore_ascii_case(text))
    });
    if let Some(api) = declared {
        return api.identifier.clone();
    }
    let of_gateway = config.apis.iter().filter(|api| api.name == text);
    let mut needs = of_gateway
        .flat_map(|api| &api.routes)
        .flat_map(|route| route.auth.alternatives.iter().flatten());
    let audience = needs.find_map(|need| {
        let AuthorizerKind::Jwt(jwt) = &config.authorizers.get(need.authorizer)?.kind;
        match &jwt.audience {
            Check::Is(audiences) => audiences.first(),
            Check::Any => None,
        }
    });
    audience.map_or_else(|| text.to_owned(), Clone::clone)
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
    let tenant = &config.tenant;
    let mut permissions = config.permissions_by_audience();
    let users = tenant.users.iter().map(|user| &user.permissions);
    let roles = tenant.roles.iter().map(|role| &role.permissions);
    let applications = tenant.applications.iter();
    let applications = applications.filter_map(|application| application.permissions.as_ref());
    for (audience, scopes) in users.chain(roles).chain(applications).flatten() {
        permissions
            .entry(audience.clone())
            .or_default()
            .extend(scopes.iter().cloned());
    }
    for api in &tenant.apis {
        let known = permissions.entry(api.identifier.clone()).or_default();
        known.extend(api.permissions.keys().cloned());
    }
    if let Some(audience) = &tenant.default_audience {
        permissions.entry(audience.clone()).or_default();
    }
    permissions
        .into_iter()
        .map(|(audience, scopes)| (audience, scopes.into_iter().collect()))
        .collect()
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

//! `portcullis token --user`: what the user would have by logging in, without the browser.

use portcullis::{Clock as _, SystemClock};
use portcullis_config::Config;
use portcullis_tenant::{UserToken, UserTokenError, UserTokenRequest};
use serde_json::json;

use super::only_audience;
use crate::arguments::{Format, Token};
use crate::project::{Complained, Project};
use crate::session::Session;
use crate::terminal::{self, Failure, harmless};
use crate::{stand_in, tenant_keys};

/// Prints a token of `user`, signed with the keys of the session's tenant.
///
/// The tenant is not asked: whoever can read its keys may sign whatever it would.
pub(super) async fn print(
    session: Option<Session>,
    arguments: &Token,
    user: &str,
) -> anyhow::Result<()> {
    let Some(session) = session else {
        return Err(Failure::with_hint(
            "only the tenant of a `portcullis dev` on this machine gives tokens of its users",
            "leave out `--user` to ask an issuer as an application",
        ));
    };
    let project = match Project::read(&session.project, "dev")? {
        Ok(project) => project,
        Err(invalid) => {
            invalid.show();
            return Err(Complained.into());
        }
    };
    let token = sign(&session, &project, arguments, user).await?;
    if !token.refused.is_empty() {
        let refused = token.refused.join(" ");
        terminal::warn(&format!("not given: {}", harmless(&refused)));
    }
    match arguments.format {
        Format::Json => terminal::print_json(&json!({
            "access_token": token.access_token.expose(),
            "scope": token.scope,
            "expires_in": token.expires_in,
            "token_type": "Bearer",
        })),
        Format::Text => terminal::print(format_args!("{}\n", token.access_token.expose())),
    }?;
    Ok(())
}

async fn sign(
    session: &Session,
    project: &Project,
    arguments: &Token,
    user: &str,
) -> anyhow::Result<UserToken> {
    let config = &project.config;
    let audience = match &arguments.audience {
        Some(name) => stand_in::named_audience(config, name),
        None => only_audience(session)?,
    };
    let client_id = match &arguments.client {
        Some(name) => stand_in::named_client(config, name),
        None => stand_in::login_client(config),
    };
    let issuer = session.issuer.as_str().parse()?;
    let database = tenant_keys::database(project).await?;
    let request = UserTokenRequest {
        issuer: &issuer,
        user,
        client_id: &client_id,
        audience: &audience,
        scope: arguments.scope.as_deref(),
        issued_at: SystemClock.now(),
        claims: &stand_in::custom_claims(config),
    };
    let token = match tenant_keys::load(project, &database).await {
        Ok(keys) => {
            let token = request.sign(&database, &keys).await;
            token.map_err(|error| explained(error, config))
        }
        Err(error) => Err(error),
    };
    database.close().await;
    token
}

/// The failure, with what could have been asked for.
fn explained(error: UserTokenError, config: &Config) -> anyhow::Error {
    let hint = match &error {
        UserTokenError::UnknownUser { known, .. } | UserTokenError::SeveralUsers { known, .. }
            if !known.is_empty() =>
        {
            format!("add one of: --user {}", known.join(", --user "))
        }
        UserTokenError::UnknownClient { .. } => {
            let names = config.tenant.applications.iter();
            let names: Vec<_> = names.map(|application| application.name.as_str()).collect();
            format!("the file describes: {}", names.join(", "))
        }
        UserTokenError::UnknownApi { .. } => {
            "describe it in `[[tenant.api]]`, or name it as an audience of an authorizer".to_owned()
        }
        _ => return error.into(),
    };
    Failure::with_hint(harmless(&error.to_string()), harmless(&hint))
}

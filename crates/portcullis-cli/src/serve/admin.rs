//! The admin listener, where the file asks for one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use portcullis_admin::{Admin, AdminToken, Hosts, TokenError};
use tokio::net::TcpListener;

use super::state::State;
use crate::control_server::ControlServer;
use crate::dev::cannot_listen;
use crate::invocation::quoted;
use crate::project::{self, Project};
use crate::terminal::Failure;

/// Where the token is that each start makes.
const MADE_TOKEN: &str = ".portcullis/admin-token";

/// An admin listener, and the file with the token to show there.
pub(super) struct AdminServer {
    pub(super) server: ControlServer,
    pub(super) token_file: PathBuf,
}

/// Listens as `[server] admin` says; nowhere without it.
pub(super) async fn start(
    project: &Project,
    state: &Arc<State>,
) -> anyhow::Result<Option<AdminServer>> {
    let Some(admin) = &project.config.server.admin else {
        return Ok(None);
    };
    let listener = TcpListener::bind(admin.listen)
        .await
        .map_err(|error| cannot_listen("admin listener", admin.listen, "[server] admin", &error))?;
    let (token, token_file) = match &admin.token_file {
        Some(file) => {
            let file = project.directory.join(file);
            (AdminToken::load(&file), file)
        }
        None => make_token(&project.directory)?,
    };
    let token = token.map_err(explained)?;
    let hosts = Hosts::this_machine_and(admin.hosts.clone());
    let router = Admin::new(Arc::clone(state) as _, token, hosts).router();
    let server =
        ControlServer::start(listener, router).context("the admin listener has no address")?;
    tracing::info!(
        address = %server.address(),
        token_file = %token_file.display(),
        "the admin listener listens"
    );
    Ok(Some(AdminServer { server, token_file }))
}

fn make_token(directory: &Path) -> anyhow::Result<(Result<AdminToken, TokenError>, PathBuf)> {
    project::ignore_state(directory)
        .context("the admin token needs a place; name a `token_file` in `[server.admin]`")?;
    let file = directory.join(MADE_TOKEN);
    Ok((AdminToken::create(&file), file))
}

fn explained(error: TokenError) -> anyhow::Error {
    let told = error.to_string();
    match &error {
        TokenError::Mode { path, .. } => {
            let path = quoted(&path.display().to_string());
            Failure::with_hint(
                told,
                format!("if nobody has read it: `chmod 600 {path}`; else replace it"),
            )
        }
        TokenError::NotAToken { path } => {
            let path = quoted(&path.display().to_string());
            Failure::with_hint(told, format!("make one: `openssl rand -hex 32 > {path}`"))
        }
        _ => error.into(),
    }
}

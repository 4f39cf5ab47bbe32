//! The gateway of a project, as `dev` and `serve` start it.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;

use anyhow::Context as _;
use portcullis_gateway::{Gateway, Listeners, Plan, Tls};

use crate::project::Project;
use crate::terminal::Failure;

/// Starts the data plane.
pub(crate) fn start_gateway(
    listeners: Listeners,
    project: &Project,
    plan: impl Into<Arc<Plan>>,
) -> anyhow::Result<Gateway> {
    let tls = load_tls(project)?;
    Gateway::with_listeners(plan, listeners, tls)
        .context("the threads of the gateway cannot be started")
}

/// Listens for the data plane, on `listen` rather than on what the file says.
pub(crate) fn bind(listen: Option<SocketAddr>, project: &Project) -> anyhow::Result<Listeners> {
    let address = listen.unwrap_or(project.config.server.listen);
    Listeners::bind(address, workers(project))
        .map_err(|error| cannot_listen("gateway", address, "--listen", &error))
}

/// The threads of the data plane.
pub(crate) fn workers(project: &Project) -> NonZeroUsize {
    let cores = || available_parallelism().unwrap_or(NonZeroUsize::MIN);
    project.config.server.workers.unwrap_or_else(cores)
}

/// The certificates that the file names; none where it names none.
pub(crate) fn load_tls(project: &Project) -> anyhow::Result<Option<Tls>> {
    let load = |tls| Tls::load(tls, &project.directory);
    let tls = project.config.server.tls.as_ref().map(load).transpose();
    tls.context("the certificates of `[server.tls]` cannot be used")
}

pub(crate) fn cannot_listen(
    what: &str,
    address: SocketAddr,
    flag: &str,
    error: &std::io::Error,
) -> anyhow::Error {
    if error.kind() == std::io::ErrorKind::AddrInUse {
        let free = SocketAddr::new(address.ip(), 0);
        return Failure::with_hint(
            format!("the {what} cannot listen on {address}: the port is taken"),
            format!("stop what listens there, or choose another port: `{flag} {free}`"),
        );
    }
    anyhow::anyhow!("the {what} cannot listen on {address}: {error}")
}

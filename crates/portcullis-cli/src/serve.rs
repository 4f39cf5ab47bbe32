//! `portcullis serve`: production, by the issuers that the file names.

mod admin;
mod reload;
mod sockets;
mod start;
mod state;

use std::io::{self, IsTerminal as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use portcullis_config::{LogFormat, Server};
use portcullis_gateway::{Gateway, Listeners};
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind};
use tokio::sync::mpsc;

use crate::arguments::{Format, Serve};
use crate::control_server::control_plane;
use crate::data_plane::{bind, start_gateway, workers};
use crate::dev::announce::Running;
use crate::identity_pool::{Logins, PoolServers};
use crate::log::Queue;
use crate::plan::RealIssuers;
use crate::project::Project;
use crate::serve::admin::AdminServer;
use crate::serve::reload::{Reloader, Trigger};
use crate::serve::state::{Asked, Serving, State};
use crate::signals::{self, Signals};
use crate::telemetry::Exporter;
use crate::terminal::{self, Failure};
use crate::watch::Watch;
use crate::{functions, identity_pool, log, stand_in};

/// How long the admin listener may take to end, which is told everything by then.
const LEAVE: Duration = Duration::from_millis(200);

/// Runs until SIGTERM or Ctrl-C.
pub(crate) fn run(arguments: &Serve) -> anyhow::Result<()> {
    // Before there is a second thread: the variables of the sockets are taken out of the environment.
    let sockets = sockets::inherited()?;
    let watch = Watch::of(&arguments.directory);
    let project = Project::load(&arguments.directory, "serve")?;
    refuse_development(&project)?;
    let format = log_format(arguments, project.config.log.format);
    let log = log::start_in_production(format).context("the log has no thread to write it")?;
    let runtime = control_plane()?;
    let result = runtime.block_on(serve(arguments, &project, sockets, watch, format, &log));
    // What is left is waiting for the network, and nobody waits for it.
    runtime.shutdown_background();
    result
}

fn log_format(arguments: &Serve, file: Option<LogFormat>) -> Format {
    let by_file = file.map(|format| match format {
        LogFormat::Json => Format::Json,
        LogFormat::Text => Format::Text,
    });
    let by_reader = || {
        if io::stderr().is_terminal() {
            Format::Text
        } else {
            Format::Json
        }
    };
    arguments.log_format.or(by_file).unwrap_or_else(by_reader)
}

/// Fails where the file holds passwords: what runs in production has none in a file.
fn refuse_development(project: &Project) -> anyhow::Result<()> {
    let Some(user) = project.config.tenant.users.first() else {
        return Ok(());
    };
    Err(Failure::with_hint(
        format!(
            "{}:{}: a user with a password in the file is for development",
            project.file, user.origin.line
        ),
        "remove `[[tenant.user]]`; `serve` takes the tokens of the issuers that the file names",
    ))
}

async fn serve(
    arguments: &Serve,
    project: &Project,
    sockets: Vec<TcpListener>,
    mut watch: Watch,
    format: Format,
    log: &Queue,
) -> anyhow::Result<()> {
    let mut issuers = RealIssuers::new(&project.directory)?;
    let mut plan = issuers.plan(project, false)?;
    let mut functions = functions::Running::new(project, functions::How::Production);
    functions.connect(&mut plan, &project.config).await?;
    let plan = Arc::new(plan);
    plan.start_keys();
    watch.follow(project.named_files());
    // Before anybody is told that it runs: who hears that may send a signal at once.
    let mut signals = Signals::listen()?;
    tokio::select! {
        waited = start::wait_for_keys(&plan, &project.config) => waited?,
        _ = signals.end() => return Ok(()),
    }
    let listeners = listeners(sockets, arguments, project)?;
    let mut gateway = start_gateway(listeners, project, Arc::clone(&plan))?;
    gateway.metrics().show_lost_lines(log.lost());
    let exporter = Exporter::start(&mut gateway, &project.config.telemetry)?;
    let hangup = signals::listen(SignalKind::hangup())?;
    let serving = Serving {
        plan,
        config: project.config.clone(),
        generation: 1,
    };
    let (state, asked) = State::new(serving, gateway.metrics());
    let admin = admin::start(project, &state).await?;
    let pools = start_pools(project).await?;
    announce(arguments, project, &gateway, admin.as_ref(), &pools)?;
    let reloader = Reloader::new(
        arguments,
        project,
        (issuers, functions),
        format,
        Arc::clone(&state),
    );
    let reloads = Reloads {
        watch,
        hangup,
        asked,
    };
    let functions = until_told_to_end(&gateway, reloader, reloads, &mut signals).await;

    state.end();
    gateway.announce_end();
    let Server {
        drain, drain_delay, ..
    } = state.serving().config.server;
    tokio::select! {
        () = end(gateway, drain_delay, drain) => {}
        _ = signals.end() => tracing::warn!("ending at once, told so twice"),
    }
    functions.stop(LEAVE).await;
    exporter.finish().await;
    pools.stop(LEAVE).await;
    if let Some(admin) = admin {
        admin.server.stop(LEAVE).await;
    }
    Ok(())
}

/// The identity pools that the file names.
async fn start_pools(project: &Project) -> anyhow::Result<PoolServers> {
    if project.config.identity_pools.is_empty() {
        return Ok(PoolServers::default());
    }
    let pools = identity_pool::make(project, &Logins::of_issuers()?)?;
    PoolServers::start(&project.config, &pools).await
}

/// The sockets that the process was given, or else those of the address that it was told.
fn listeners(
    given: Vec<TcpListener>,
    arguments: &Serve,
    project: &Project,
) -> anyhow::Result<Listeners> {
    if given.is_empty() {
        return bind(arguments.listen, project);
    }
    tracing::info!(sockets = given.len(), "taking the sockets of LISTEN_FDS");
    Listeners::ready(given, workers(project)).context("the sockets of LISTEN_FDS cannot be used")
}

/// Serves for `delay` as before, then finishes what is under way for at most `patience`.
async fn end(gateway: Gateway, delay: Duration, patience: Duration) {
    tracing::info!(
        delay_s = delay.as_secs_f64(),
        patience_s = patience.as_secs_f64(),
        "finishing the requests under way"
    );
    tokio::time::sleep(delay).await;
    gateway.stop(patience).await;
}

fn announce(
    arguments: &Serve,
    project: &Project,
    gateway: &Gateway,
    admin: Option<&AdminServer>,
    pools: &PoolServers,
) -> anyhow::Result<()> {
    tracing::info!(address = %gateway.address(), generation = 1, "listening");
    if arguments.format == Format::Json {
        let running = Running {
            project,
            gateway: gateway.address(),
            issuer: None,
            secure: None,
            made_up: None,
            real_issuers: &stand_in::real_issuers(&project.config),
            pools,
        };
        let mut ready = running.to_json();
        if let Some(admin) = admin {
            ready["admin"] = json!({
                "url": format!("http://{}", admin.server.address()),
                "token_file": admin.token_file.display().to_string(),
            });
        }
        terminal::print_json_line(&ready)?;
    }
    Ok(())
}

/// What has the file read again.
struct Reloads {
    watch: Watch,
    hangup: Signal,
    asked: mpsc::Receiver<Asked>,
}

async fn until_told_to_end(
    gateway: &Gateway,
    mut reloader: Reloader,
    mut reloads: Reloads,
    signals: &mut Signals,
) -> functions::Running {
    loop {
        let (trigger, answer) = tokio::select! {
            _ = signals.end() => return reloader.end(),
            _ = reloads.hangup.recv() => (Trigger::Hangup, None),
            // The state, which has the sender, outlives this loop.
            Some(asked) = reloads.asked.recv() => (Trigger::Admin(asked.peer), Some(asked.answer)),
            () = reloads.watch.changed() => (Trigger::File, None),
        };
        let result = tokio::select! {
            result = reloader.reload(gateway, &mut reloads.watch, trigger) => result,
            // A slow file system must not hold the end up.
            _ = signals.end() => return reloader.end(),
        };
        // Who has asked may be gone.
        drop(answer.map(|answer| answer.send(result)));
    }
}

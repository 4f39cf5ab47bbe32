//! `portcullis serve`: production, by the issuers that the file names.

mod reload;
mod watch;

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use anyhow::Context as _;
use portcullis_config::LogFormat;
use portcullis_gateway::Gateway;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::arguments::{Format, Serve};
use crate::dev::announce::Running;
use crate::dev::{control_plane, start_gateway};
use crate::log::Queue;
use crate::plan::RealIssuers;
use crate::project::Project;
use crate::serve::reload::Reloader;
use crate::serve::watch::Watch;
use crate::telemetry::Exporter;
use crate::terminal::{self, Failure, harmless_json};
use crate::{log, stand_in};

/// How long requests under way are finished after the first signal to end.
const DRAIN: Duration = Duration::from_secs(30);

/// Runs until SIGTERM or Ctrl-C.
pub(crate) fn run(arguments: &Serve) -> anyhow::Result<()> {
    let watch = Watch::of(&arguments.directory);
    let project = Project::load(&arguments.directory, "serve")?;
    refuse_development(&project)?;
    let format = log_format(arguments, project.config.log.format);
    let log = log::start_in_production(format).context("the log has no thread to write it")?;
    let runtime = control_plane()?;
    let result = runtime.block_on(serve(arguments, &project, watch, format, &log));
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
    watch: Watch,
    format: Format,
    log: &Queue,
) -> anyhow::Result<()> {
    let mut issuers = RealIssuers::new()?;
    let plan = issuers.plan(&project.config, false)?;
    plan.start_keys();
    let mut gateway = start_gateway(arguments.listen, project, plan)?;
    gateway.metrics().show_lost_lines(log.lost());
    let exporter = Exporter::start(&mut gateway, &project.config.telemetry)?;
    // Before anybody is told that it runs: who hears that may send a signal at once.
    let mut signals = Signals::listen()?;
    announce(arguments, project, &gateway)?;
    let reloader = Reloader::new(arguments, project, issuers, format);
    until_told_to_end(&gateway, reloader, watch, &mut signals).await;

    tracing::info!(
        patience_s = DRAIN.as_secs(),
        "finishing the requests under way"
    );
    tokio::select! {
        () = gateway.stop(DRAIN) => {}
        () = signals.end() => tracing::warn!("ending at once, told so twice"),
    }
    exporter.finish().await;
    Ok(())
}

fn announce(arguments: &Serve, project: &Project, gateway: &Gateway) -> anyhow::Result<()> {
    tracing::info!(address = %gateway.address(), generation = 1, "listening");
    if arguments.format == Format::Json {
        let running = Running {
            project,
            gateway: gateway.address(),
            issuer: None,
            real_issuers: &stand_in::real_issuers(&project.config),
        };
        let ready = running.to_json().to_string();
        terminal::print(format_args!("{}\n", harmless_json(&ready)))?;
    }
    Ok(())
}

async fn until_told_to_end(
    gateway: &Gateway,
    mut reloader: Reloader,
    mut watch: Watch,
    signals: &mut Signals,
) {
    loop {
        tokio::select! {
            _ = signals.interrupt.recv() => return,
            _ = signals.terminate.recv() => return,
            _ = signals.hangup.recv() => reloader.reload(gateway, "SIGHUP").await,
            () = watch.changed() => reloader.reload(gateway, "file").await,
        }
    }
}

/// The signals of [`serve`], which do not end the process from [`Signals::listen`] on.
struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("signals cannot be received");
        Ok(Self {
            hangup: listen(SignalKind::hangup())?,
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Waits for a signal to end.
    async fn end(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

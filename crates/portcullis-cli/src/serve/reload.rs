//! From a changed file to a plan that serves; a broken file changes nothing.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use portcullis::{Clock as _, SystemClock};
use portcullis_admin::{AUDIT, LastReload, NotReloaded, Reloaded};
use portcullis_config::{Config, Source};
use portcullis_gateway::{Gateway, Plan, Tls};

use super::state::{Serving, State};
use crate::arguments::{Format, Serve};
use crate::data_plane::load_tls;
use crate::functions;
use crate::plan::RealIssuers;
use crate::project::{Invalid, Project};
use crate::watch::Watch;

/// What a running gateway needs to take another configuration.
pub(super) struct Reloader {
    directory: PathBuf,
    issuers: RealIssuers,
    functions: functions::Running,
    /// As the gateway was started with.
    started: Config,
    /// Whether the file's `listen` counts.
    listens_by_file: bool,
    format: Format,
    state: Arc<State>,
}

/// What has a file read again.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trigger {
    File,
    Hangup,
    /// A caller of the admin listener.
    Admin(Option<SocketAddr>),
}

impl Trigger {
    const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Hangup => "SIGHUP",
            Self::Admin(_) => "admin",
        }
    }
}

/// Why a file is not used.
enum Broken {
    Invalid(Box<Invalid>),
    Failed(anyhow::Error),
}

impl Reloader {
    pub(super) fn new(
        arguments: &Serve,
        project: &Project,
        (issuers, functions): (RealIssuers, functions::Running),
        format: Format,
        state: Arc<State>,
    ) -> Self {
        Self {
            directory: arguments.directory.clone(),
            issuers,
            functions,
            started: project.config.clone(),
            listens_by_file: arguments.listen.is_none(),
            format,
            state,
        }
    }

    /// What is left to stop.
    pub(super) fn end(self) -> functions::Running {
        self.functions
    }

    /// Reads the files, and serves by them from the next request on unless they are broken.
    ///
    /// # Cancel safety
    /// Safe: nothing is replaced before everything was read, and then all of it is at once.
    pub(super) async fn reload(
        &mut self,
        gateway: &Gateway,
        watch: &mut Watch,
        trigger: Trigger,
    ) -> Result<Reloaded, NotReloaded> {
        if !matches!(trigger, Trigger::File) {
            // Somebody may have been told before all of it was written.
            watch.settled().await;
        }
        let result = match self.load(watch).await {
            Ok((project, plan, tls)) => Ok(self.serve(gateway, trigger, project.config, plan, tls)),
            Err(broken) => {
                gateway.keep_after_failure();
                self.tell(trigger.name(), &broken);
                Err(not_reloaded(broken))
            }
        };
        self.state.reloaded(LastReload {
            trigger: trigger.name(),
            at: SystemClock.now(),
            succeeded: result.is_ok(),
        });
        audit(trigger, &result);
        result
    }

    async fn load(&mut self, watch: &mut Watch) -> Result<(Project, Plan, Option<Tls>), Broken> {
        let project = match Project::read_aside(&self.directory, "serve").await {
            Ok(Ok(project)) => project,
            Ok(Err(invalid)) => return Err(Broken::Invalid(Box::new(invalid))),
            Err(error) => return Err(Broken::Failed(error)),
        };
        let (mut plan, tls) = self.prepare(&project, watch).map_err(Broken::Failed)?;
        let connected = self.functions.connect(&mut plan, &project.config).await;
        connected.map_err(Broken::Failed)?;
        Ok((project, plan, tls))
    }

    fn prepare(
        &mut self,
        project: &Project,
        watch: &mut Watch,
    ) -> anyhow::Result<(Plan, Option<Tls>)> {
        super::refuse_development(project)?;
        watch.follow(project.named_files());
        let tls = load_tls(project)?;
        let plan = self.issuers.plan(project, false)?;
        Ok((plan, tls))
    }

    fn serve(
        &self,
        gateway: &Gateway,
        trigger: Trigger,
        config: Config,
        plan: Plan,
        tls: Option<Tls>,
    ) -> Reloaded {
        plan.start_keys();
        let plan = gateway.replace(plan);
        gateway.replace_tls(tls);
        let restart_needed = self.restart_needed(&config);
        let generation = self.state.serving().generation + 1;
        self.state.replace(Serving {
            plan,
            config,
            generation,
        });
        let trigger = trigger.name();
        tracing::info!(trigger, generation, "serving by the changed configuration");
        for setting in &restart_needed {
            tracing::warn!(setting, "changed in the file, and takes a restart");
        }
        Reloaded {
            generation,
            restart_needed,
        }
    }

    /// The settings that this process cannot change.
    fn restart_needed(&self, config: &Config) -> Vec<&'static str> {
        let (server, started) = (&config.server, &self.started);
        let listen = self.listens_by_file && server.listen != started.server.listen;
        let otlp = config.telemetry.otlp != started.telemetry.otlp;
        let settings = [
            ("server.listen", listen),
            ("server.workers", server.workers != started.server.workers),
            ("server.admin", server.admin != started.server.admin),
            ("telemetry.otlp", otlp),
            ("log.format", config.log.format != started.log.format),
        ];
        let differ = settings.into_iter().filter(|(_, differs)| *differs);
        differ.map(|(setting, _)| setting).collect()
    }

    fn tell(&self, trigger: &str, broken: &Broken) {
        let generation = self.state.serving().generation;
        let invalid = match broken {
            Broken::Invalid(invalid) => invalid,
            Broken::Failed(error) => {
                let error = format!("{error:#}");
                let message = "the changed configuration is not used";
                tracing::error!(trigger, generation, error, message);
                return;
            }
        };
        let message = "the changed configuration has errors and is not used";
        match self.format {
            Format::Text => {
                invalid.show();
                tracing::error!(trigger, generation, message);
            }
            Format::Json => {
                let diagnostics = diagnostics(invalid).to_string();
                tracing::error!(trigger, generation, diagnostics, message);
            }
        }
    }
}

fn not_reloaded(broken: Broken) -> NotReloaded {
    match broken {
        Broken::Invalid(invalid) => NotReloaded::Invalid {
            diagnostics: diagnostics(&invalid),
        },
        Broken::Failed(error) => NotReloaded::Failed(format!("{error:#}")),
    }
}

fn diagnostics(invalid: &Invalid) -> serde_json::Value {
    let source = Source {
        name: &invalid.file,
        text: &invalid.text,
    };
    invalid.errors.to_json(&source)
}

/// One line about who has changed what, and with which result.
fn audit(trigger: Trigger, result: &Result<Reloaded, NotReloaded>) {
    let peer = match trigger {
        Trigger::Admin(peer) => peer.map(|peer| peer.to_string()),
        Trigger::File | Trigger::Hangup => None,
    };
    let generation = result.as_ref().ok().map(|reloaded| reloaded.generation);
    tracing::info!(
        target: AUDIT,
        action = "reload",
        by = trigger.name(),
        peer,
        result = if result.is_ok() { "done" } else { "refused" },
        generation,
        "a change was asked for"
    );
}

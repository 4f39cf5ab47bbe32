//! From a changed file to a plan that serves; a broken file changes nothing.

use std::path::PathBuf;

use anyhow::Context as _;
use portcullis_config::{Config, Source};
use portcullis_gateway::{Gateway, Plan};

use crate::arguments::{Format, Serve};
use crate::plan::RealIssuers;
use crate::project::{Invalid, Project};

/// What a running gateway needs to take another configuration.
pub(super) struct Reloader {
    directory: PathBuf,
    issuers: RealIssuers,
    /// As the gateway was started with.
    started: Config,
    /// Whether the file's `listen` counts.
    listens_by_file: bool,
    format: Format,
    /// The number of the plan that serves; the one of the start is 1.
    generation: u64,
}

impl Reloader {
    pub(super) fn new(
        arguments: &Serve,
        project: &Project,
        issuers: RealIssuers,
        format: Format,
    ) -> Self {
        Self {
            directory: arguments.directory.clone(),
            issuers,
            started: project.config.clone(),
            listens_by_file: arguments.listen.is_none(),
            format,
            generation: 1,
        }
    }

    /// Reads the file, and serves by it from the next request on unless it is broken.
    pub(super) async fn reload(&mut self, gateway: &Gateway, trigger: &'static str) {
        match self.read().await {
            Ok(Ok(project)) => match self.plan(&project) {
                Ok(plan) => {
                    plan.start_keys();
                    gateway.replace(plan);
                    self.generation += 1;
                    let generation = self.generation;
                    tracing::info!(trigger, generation, "serving by the changed configuration");
                    self.tell_what_waits(&project.config);
                }
                Err(error) => self.tell_failure(gateway, trigger, &error),
            },
            Ok(Err(invalid)) => self.tell_errors(gateway, trigger, &invalid),
            Err(error) => self.tell_failure(gateway, trigger, &error),
        }
    }

    async fn read(&self) -> anyhow::Result<Result<Project, Invalid>> {
        let directory = self.directory.clone();
        let read = tokio::task::spawn_blocking(move || Project::read(&directory, "serve"));
        read.await.context("the reading was cut off")?
    }

    fn plan(&mut self, project: &Project) -> anyhow::Result<Plan> {
        super::refuse_development(project)?;
        self.issuers.plan(&project.config, false)
    }

    /// Names the settings that this process cannot change.
    fn tell_what_waits(&self, config: &Config) {
        let settings = [
            (
                "server.listen",
                self.listens_by_file && config.server.listen != self.started.server.listen,
            ),
            (
                "server.workers",
                config.server.workers != self.started.server.workers,
            ),
            (
                "telemetry.otlp",
                config.telemetry.otlp != self.started.telemetry.otlp,
            ),
            ("log.format", config.log.format != self.started.log.format),
        ];
        for (setting, _) in settings.into_iter().filter(|(_, differs)| *differs) {
            tracing::warn!(setting, "changed in the file, and takes a restart");
        }
    }

    fn tell_failure(&self, gateway: &Gateway, trigger: &str, error: &anyhow::Error) {
        gateway.keep_after_failure();
        let generation = self.generation;
        let error = format!("{error:#}");
        tracing::error!(
            trigger,
            generation,
            error,
            "the changed configuration is not used"
        );
    }

    fn tell_errors(&self, gateway: &Gateway, trigger: &str, invalid: &Invalid) {
        gateway.keep_after_failure();
        let generation = self.generation;
        let source = Source {
            name: &invalid.file,
            text: &invalid.text,
        };
        let message = "the changed configuration has errors and is not used";
        match self.format {
            Format::Text => {
                invalid.show();
                tracing::error!(trigger, generation, message);
            }
            Format::Json => {
                let diagnostics = invalid.errors.to_json(&source).to_string();
                tracing::error!(trigger, generation, diagnostics, message);
            }
        }
    }
}

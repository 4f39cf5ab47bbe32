//! Follows the file while `dev` runs; a broken file changes nothing.

use std::path::PathBuf;

use axum::Router;
use portcullis_gateway::{Gateway, Plan, ProofMemory};

use super::tenant::TenantServer;
use super::{make_tenant, note};
use crate::arguments::Dev;
use crate::data_plane::load_tls;
use crate::functions;
use crate::plan::{self, RealIssuers};
use crate::project::Project;
use crate::routes::changes;
use crate::session::Note;
use crate::terminal::{self, NOTE, harmless, styled};
use crate::watch::Watch;

/// Whose tokens are accepted.
pub(super) enum Trusted {
    /// Those of the embedded tenant.
    Tenant(TenantServer, ProofMemory),
    /// Those of the issuers that the file names.
    Issuers(RealIssuers),
}

impl Trusted {
    pub(super) const fn tenant(&self) -> Option<&TenantServer> {
        match self {
            Self::Tenant(tenant, _) => Some(tenant),
            Self::Issuers(_) => None,
        }
    }
}

/// What a session needs to take another configuration.
pub(super) struct Reloader {
    directory: PathBuf,
    listens_by_file: bool,
    trusted: Trusted,
    /// The project that is served.
    project: Project,
    note: Option<Note>,
    functions: functions::Running,
}

impl Reloader {
    pub(super) fn new(
        arguments: &Dev,
        project: Project,
        trusted: Trusted,
        note: Option<Note>,
        functions: functions::Running,
    ) -> Self {
        Self {
            directory: arguments.directory.clone(),
            listens_by_file: arguments.listen.is_none(),
            trusted,
            project,
            note,
            functions,
        }
    }

    /// What is left to stop; the session's note is taken away.
    pub(super) fn end(self) -> (Option<TenantServer>, functions::Running) {
        let tenant = match self.trusted {
            Trusted::Tenant(tenant, _) => Some(tenant),
            Trusted::Issuers(_) => None,
        };
        (tenant, self.functions)
    }

    /// Reads the files, and serves by them unless they are broken; says in one line what differs.
    pub(super) async fn reload(&mut self, gateway: &Gateway, watch: &mut Watch) {
        let result = match Project::read_aside(&self.directory, "dev").await {
            Ok(Ok(project)) => self.serve(gateway, watch, project).await,
            Ok(Err(invalid)) => {
                invalid.show();
                terminal::warn("the file has errors: what was served before still is");
                return;
            }
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            terminal::complain(&error);
            terminal::warn("the file is not used: what was served before still is");
        }
    }

    async fn serve(
        &mut self,
        gateway: &Gateway,
        watch: &mut Watch,
        mut project: Project,
    ) -> anyhow::Result<()> {
        watch.follow(project.named_files());
        let tls = load_tls(&project)?;
        let (mut plan, router) = self.plan(&mut project).await?;
        self.functions.connect(&mut plan, &project.config).await?;
        plan.start_keys();
        if let (Trusted::Tenant(tenant, _), Some(router)) = (&self.trusted, router) {
            tenant.replace(router);
        }
        gateway.replace(plan);
        gateway.replace_tls(tls);
        let before = std::mem::replace(&mut self.project, project);
        self.renew_note();
        self.tell(&before);
        Ok(())
    }

    async fn plan(&mut self, project: &mut Project) -> anyhow::Result<(Plan, Option<Router>)> {
        match &mut self.trusted {
            Trusted::Tenant(tenant, proofs) => {
                let (issuer, address) = (tenant.issuer(), tenant.address());
                let (router, keys) = make_tenant(project, issuer, address).await?;
                Ok((plan::with_keys(project, keys, proofs)?, Some(router)))
            }
            Trusted::Issuers(issuers) => Ok((issuers.plan(project, true)?, None)),
        }
    }

    /// The audiences are in the note.
    fn renew_note(&mut self) {
        // The old one has the name that the other one is to have.
        self.note = None;
        let tenant = self.trusted.tenant();
        self.note = tenant.and_then(|tenant| note(&self.project, tenant));
    }

    fn tell(&self, before: &Project) {
        let (old, new) = (&before.config, &self.project.config);
        self.project.show_warnings();
        let changes = changes(old, new);
        terminal::say(format_args!(
            "{}: {}\n",
            styled(NOTE, "reloaded"),
            harmless(&changes)
        ));
        let settings = [
            (
                "server.listen",
                self.listens_by_file && old.server.listen != new.server.listen,
            ),
            ("server.workers", old.server.workers != new.server.workers),
            ("tenant.listen", old.tenant.listen != new.tenant.listen),
            ("tenant.https", old.tenant.https != new.tenant.https),
            ("tenant.issuer", old.tenant.issuer != new.tenant.issuer),
        ];
        for (setting, _) in settings.iter().filter(|(_, differs)| *differs) {
            terminal::warn(&format!("`{setting}` has changed, and takes a restart"));
        }
    }
}

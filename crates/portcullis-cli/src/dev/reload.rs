//! Follows the file while `dev` runs; a broken file changes nothing.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use portcullis_config::Config;
use portcullis_gateway::{Gateway, Plan, ProofMemory};
use portcullis_tenant::LiveKeys;
use portcullis_token::KeySet;
use tokio::sync::watch;

use super::tenant::{Provider, TenantServer};
use super::{make_tenant, note};
use crate::arguments::Dev;
use crate::data_plane::load_tls;
use crate::functions;
use crate::identity_pool::{self, Logins, PoolServers};
use crate::plan::{self, RealIssuers};
use crate::project::Project;
use crate::routes::changes;
use crate::session::Note;
use crate::stand_in;
use crate::terminal::{self, NOTE, harmless, styled};
use crate::watch::Watch;

/// Whose tokens are accepted.
pub(super) enum Trusted {
    /// Those of the embedded tenant.
    Tenant(OwnTenant),
    /// Those of the issuers that the file names.
    Issuers(RealIssuers),
}

impl Trusted {
    pub(super) const fn tenant(&self) -> Option<&TenantServer> {
        match self {
            Self::Tenant(tenant) => Some(&tenant.server),
            Self::Issuers(_) => None,
        }
    }

    /// Whose ID tokens are logins at identity pools.
    pub(super) fn logins(&self) -> anyhow::Result<Logins> {
        match self {
            Self::Tenant(tenant) => {
                let keys = Arc::new(tenant.key_set()?);
                Ok(Logins::Tenant(tenant.server.issuer().clone(), keys))
            }
            Self::Issuers(_) => Logins::of_issuers(),
        }
    }
}

/// The embedded tenant, and what the gateway has from it.
pub(super) struct OwnTenant {
    server: TenantServer,
    keys: Arc<LiveKeys>,
    changes: watch::Receiver<()>,
    /// What all plans remember of `DPoP` proofs.
    proofs: ProofMemory,
}

impl OwnTenant {
    pub(super) fn new(server: TenantServer, keys: Arc<LiveKeys>) -> Self {
        Self {
            server,
            changes: keys.changes(),
            keys,
            proofs: ProofMemory::default(),
        }
    }

    /// Has every authorizer of `project` take the keys that the tenant publishes at this moment.
    pub(super) fn plan(&self, project: &Project) -> anyhow::Result<Plan> {
        plan::with_keys(project, self.key_set()?, &self.proofs)
    }

    fn key_set(&self) -> anyhow::Result<KeySet> {
        stand_in::key_set(&self.keys.jwks(), self.server.issuer())
    }

    /// Answers by `provider`, which signs with `keys`.
    fn replace(&mut self, provider: Provider, keys: Arc<LiveKeys>) {
        self.server.replace(provider);
        self.changes = keys.changes();
        self.keys = keys;
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
    pools: PoolServers,
}

impl Reloader {
    pub(super) fn new(
        arguments: &Dev,
        project: Project,
        trusted: Trusted,
        note: Option<Note>,
        (functions, pools): (functions::Running, PoolServers),
    ) -> Self {
        Self {
            directory: arguments.directory.clone(),
            listens_by_file: arguments.listen.is_none(),
            trusted,
            project,
            note,
            functions,
            pools,
        }
    }

    /// What is left to stop; the session's note is taken away.
    pub(super) fn end(self) -> (Option<TenantServer>, functions::Running, PoolServers) {
        let tenant = match self.trusted {
            Trusted::Tenant(tenant) => Some(tenant.server),
            Trusted::Issuers(_) => None,
        };
        (tenant, self.functions, self.pools)
    }

    /// Waits until the tenant signs with other keys.
    pub(super) async fn keys_changed(&mut self) {
        if let Trusted::Tenant(tenant) = &mut self.trusted
            && tenant.changes.changed().await.is_ok()
        {
            return;
        }
        std::future::pending::<()>().await;
    }

    /// Trusts the keys that the tenant signs with, and those no more that it has revoked.
    pub(super) fn follow_keys(&mut self, gateway: &Gateway) {
        let Trusted::Tenant(tenant) = &self.trusted else {
            return;
        };
        let followed = tenant.key_set().and_then(|keys| {
            let count = keys.keys().len();
            let plan = plan::with_keys(&self.project, keys, &tenant.proofs)?;
            let pools = identity_pool::make(&self.project, &self.trusted.logins()?)?;
            Ok((plan, count, pools))
        });
        match followed {
            Ok((mut plan, count, pools)) => {
                self.functions.attach(&mut plan);
                self.pools.replace(&self.project.config, &pools);
                gateway.replace(plan);
                let reloaded = styled(NOTE, "reloaded");
                terminal::say(format_args!("{reloaded}: {count} keys of the tenant\n"));
            }
            Err(error) => terminal::complain(&error),
        }
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
        let mut plan = self.plan(&mut project).await?;
        let pools = identity_pool::make(&project, &self.trusted.logins()?)?;
        self.functions.connect(&mut plan, &project.config).await?;
        plan.start_keys();
        self.pools.replace(&project.config, &pools);
        gateway.replace(plan);
        gateway.replace_tls(tls);
        let before = std::mem::replace(&mut self.project, project);
        self.renew_note();
        self.tell(&before);
        Ok(())
    }

    async fn plan(&mut self, project: &mut Project) -> anyhow::Result<Plan> {
        match &mut self.trusted {
            Trusted::Tenant(tenant) => {
                let (issuer, address) = (tenant.server.issuer(), tenant.server.address());
                let (provider, keys) = make_tenant(project, issuer, address).await?;
                let key_set = stand_in::key_set(&keys.jwks(), issuer)?;
                let plan = plan::with_keys(project, key_set, &tenant.proofs)?;
                tenant.replace(provider, keys);
                Ok(plan)
            }
            Trusted::Issuers(issuers) => issuers.plan(project, true),
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
            ("identity_pool.listen", addresses(old) != addresses(new)),
        ];
        for (setting, _) in settings.iter().filter(|(_, differs)| *differs) {
            terminal::warn(&format!("`{setting}` has changed, and takes a restart"));
        }
    }
}

/// The pools, and where they listen.
fn addresses(config: &Config) -> Vec<(&str, SocketAddr)> {
    let pools = config.identity_pools.iter();
    pools
        .map(|pool| (pool.name.as_str(), pool.listen))
        .collect()
}

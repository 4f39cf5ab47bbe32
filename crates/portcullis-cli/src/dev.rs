//! `portcullis dev`: everything on this machine, by the rules of production.

pub(crate) mod announce;
mod reload;
mod tenant;

use std::env;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use portcullis::SystemClock;
use portcullis_gateway::Gateway;
use portcullis_tenant::{KeyRing, LiveKeys, Sealer, Tenant};
use portcullis_token::Secret;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use url::Url;

use crate::arguments::{Dev, Format, IssuerChoice};
use crate::control_server::control_plane;
use crate::data_plane::{bind, cannot_listen, start_gateway};
use crate::dev::announce::Running;
use crate::dev::reload::{OwnTenant, Reloader, Trusted};
use crate::dev::tenant::{Provider, Secure, TenantServer};
use crate::identity_pool::PoolServers;
use crate::local_authority::LocalAuthority;
use crate::plan::RealIssuers;
use crate::project::{self, Project};
use crate::session::{Note, Session};
use crate::signals::{End, Signals};
use crate::telemetry::Exporter;
use crate::terminal;
use crate::watch::Watch;
use crate::{functions, identity_pool, log, stand_in, tenant_keys};

/// How long requests under way are finished after SIGTERM, and after Ctrl-C.
const DRAIN: Duration = Duration::from_secs(30);
const LEAVE: Duration = Duration::from_millis(200);

/// Runs until Ctrl-C or SIGTERM.
pub(crate) fn run(arguments: Dev) -> anyhow::Result<()> {
    let watch = Watch::of(&arguments.directory);
    let project = Project::load(&arguments.directory, "dev")?;
    log::start(arguments.verbose);
    let runtime = control_plane()?;
    let result = runtime.block_on(serve(arguments, project, watch));
    // What is left is waiting for the network, and nobody waits for it.
    runtime.shutdown_background();
    result
}

async fn serve(arguments: Dev, mut project: Project, mut watch: Watch) -> anyhow::Result<()> {
    let real_issuers = stand_in::real_issuers(&project.config);
    let (trusted, mut plan) = match arguments.issuer {
        IssuerChoice::Tenant => {
            let (server, keys) = start_tenant(&arguments, &mut project).await?;
            let tenant = OwnTenant::new(server, keys);
            let plan = tenant.plan(&project)?;
            (Trusted::Tenant(tenant), plan)
        }
        IssuerChoice::Real => {
            let mut issuers = RealIssuers::new(&project.directory)?;
            let plan = issuers.plan(&project, true)?;
            (Trusted::Issuers(issuers), plan)
        }
    };
    let made = identity_pool::make(&project, &trusted.logins()?)?;
    let pools = PoolServers::start(&project.config, &made).await?;
    let tenant = trusted.tenant();
    let mut functions = functions::Running::new(&project, functions::How::Development);
    functions.connect(&mut plan, &project.config).await?;
    plan.start_keys();
    watch.follow(project.named_files());
    let mut gateway = start_gateway(bind(arguments.listen, &project)?, &project, plan)?;
    let exporter = Exporter::start(&mut gateway, &project.config.telemetry)?;
    // Before anybody is told that it runs: who hears that may send a signal at once.
    let mut signals = Signals::listen()?;
    let note = tenant.and_then(|tenant| note(&project, tenant));

    let running = Running {
        project: &project,
        gateway: gateway.address(),
        issuer: tenant.map(TenantServer::issuer),
        secure: tenant.and_then(TenantServer::secure),
        made_up: match tenant {
            Some(_) => made_up_user(&project).await?,
            None => None,
        },
        real_issuers: &real_issuers,
        pools: &pools,
    };
    match arguments.format {
        Format::Json => terminal::print_json_line(&running.to_json())?,
        Format::Text => terminal::say(running.to_text()),
    }
    let left = (functions, pools);
    let mut reloader = Reloader::new(&arguments, project, trusted, note, left);
    let patience = loop {
        tokio::select! {
            end = signals.end() => break patience(end),
            () = watch.changed() => reloader.reload(&gateway, &mut watch).await,
            () = reloader.keys_changed() => reloader.follow_keys(&gateway),
        }
    };
    tokio::select! {
        () = stop(gateway, reloader.end(), patience) => {}
        () = signals.interrupted() => {}
    }
    exporter.finish().await;
    Ok(())
}

/// Starts the tenant, and has the project trust its keys, which are returned.
async fn start_tenant(
    arguments: &Dev,
    project: &mut Project,
) -> anyhow::Result<(TenantServer, Arc<LiveKeys>)> {
    let address = arguments
        .tenant_listen
        .unwrap_or(project.config.tenant.listen);
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| cannot_listen("tenant", address, "--tenant-listen", &error))?;
    let address = listener.local_addr()?;
    let issuer = match &project.config.tenant.issuer {
        Some(issuer) => issuer.clone(),
        None => issuer_of(address)?,
    };

    project::ignore_state(&project.directory)?;
    let (provider, keys) = make_tenant(project, &issuer, address).await?;
    let secure = match project.config.tenant.https {
        Some(address) => Some(listen_by_tls(project, address, &issuer).await?),
        None => None,
    };
    let server = TenantServer::start(listener, secure, issuer, provider)?;
    Ok((server, keys))
}

/// Listens for TLS, by a certificate for every name of the tenant.
async fn listen_by_tls(
    project: &Project,
    address: SocketAddr,
    issuer: &Url,
) -> anyhow::Result<(Secure, TcpListener, TlsAcceptor)> {
    let listener = TcpListener::bind(address).await.map_err(|error| {
        anyhow::Error::new(error).context(format!("the tenant cannot listen on {address} for TLS"))
    })?;
    let address = listener.local_addr()?;
    let authority = LocalAuthority::load_or_create(&project.tenant_directory())?;
    let mut names = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ];
    names.extend(project.config.tenant.aliases.iter().cloned());
    let own = issuer
        .host_str()
        .map(|host| host.trim_matches(['[', ']']).to_owned());
    names.extend([own, Some(address.ip().to_string())].into_iter().flatten());
    names.sort_unstable();
    names.dedup();
    let acceptor = authority.acceptor(&names)?;
    let mut url = issuer_of(address)?;
    // From http to https: both are special schemes, so this cannot fail.
    url.set_scheme("https").unwrap_or_default();
    let port = (address.port() != 443).then_some(address.port());
    url.set_port(port).unwrap_or_default();
    let secure = Secure {
        url,
        authority: authority.certificate().to_owned(),
    };
    Ok((secure, listener, acceptor))
}

/// The tenant that the file describes, and its keys; the project trusts them from here on.
async fn make_tenant(
    project: &mut Project,
    issuer: &Url,
    address: SocketAddr,
) -> anyhow::Result<(Provider, Arc<LiveKeys>)> {
    let directory = project.tenant_directory();
    let made = tokio::task::spawn_blocking(move || {
        let keys = KeyRing::load_or_create(&directory)?;
        Ok((keys, Sealer::load_or_create(&directory)?))
    });
    let (keys, sealer) = made.await?.map_err(project::no_keys)?;
    let settings = stand_in::settings(&project.config, issuer.as_str().parse()?, &keys)?;
    let database = tenant_keys::database(project).await?;
    let mut tenant = Tenant::open(settings, keys, database, Arc::new(SystemClock))
        .await
        .context("the tenant cannot be made from the file")?
        .with_kept_keys(sealer)
        .await
        .map_err(tenant_keys::not_kept)?
        .with_login()
        .with_aliases(project.config.tenant.aliases.clone());
    let proxies = project.config.server.trusted_proxies.clone();
    tenant = tenant.behind(move |peer| proxies.iter().any(|proxy| proxy.contains(peer)));
    if address.ip().is_loopback() {
        let mut names = project.config.tenant.aliases.clone();
        names.extend(issuer.host_str().map(str::to_owned));
        tenant = tenant.for_this_machine(names);
    }
    stand_in::trust(&mut project.config, issuer)?;
    let keys = tenant.keys();
    let provider = Provider {
        database: tenant.database().clone(),
        router: tenant.router(),
    };
    Ok((provider, keys))
}

/// The issuer of a tenant that listens on `address`, as browsers and tools on this machine use it.
pub(crate) fn issuer_of(address: SocketAddr) -> anyhow::Result<Url> {
    let port = address.port();
    let host = match address.ip() {
        // Not every loopback address: the name leads to these two only.
        IpAddr::V4(Ipv4Addr::LOCALHOST | Ipv4Addr::UNSPECIFIED)
        | IpAddr::V6(Ipv6Addr::LOCALHOST | Ipv6Addr::UNSPECIFIED) => "localhost".to_owned(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    Ok(Url::parse(&format!("http://{host}:{port}/"))?)
}

/// The user whom the file does not name, and the password.
async fn made_up_user(project: &Project) -> anyhow::Result<Option<(&'static str, Secret<String>)>> {
    let directory = project.tenant_directory();
    let keys = tokio::task::spawn_blocking(move || KeyRing::load(&directory)).await?;
    stand_in::first_user(&project.config, &keys.map_err(project::no_keys)?)
}

/// Leaves a note for `token` and `explain`, without which `dev` is as good.
fn note(project: &Project, tenant: &TenantServer) -> Option<Note> {
    let session = Session {
        project: project.directory.clone(),
        // Where the folder is gone, nobody is in it who could ask.
        started_in: env::current_dir().unwrap_or_default(),
        issuer: tenant.issuer().clone(),
        tenant: tenant.address(),
        audiences: project
            .config
            .permissions_by_audience()
            .into_keys()
            .collect(),
    };
    let unnoted = |reason| {
        terminal::warn(&format!(
            "`portcullis token` will not find this session: {reason:#}"
        ));
    };
    session.announce().map_err(unnoted).ok()
}

/// How long requests under way may still take.
const fn patience(end: End) -> Duration {
    match end {
        End::Interrupt => LEAVE,
        End::Terminate => DRAIN,
    }
}

/// Finishes requests under way, for at most `patience`.
async fn stop(
    gateway: Gateway,
    (tenant, functions, pools): (Option<TenantServer>, functions::Running, PoolServers),
    patience: Duration,
) {
    gateway.stop(patience).await;
    functions.stop(LEAVE).await;
    pools.stop(patience.min(LEAVE)).await;
    if let Some(tenant) = tenant {
        tenant.stop(patience.min(LEAVE)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_is_what_people_on_this_machine_type() {
        for (address, expected) in [
            ("127.0.0.1:4000", "http://localhost:4000/"),
            ("0.0.0.0:4000", "http://localhost:4000/"),
            ("[::1]:4000", "http://localhost:4000/"),
            ("[::]:4000", "http://localhost:4000/"),
            ("127.0.0.2:4000", "http://127.0.0.2:4000/"),
            ("192.0.2.1:80", "http://192.0.2.1/"),
            ("[2001:db8::1]:81", "http://[2001:db8::1]:81/"),
        ] {
            assert_eq!(
                issuer_of(address.parse().unwrap()).unwrap().as_str(),
                expected,
                "{address}"
            );
        }
    }
}

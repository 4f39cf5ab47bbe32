use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use portcullis_config::Config;
use portcullis_pool::Pool;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use crate::control_server::ControlServer;
use crate::terminal::Failure;

/// The pools, each at an address of its own.
#[derive(Default)]
pub(crate) struct PoolServers {
    servers: Vec<PoolServer>,
}

struct PoolServer {
    name: String,
    id: String,
    /// The first provider, as `--logins` names it.
    provider: String,
    server: ControlServer,
}

impl PoolServers {
    /// Serves the pools of `config`, which `pools` were made of.
    pub(crate) async fn start(config: &Config, pools: &[Arc<Pool>]) -> anyhow::Result<Self> {
        let mut servers = Vec::new();
        for (named, pool) in config.identity_pools.iter().zip(pools) {
            let listener = TcpListener::bind(named.listen).await;
            let listener =
                listener.map_err(|error| cannot_listen(&named.name, named.listen, &error))?;
            pool.start_keys();
            servers.push(PoolServer {
                name: named.name.clone(),
                id: pool.id().to_owned(),
                provider: pool.provider_names().next().unwrap_or_default().to_owned(),
                server: ControlServer::start(listener, pool.router())?,
            });
        }
        Ok(Self { servers })
    }

    /// Answers by these pools from the next request on; ones that are not served stay so.
    pub(crate) fn replace(&mut self, config: &Config, pools: &[Arc<Pool>]) {
        for (named, pool) in config.identity_pools.iter().zip(pools) {
            let mut servers = self.servers.iter_mut();
            if let Some(own) = servers.find(|own| own.name == named.name) {
                pool.start_keys();
                pool.id().clone_into(&mut own.id);
                own.server.replace(pool.router());
            }
        }
    }

    /// `{"Auth": {"id": "us-east-1:…", "url": "http://127.0.0.1:4100", "provider": "…"}}`.
    pub(crate) fn to_json(&self) -> Option<Value> {
        let pool = |own: &PoolServer| {
            let shown = json!({ "id": own.id, "url": own.url(), "provider": own.provider });
            (own.name.clone(), shown)
        };
        let all: Map<_, _> = self.servers.iter().map(pool).collect();
        (!all.is_empty()).then_some(Value::Object(all))
    }

    /// Name, address and id of each.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&str, String, &str)> {
        let servers = self.servers.iter();
        servers.map(|own| (own.name.as_str(), own.url(), own.id.as_str()))
    }

    /// Finishes requests under way, for at most `patience` each.
    pub(crate) async fn stop(self, patience: Duration) {
        for own in self.servers {
            own.server.stop(patience).await;
        }
    }
}

impl PoolServer {
    fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }
}

fn cannot_listen(name: &str, address: SocketAddr, error: &std::io::Error) -> anyhow::Error {
    Failure::with_hint(
        format!("the identity pool `{name}` cannot listen on {address}: {error}"),
        "give each pool a free address of its own with `listen`",
    )
}

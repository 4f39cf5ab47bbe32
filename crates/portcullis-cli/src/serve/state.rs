//! What serves at this moment, as the admin listener sees it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use portcullis::BoxFuture;
use portcullis_admin::{
    AuthorizerKeys, Health, LastReload, NotReloaded, Operations, Question, Reloaded, UpstreamState,
};
use portcullis_config::Config;
use portcullis_gateway::{Inquiry, Metrics, Plan, UpstreamHealth, explain};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::explain::to_json;
use crate::routes;

/// A configuration that serves.
#[derive(Debug)]
pub(super) struct Serving {
    pub(super) plan: Arc<Plan>,
    pub(super) config: Config,
    /// The one of the start is 1.
    pub(super) generation: u64,
}

/// Shared by the loop that reloads and the admin listener.
#[derive(Debug)]
pub(super) struct State {
    serving: ArcSwap<Serving>,
    ending: AtomicBool,
    last_reload: ArcSwapOption<LastReload>,
    reloads: mpsc::Sender<Asked>,
    metrics: Metrics,
}

/// A reload that a caller of the admin listener waits for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) peer: Option<SocketAddr>,
    pub(super) answer: oneshot::Sender<Result<Reloaded, NotReloaded>>,
}

impl State {
    /// The state of the start. Reloads that are asked for come out of the receiver, one by one.
    pub(super) fn new(serving: Serving, metrics: Metrics) -> (Arc<Self>, mpsc::Receiver<Asked>) {
        let (reloads, asked) = mpsc::channel(1);
        let state = Self {
            serving: ArcSwap::from_pointee(serving),
            ending: AtomicBool::default(),
            last_reload: ArcSwapOption::default(),
            reloads,
            metrics,
        };
        (Arc::new(state), asked)
    }

    pub(super) fn serving(&self) -> Arc<Serving> {
        self.serving.load_full()
    }

    pub(super) fn replace(&self, serving: Serving) {
        self.serving.store(Arc::new(serving));
    }

    pub(super) fn reloaded(&self, last: LastReload) {
        self.last_reload.store(Some(Arc::new(last)));
    }

    /// Nobody should send requests here any more.
    pub(super) fn end(&self) {
        self.ending.store(true, Ordering::Release);
    }
}

fn state(health: &UpstreamHealth) -> UpstreamState {
    UpstreamState {
        api: health.api.as_ref().to_owned(),
        address: health.address.clone(),
        is_healthy: health.healthy,
        failures: health.failures,
    }
}

impl Operations for State {
    fn is_ready(&self) -> bool {
        !self.ending.load(Ordering::Acquire) && self.serving.load().plan.has_had_keys()
    }

    fn health(&self) -> Health {
        let serving = self.serving.load();
        let authorizers = serving.plan.key_status().into_iter();
        Health {
            generation: serving.generation,
            last_reload: self.last_reload.load().as_deref().copied(),
            authorizers: authorizers
                .map(|(name, issuers)| AuthorizerKeys { name, issuers })
                .collect(),
            upstreams: serving.plan.upstream_health().iter().map(state).collect(),
        }
    }

    fn metrics(&self) -> String {
        self.metrics.render()
    }

    fn routes(&self) -> Value {
        routes::to_json(&self.serving.load().config)
    }

    fn reload(&self, peer: Option<SocketAddr>) -> BoxFuture<'_, Result<Reloaded, NotReloaded>> {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            let asked = self.reloads.send(Asked { peer, answer }).await;
            asked.map_err(|_| NotReloaded::Ending)?;
            answered.await.unwrap_or(Err(NotReloaded::Ending))
        })
    }

    fn explain(&self, question: Question) -> BoxFuture<'_, Value> {
        let plan = Arc::clone(&self.serving.load().plan);
        Box::pin(async move {
            let Question {
                method,
                target,
                headers,
                certificate,
            } = question;
            let inquiry = Inquiry::new(&method, &target, &headers).certificate(certificate);
            let explanation = explain(&plan, inquiry).await;
            let path = target.split('?').next().unwrap_or_default();
            to_json(&format!("{method} {path}"), &explanation)
        })
    }
}

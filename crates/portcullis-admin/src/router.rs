use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::refuse::Refusal;
use crate::{AdminToken, Hosts, Operations, guard, question, status};

/// The largest body: a token, and the other headers of a request.
const LARGEST_BODY: usize = 256 * 1024;

/// The admin listener's answers, before it listens.
pub struct Admin {
    operations: Arc<dyn Operations>,
    pub(crate) token: AdminToken,
    pub(crate) hosts: Hosts,
}

impl Admin {
    /// Answers those who show `token` and ask by one of `hosts`.
    pub fn new(operations: Arc<dyn Operations>, token: AdminToken, hosts: Hosts) -> Self {
        Self {
            operations,
            token,
            hosts,
        }
    }

    /// The routes. The caller's [`SocketAddr`] is taken from the request's extensions.
    pub fn router(self) -> Router {
        let admin = Arc::new(self);
        Router::new()
            .route("/live", get(live))
            .route("/ready", get(ready))
            .route("/health", get(health))
            .route("/keys", get(keys))
            .route("/metrics", get(metrics))
            .route("/routes", get(routes))
            .route("/reload", post(reload))
            .route("/explain", post(explain))
            .fallback(|| async { Refusal::NotFound.respond() })
            .method_not_allowed_fallback(|| async { Refusal::Method.respond() })
            .layer(middleware::from_fn_with_state(
                Arc::clone(&admin),
                guard::apply,
            ))
            .with_state(admin)
    }
}

async fn live() -> StatusCode {
    StatusCode::OK
}

async fn ready(State(admin): State<Arc<Admin>>) -> StatusCode {
    if admin.operations.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

async fn health(State(admin): State<Arc<Admin>>) -> Response {
    let operations = &admin.operations;
    show(&status::health(&operations.health(), operations.is_ready()))
}

async fn keys(State(admin): State<Arc<Admin>>) -> Response {
    show(&status::keys(&admin.operations.health().authorizers))
}

async fn metrics(State(admin): State<Arc<Admin>>) -> Response {
    let page = admin.operations.metrics();
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        page,
    )
        .into_response()
}

async fn routes(State(admin): State<Arc<Admin>>) -> Response {
    show(&json!({ "routes": admin.operations.routes() }))
}

async fn reload(State(admin): State<Arc<Admin>>, request: Request) -> Response {
    let peer = request.extensions().get::<SocketAddr>().copied();
    match admin.operations.reload(peer).await {
        Ok(reloaded) => show(&json!({
            "generation": reloaded.generation,
            "restart_needed": reloaded.restart_needed,
        })),
        Err(error) => Refusal::from(error).respond(),
    }
}

async fn explain(State(admin): State<Arc<Admin>>, request: Request) -> Response {
    let Ok(body) = to_bytes(request.into_body(), LARGEST_BODY).await else {
        return Refusal::Body.respond();
    };
    match question::parse(&body) {
        Ok(question) => show(&admin.operations.explain(question).await),
        Err(refusal) => refusal.respond(),
    }
}

fn show(json: &Value) -> Response {
    ([(CONTENT_TYPE, "application/json")], json.to_string()).into_response()
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin")
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

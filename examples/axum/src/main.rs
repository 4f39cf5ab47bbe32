//! The expenses API of the identity lab: its reports are for callers with `read:reports`.

#[cfg(test)]
mod tests;

use axum::{Json, Router, routing::get};
use portcullis::{AccessToken, Algorithm, Issuer, Verifier};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let issuer = Issuer::discover(dotenvy::var("ISSUER_BASE_URL")?)
        .audience(dotenvy::var("ALLOWED_AUDIENCES")?)
        .algorithms([Algorithm::Rs256]);
    let auth = Verifier::builder().issuer(issuer).build()?;
    let port = dotenvy::var("PORT")?.parse()?;
    let listener = tokio::net::TcpListener::bind(("localhost", port)).await?;
    axum::serve(listener, app(&auth)).await?;
    Ok(())
}

fn app(auth: &Verifier) -> Router {
    Router::new()
        .route("/", get(list_expenses).layer(auth.require("read:reports")))
        .fallback_service(auth.deny_unmatched())
        .merge(auth.well_known())
}

async fn list_expenses(token: AccessToken) -> Json<Value> {
    Json(json!({
        "for": token.subject(),
        "expenses": [
            { "date": "2026-01-05", "description": "Pizza for a Coding Dojo session.", "value": 102 },
            { "date": "2026-01-08", "description": "Coffee for a Coding Dojo session.", "value": 42 },
        ],
    }))
}

use askama::Template;
use aws_lc_rs::rand;
use axum::response::{IntoResponse, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{HeaderValue, StatusCode};
use portcullis_token::base64url;

use super::ClientOrigin;

/// What a page may do; everything else is forbidden to it.
pub(super) struct Policy<'a> {
    /// Whether it uses the stylesheet.
    pub(super) style: bool,
    /// That of its one script.
    pub(super) nonce: Option<&'a Nonce>,
    /// Where its forms, and the redirects that answer them, may lead. Empty: it has none.
    pub(super) form_action: Vec<&'a str>,
    pub(super) framing: Framing<'a>,
}

/// Who may show a page inside of theirs.
pub(super) enum Framing<'a> {
    Nobody,
    By(&'a ClientOrigin),
}

/// A value that lets one inline script run (CSP Level 3 section 7.1): 128 random bits.
pub(super) struct Nonce(String);

impl Nonce {
    /// Absent when the system has no randomness.
    pub(super) fn generate() -> Option<Self> {
        let mut bytes = [0; 16];
        rand::fill(&mut bytes).ok()?;
        Some(Self(base64url::encode(&bytes)))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Policy<'_> {
    fn to_header(&self) -> String {
        let mut directives = vec!["default-src 'none'".to_owned()];
        if self.style {
            directives.push("style-src 'self'".to_owned());
        }
        if let Some(nonce) = self.nonce {
            directives.push(format!("script-src 'nonce-{}'", nonce.as_str()));
        }
        let form_action = match self.form_action.as_slice() {
            [] => "'none'".to_owned(),
            sources => sources.join(" "),
        };
        directives.push(format!("form-action {form_action}"));
        let ancestors = match self.framing {
            Framing::By(origin) => origin.as_source(),
            Framing::Nobody => "'none'",
        };
        directives.push(format!("frame-ancestors {ancestors}"));
        directives.push("base-uri 'none'".to_owned());
        directives.join("; ")
    }
}

/// Renders `page` under `policy`.
pub(super) fn respond(page: &impl Template, policy: &Policy<'_>, status: StatusCode) -> Response {
    let body = match page.render() {
        Ok(body) => body,
        Err(error) => {
            tracing::error!(%error, "could not render a page");
            return failed();
        }
    };
    let Ok(security) = HeaderValue::try_from(policy.to_header()) else {
        // Sources are ASCII without controls, so this stands for a fault of ours.
        tracing::error!("could not write a page's policy");
        return failed();
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    let fixed = HeaderValue::from_static;
    headers.insert(CONTENT_TYPE, fixed("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, security);
    if matches!(policy.framing, Framing::Nobody) {
        headers.insert(X_FRAME_OPTIONS, fixed("DENY"));
    }
    headers.insert(REFERRER_POLICY, fixed("no-referrer"));
    headers.insert(CACHE_CONTROL, fixed("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
    response
}

/// What there is to say when a page cannot be made.
pub(super) fn failed() -> Response {
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        [(CONTENT_TYPE, "text/plain; charset=utf-8")],
        "The page could not be shown. Please try again.",
    )
        .into_response()
}

use std::iter;

use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::ClientOrigin;
use super::headers::{Framing, Nonce, Policy, failed, respond};

/// Sends an authorization response as a form (OAuth 2.0 Form Post Response Mode section 2).
#[derive(Clone, Copy, Debug)]
pub struct FormPostPage<'a> {
    /// What the tenant is called.
    pub tenant: &'a str,
    /// What the application is called.
    pub client: &'a str,
    /// The redirect URI, registered for the application.
    pub action: &'a str,
    /// The origin of that URI.
    pub redirect: &'a ClientOrigin,
    /// Names and values of the response, in their order.
    pub parameters: &'a [(&'a str, &'a str)],
}

#[derive(Template)]
#[template(path = "form_post.html")]
struct Content<'a> {
    tenant: &'a str,
    client: &'a str,
    action: &'a str,
    parameters: &'a [(&'a str, &'a str)],
    nonce: &'a str,
}

impl FormPostPage<'_> {
    /// The whole answer; 500 when the system has no randomness for a nonce.
    pub fn respond(&self) -> Response {
        let Some(nonce) = Nonce::generate() else {
            return failed();
        };
        let content = Content {
            tenant: self.tenant,
            client: self.client,
            action: self.action,
            parameters: self.parameters,
            nonce: nonce.as_str(),
        };
        let policy = Policy {
            style: true,
            nonce: Some(&nonce),
            form_action: iter::once(self.redirect.as_source()).collect(),
            framing: Framing::Nobody,
        };
        respond(&content, &policy, StatusCode::OK)
    }
}

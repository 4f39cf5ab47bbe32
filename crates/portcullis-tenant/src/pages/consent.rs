use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::{ConsentItem, Form, with_form};

/// Asks whether an application may have what it asked for.
#[derive(Clone, Copy, Debug, Template)]
#[template(path = "consent.html")]
pub struct ConsentPage<'a> {
    /// What the tenant is called.
    pub tenant: &'a str,
    /// What the application is called.
    pub client: &'a str,
    /// Who is logged in, such as an e-mail address.
    pub user: &'a str,
    /// Sends `action=accept` or `action=decline`.
    pub form: Form<'a>,
    /// What is asked for, see [`list_scopes`](super::list_scopes).
    pub items: &'a [ConsentItem],
}

impl ConsentPage<'_> {
    /// The whole answer, with status 200.
    pub fn respond(&self) -> Response {
        with_form(self, &self.form, StatusCode::OK)
    }
}

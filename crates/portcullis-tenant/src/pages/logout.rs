use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::{Form, with_form};

/// Asks whether to log out, where a request alone does not prove it (RP-Initiated Logout 1.0
/// section 2).
#[derive(Clone, Copy, Debug, Template)]
#[template(path = "logout.html")]
pub struct LogoutPage<'a> {
    /// What the tenant is called.
    pub tenant: &'a str,
    /// What the application is called, if one is known.
    pub client: Option<&'a str>,
    /// Sends `action=accept` or `action=decline`.
    pub form: Form<'a>,
}

impl LogoutPage<'_> {
    /// The whole answer, with status 200.
    pub fn respond(&self) -> Response {
        with_form(self, &self.form, StatusCode::OK)
    }
}

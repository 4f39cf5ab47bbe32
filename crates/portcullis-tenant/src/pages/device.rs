use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::{Form, status, with_form};

/// Asks for the code that a device shows (RFC 8628 section 3.3).
#[derive(Clone, Copy, Debug, Template)]
#[template(path = "device_code.html")]
pub struct DeviceCodePage<'a> {
    /// What the tenant is called.
    pub tenant: &'a str,
    /// Sends `user_code` and `action=default`.
    pub form: Form<'a>,
    /// What is filled in already, from `verification_uri_complete` or the failed attempt.
    pub user_code: &'a str,
    /// Why the last attempt failed.
    pub error: Option<&'a str>,
}

impl DeviceCodePage<'_> {
    /// The whole answer: 200, or 400 when there is an error to tell.
    pub fn respond(&self) -> Response {
        with_form(self, &self.form, status(self.error))
    }
}

/// Asks whether the device is the user's own: others send people a code of theirs
/// (RFC 8628 section 5.4).
#[derive(Clone, Copy, Debug, Template)]
#[template(path = "device_confirm.html")]
pub struct DeviceConfirmPage<'a> {
    /// What the tenant is called.
    pub tenant: &'a str,
    /// What the application on the device is called.
    pub client: &'a str,
    /// The code to compare, such as `WDJB-MJHT`.
    pub user_code: &'a str,
    /// Sends `action=accept` or `action=decline`.
    pub form: Form<'a>,
}

impl DeviceConfirmPage<'_> {
    /// The whole answer, with status 200.
    pub fn respond(&self) -> Response {
        with_form(self, &self.form, StatusCode::OK)
    }
}

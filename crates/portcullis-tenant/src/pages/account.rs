use askama::Template;
use axum::response::Response;

use super::{Form, status, with_form};

/// Asks for a user name and a password.
#[derive(Clone, Copy, Debug, Template)]
#[template(path = "login.html")]
pub struct LoginPage<'a> {
    /// What the tenant is called.
    pub tenant: &'a str,
    /// What the application is called.
    pub client: &'a str,
    /// Sends `username`, `password` and `action=default`.
    pub form: Form<'a>,
    /// What is filled in already: from `login_hint`, or the failed attempt.
    pub username: &'a str,
    /// Where people sign up; absent where they cannot.
    pub sign_up: Option<&'a str>,
    /// Why the last attempt failed.
    pub error: Option<&'a str>,
}

impl LoginPage<'_> {
    /// The whole answer: 200, or 400 when there is an error to tell.
    pub fn respond(&self) -> Response {
        with_form(self, &self.form, status(self.error))
    }
}

/// Makes an account.
#[derive(Clone, Copy, Debug, Template)]
#[template(path = "sign_up.html")]
pub struct SignUpPage<'a> {
    /// What the tenant is called.
    pub tenant: &'a str,
    /// What the application is called.
    pub client: &'a str,
    /// Sends `email`, `password` and `action=default`.
    pub form: Form<'a>,
    /// What is filled in already.
    pub email: &'a str,
    /// The least characters of a password.
    pub min_password: usize,
    /// Where people with an account log in.
    pub login: &'a str,
    /// Why the last attempt failed.
    pub error: Option<&'a str>,
}

impl SignUpPage<'_> {
    /// The whole answer: 200, or 400 when there is an error to tell.
    pub fn respond(&self) -> Response {
        with_form(self, &self.form, status(self.error))
    }
}

/// Replaces a password.
#[derive(Clone, Copy, Debug, Template)]
#[template(path = "password.html")]
pub struct PasswordPage<'a> {
    /// What the tenant is called.
    pub tenant: &'a str,
    /// Sends `current` (if asked), `password`, `confirmation` and `action=default`.
    pub form: Form<'a>,
    /// Whose password it is.
    pub username: &'a str,
    /// Whether the present password is asked for: not where a link by mail stands for it.
    pub asks_current: bool,
    /// The least characters of a password.
    pub min_password: usize,
    /// Why the last attempt failed.
    pub error: Option<&'a str>,
}

impl PasswordPage<'_> {
    /// The whole answer: 200, or 400 when there is an error to tell.
    pub fn respond(&self) -> Response {
        with_form(self, &self.form, status(self.error))
    }
}

//! What people see in a browser: one struct for each page, rendered to a whole [`Response`].
//!
//! Every page carries its own `Content-Security-Policy` and the other headers of `headers`. No
//! page has a script but [`FormPostPage`] and [`WebMessagePage`], each with a nonce. Ids, names and
//! values of inputs and buttons are those of Auth0's pages, because people's browser tests use
//! them: `#username`, `#password`, `button[type=submit][name=action]`, `button[value=accept]`.

mod account;
mod consent;
mod device;
mod form_post;
mod headers;
mod logout;
mod message;
mod origin;
mod scope_list;
mod stylesheet;
mod web_message;

use askama::Template;
use axum::response::Response;
use http::StatusCode;

pub use account::{LoginPage, PasswordPage, SignUpPage};
pub use consent::ConsentPage;
pub use device::{DeviceCodePage, DeviceConfirmPage};
pub use form_post::FormPostPage;
pub use logout::LogoutPage;
pub use message::{ErrorPage, NoticePage};
pub use origin::ClientOrigin;
pub use scope_list::{ConsentItem, ConsentScope, list_scopes};
pub use stylesheet::stylesheet_path;
pub use web_message::WebMessagePage;

pub(crate) use stylesheet::serve as serve_stylesheet;

use headers::{Framing, Policy, respond};

/// What every form of a page has.
#[derive(Clone, Copy, Debug)]
pub struct Form<'a> {
    /// The path that it is sent to, such as `/u/login`.
    pub action: &'a str,
    /// The transaction, sent back as `state`.
    pub state: &'a str,
    /// The token that proves the page to be ours, sent back as `csrf`.
    pub csrf: &'a str,
    /// Where the answer to the form may redirect to, besides the tenant.
    ///
    /// Browsers hold the redirects that follow a form against the page's `form-action`; without
    /// this one, they would stop on the way to the application.
    pub redirect: Option<&'a ClientOrigin>,
}

/// A page with `form`, which nobody may frame.
fn with_form(page: &impl Template, form: &Form<'_>, status: StatusCode) -> Response {
    let policy = Policy {
        style: true,
        nonce: None,
        form_action: std::iter::once("'self'")
            .chain(form.redirect.map(ClientOrigin::as_source))
            .collect(),
        framing: Framing::Nobody,
    };
    respond(page, &policy, status)
}

/// A page that only tells something.
fn without_form(page: &impl Template, status: StatusCode) -> Response {
    let policy = Policy {
        style: true,
        nonce: None,
        form_action: Vec::new(),
        framing: Framing::Nobody,
    };
    respond(page, &policy, status)
}

/// The status of a form's page: one that repeats what went wrong is an answer to a bad request.
fn status(error: Option<&str>) -> StatusCode {
    match error {
        Some(_) => StatusCode::BAD_REQUEST,
        None => StatusCode::OK,
    }
}

#[cfg(test)]
mod tests;

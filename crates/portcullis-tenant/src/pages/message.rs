use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::without_form;

/// Tells that something is done.
#[derive(Clone, Copy, Debug, Template)]
#[template(path = "notice.html")]
pub struct NoticePage<'a> {
    /// What the tenant is called.
    pub tenant: &'a str,
    /// What is done.
    pub heading: &'a str,
    /// What to do next.
    pub text: &'a str,
}

impl<'a> NoticePage<'a> {
    /// After a logout without an application to go back to.
    pub const fn logged_out(tenant: &'a str) -> Self {
        Self {
            tenant,
            heading: "You are logged out",
            text: "You can close this page.",
        }
    }

    /// After a device was confirmed.
    pub const fn device_activated(tenant: &'a str) -> Self {
        Self {
            tenant,
            heading: "Congratulations, you're all set!",
            text: "Your device is connected. You can close this page.",
        }
    }

    /// After a device was refused.
    pub const fn device_declined(tenant: &'a str) -> Self {
        Self {
            tenant,
            heading: "Nothing was connected",
            text: "The device has no access. You can close this page.",
        }
    }

    /// After a password was replaced.
    pub const fn password_changed(tenant: &'a str) -> Self {
        Self {
            tenant,
            heading: "Password changed",
            text: "You can log in with it from here on.",
        }
    }

    /// The whole answer, with status 200.
    pub fn respond(&self) -> Response {
        without_form(self, StatusCode::OK)
    }
}

/// Tells a person what went wrong, where there is no application to send them back to.
#[derive(Clone, Copy, Debug, Template)]
#[template(path = "error.html")]
pub struct ErrorPage<'a> {
    /// What the tenant is called.
    pub tenant: &'a str,
    /// What went wrong, in few words.
    pub heading: &'a str,
    /// What to do about it.
    pub text: &'a str,
    /// Facts for whoever mends it, such as `("You sent", "http://localhost:3001/callback")`.
    pub details: &'a [(&'a str, &'a str)],
}

impl<'a> ErrorPage<'a> {
    /// The redirect URI is not one of the application's: Auth0's words.
    pub const fn redirect_mismatch(tenant: &'a str, details: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            tenant,
            heading: "Callback URL mismatch.",
            text: "The provided redirect_uri is not in the list of allowed callback URLs. Please \
                   go to the Application Settings page and make sure you are sending a valid \
                   callback url from your application.",
            details,
        }
    }

    /// Too many pages were asked for by people of one place, or by all.
    pub const fn too_many(tenant: &'a str) -> Self {
        Self {
            tenant,
            heading: "Too many requests",
            text: "Too many logins were begun from where you are. Please wait a moment, and try \
                   again.",
            details: &[],
        }
    }

    /// The transaction is unknown: too old, finished, or begun in another browser.
    pub const fn expired(tenant: &'a str) -> Self {
        Self {
            tenant,
            heading: "This page has expired",
            text: "It was open for too long, or it was used already. Go back to the application \
                   and log in again.",
            details: &[],
        }
    }

    /// The whole answer.
    pub fn respond(&self, status: StatusCode) -> Response {
        without_form(self, status)
    }
}

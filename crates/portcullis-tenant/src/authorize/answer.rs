use axum::response::Response;
use http::StatusCode;
use url::{Url, form_urlencoded};

use crate::pages::{ClientOrigin, ErrorPage, FormPostPage, WebMessagePage};

use super::request::{AuthorizeRequest, Mode, Redirect};
use super::{Context, redirect};

/// How the client of a request is answered.
pub(crate) struct Answer<'a> {
    tenant: &'a str,
    client: &'a str,
    redirect: &'a Redirect,
}

impl<'a> Answer<'a> {
    pub(crate) fn of(context: &'a Context<'_>, request: &'a AuthorizeRequest) -> Self {
        Self {
            tenant: &context.settings.name,
            client: &context.client.name,
            redirect: &request.redirect,
        }
    }

    /// Sends an error (RFC 6749 section 4.1.2.1).
    pub(crate) fn refuse(&self, error: &str, description: &str) -> Response {
        self.send(&[("error", error), ("error_description", description)])
    }

    /// Sends `parameters`, and the `state` of the request after them.
    pub(crate) fn send(&self, parameters: &[(&str, &str)]) -> Response {
        let mut parameters = parameters.to_vec();
        if let Some(state) = &self.redirect.state {
            parameters.push(("state", state));
        }
        let Ok(mut url) = Url::parse(&self.redirect.uri) else {
            // It was checked before; what is registered may have changed since.
            return ErrorPage::expired(self.tenant).respond(StatusCode::BAD_REQUEST);
        };
        let origin = ClientOrigin::of(&url);
        match self.redirect.mode {
            Mode::Query => {
                url.query_pairs_mut().extend_pairs(parameters);
                redirect(url.as_str())
            }
            Mode::Fragment => {
                let mut fragment = form_urlencoded::Serializer::new(String::new());
                url.set_fragment(Some(&fragment.extend_pairs(parameters).finish()));
                redirect(url.as_str())
            }
            Mode::FormPost => FormPostPage {
                tenant: self.tenant,
                client: self.client,
                action: &self.redirect.uri,
                redirect: &origin,
                parameters: &parameters,
            }
            .respond(),
            Mode::WebMessage => WebMessagePage {
                target: &origin,
                parameters: &parameters,
            }
            .respond(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::header::LOCATION;

    use super::*;

    #[test]
    fn parameters_join_those_of_the_redirect_uri() {
        for (uri, mode, expected) in [
            (
                "http://localhost:3000",
                Mode::Query,
                "http://localhost:3000/?code=a%26b&state=s+%3C",
            ),
            (
                "http://localhost:3000/cb?a=b",
                Mode::Query,
                "http://localhost:3000/cb?a=b&code=a%26b&state=s+%3C",
            ),
            (
                "http://localhost:3000/cb?a=b",
                Mode::Fragment,
                "http://localhost:3000/cb?a=b#code=a%26b&state=s+%3C",
            ),
            (
                "com.example.app:/cb",
                Mode::Query,
                "com.example.app:/cb?code=a%26b&state=s+%3C",
            ),
        ] {
            let redirect = Redirect {
                uri: uri.to_owned(),
                mode,
                state: Some("s <".to_owned()),
            };
            let answer = Answer {
                tenant: "",
                client: "",
                redirect: &redirect,
            };
            let response = answer.send(&[("code", "a&b")]);
            assert_eq!(response.headers()[LOCATION], expected);
            assert_eq!(response.status(), StatusCode::FOUND);
        }
    }
}

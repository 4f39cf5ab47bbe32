//! The `WWW-Authenticate` lines of a refusal (RFC 6750 section 3, RFC 9449 section 7.1).

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderValue};
use portcullis_token::Reason;

use super::answers::seconds;
use super::{Rejection, Scheme};

/// Adds the challenges, unless the refusal is not about the credential.
///
/// The order of parameters is fixed. Every value comes from the configuration or from a table.
pub(super) fn add(rejection: &Rejection, headers: &mut HeaderMap) {
    if rejection.reason.status() == 503 {
        return;
    }
    let answers = &rejection.answers;
    let mut bearer = Parameters::of("Bearer");
    bearer.add("realm", answers.realm_name());
    let mut dpop = Parameters::of("DPoP");
    let algorithms: Vec<_> = answers.dpop_algorithms().iter().map(|a| a.name()).collect();
    if !algorithms.is_empty() {
        dpop.add("algs", &algorithms.join(" "));
    }
    match rejection.scheme {
        Scheme::Bearer => add_error(rejection, &mut bearer),
        Scheme::Dpop => add_error(rejection, &mut dpop),
    }
    bearer.append_to(headers);
    if !algorithms.is_empty() || rejection.scheme == Scheme::Dpop {
        dpop.append_to(headers);
    }
}

fn add_error(rejection: &Rejection, parameters: &mut Parameters) {
    let Rejection { reason, needs, .. } = rejection;
    if let Some(error) = reason.error() {
        parameters.add("error", error);
        if let Some(description) = rejection.description() {
            parameters.add("error_description", description);
        }
    }
    let tells_scopes = matches!(
        reason,
        Reason::Missing | Reason::Scope | Reason::ClaimForbidden
    );
    if tells_scopes && !needs.scopes.is_empty() {
        parameters.add("scope", &needs.scopes.join(" "));
    }
    if *reason == Reason::StepUp {
        if !needs.acr_values.is_empty() {
            parameters.add("acr_values", &needs.acr_values.join(" "));
        }
        if let Some(age) = needs.max_age {
            parameters.add("max_age", &seconds(age).to_string());
        }
    }
    if let Some(url) = rejection.answers.metadata_url() {
        parameters.add("resource_metadata", &url);
    }
}

/// A scheme and its parameters, written one after the other.
pub(super) struct Parameters {
    text: String,
    separator: &'static str,
    is_first: bool,
}

impl Parameters {
    /// `scheme`, parameters to follow, separated by commas.
    pub(super) fn of(scheme: &str) -> Self {
        Self {
            text: scheme.to_owned(),
            separator: ", ",
            is_first: true,
        }
    }

    /// Separates the parameters by `separator`.
    pub(super) const fn separated_by(mut self, separator: &'static str) -> Self {
        self.separator = separator;
        self
    }

    /// Adds `name="value"`. What a quoted string cannot hold (RFC 9110 section 5.6.4) is left out.
    pub(super) fn add(&mut self, name: &str, value: &str) {
        let separator = if self.is_first { " " } else { self.separator };
        self.is_first = false;
        self.text.extend([separator, name, "=\""]);
        let fits = |c: &char| (*c == ' ' || c.is_ascii_graphic()) && !matches!(c, '"' | '\\');
        self.text.extend(value.chars().filter(fits));
        self.text.push('"');
    }

    /// The value of the header.
    pub(super) fn into_value(self) -> HeaderValue {
        HeaderValue::try_from(self.text).expect("schemes, names and values are visible ASCII")
    }

    fn append_to(self, headers: &mut HeaderMap) {
        headers.append(WWW_AUTHENTICATE, self.into_value());
    }
}

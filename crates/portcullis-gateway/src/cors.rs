//! What browsers are told about pages of other origins (the Fetch standard, section 3.2).
//!
//! A preflight is answered here, before authentication: browsers send no credentials with it. A
//! page elsewhere may then read answers, refusals included. `Access-Control-Request-Private-Network`
//! is never answered: a public page has no business with a gateway in a private network.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use portcullis_config::Origins;
use portcullis_token::Step;

use crate::observe::Watch;
use crate::plan::{Plan, PlanError, Route};
use crate::refuse::ERROR_TYPE;
use crate::request::Asked;

/// The gateway's own headers, which a page needs to tell one refusal from another.
const OURS: &str = "dpop-nonce, ratelimit, ratelimit-policy, retry-after, www-authenticate, \
                    x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, x-request-id";

/// An API's rules for pages of other origins, compiled.
#[derive(Debug)]
pub(crate) struct Cors {
    origins: Origins,
    /// Those of the routes when absent.
    methods: Option<Vec<String>>,
    /// Those asked for when absent.
    headers: Option<HeaderValue>,
    expose: HeaderValue,
    credentials: bool,
    max_age: Option<HeaderValue>,
}

/// What of a request decides what its answer says of origins.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    /// Absent where there is none, and where there are several.
    origin: Option<HeaderValue>,
    is_preflight: bool,
}

impl Asking {
    pub(crate) fn of(method: &str, headers: &HeaderMap) -> Self {
        Self {
            origin: only(headers, &ORIGIN).cloned(),
            is_preflight: requested_method(method, headers).is_some(),
        }
    }
}

/// Answers a preflight for a route that has rules for other origins; none for any other request.
///
/// The route is that of the method asked for, by the canonical path: where there is none, the
/// request goes the way of every other one, so that a preflight tells nothing more.
pub(crate) fn preflight<'p>(
    plan: &'p Plan,
    asked: &Asked<'_>,
    trace: &mut impl Watch,
) -> Option<(&'p Route, HeaderMap)> {
    let requested = requested_method(asked.method, asked.headers)?;
    let matched = plan
        .route(requested, asked.headers, asked.path, &mut ())
        .ok()?;
    let cors = matched.route.api.cors.as_deref()?;
    trace.matched(&matched);
    trace.passed(Step::Route, || {
        format!("a preflight for `{}`, answered here", matched.route.name)
    });
    Some((matched.route, cors.permit(requested, asked.headers)))
}

/// The method that a preflight asks for; none for a request that is no preflight.
fn requested_method<'h>(method: &str, headers: &'h HeaderMap) -> Option<&'h str> {
    if method != "OPTIONS" {
        return None;
    }
    only(headers, &ORIGIN)?;
    let requested = only(headers, &ACCESS_CONTROL_REQUEST_METHOD)?
        .to_str()
        .ok()?;
    http::Method::from_bytes(requested.as_bytes()).ok()?;
    Some(requested)
}

/// The value of a header that is there once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

impl Cors {
    pub(crate) fn compile(config: &portcullis_config::Cors) -> Result<Self, PlanError> {
        let list = |names: &[String]| {
            let list = names.join(", ");
            HeaderValue::try_from(&list).map_err(|_| PlanError::Header(list))
        };
        let mut expose = vec![OURS.to_owned()];
        expose.extend(config.expose.iter().cloned());
        Ok(Self {
            origins: config.origins.clone(),
            methods: config.methods.clone(),
            headers: config.headers.as_deref().map(list).transpose()?,
            expose: list(&expose)?,
            credentials: config.credentials,
            max_age: config.max_age.map(|age| age.as_secs().into()),
        })
    }

    /// What a preflight's answer says besides what every answer says.
    ///
    /// No more than was asked for: the method, not those of other routes.
    fn permit(&self, requested: &str, headers: &HeaderMap) -> HeaderMap {
        let mut told = HeaderMap::new();
        let origin = only(headers, &ORIGIN);
        if self.allow(origin).is_none() {
            return told;
        }
        let methods = self.methods.as_ref();
        let allowed = methods.is_none_or(|methods| methods.iter().any(|own| own == requested));
        if let Ok(method) = HeaderValue::from_str(requested)
            && allowed
        {
            told.insert(ACCESS_CONTROL_ALLOW_METHODS, method);
        }
        if headers.contains_key(ACCESS_CONTROL_REQUEST_HEADERS)
            && let Some(names) = self.headers.clone().or_else(|| requested_headers(headers))
        {
            told.insert(ACCESS_CONTROL_ALLOW_HEADERS, names);
        }
        if let Some(age) = &self.max_age {
            told.insert(ACCESS_CONTROL_MAX_AGE, age.clone());
        }
        told
    }

    /// Says in an answer who may read it, in the place of what an upstream says.
    pub(crate) fn tell(&self, asking: &Asking, headers: &mut HeaderMap) {
        remove_others(headers);
        if self.origins != Origins::Any {
            // Whether or not this origin is allowed: a cache must not give the answer to another.
            vary(headers, "Origin");
        }
        if asking.is_preflight {
            vary(headers, "Access-Control-Request-Method");
            vary(headers, "Access-Control-Request-Headers");
        }
        let Some(origin) = self.allow(asking.origin.as_ref()) else {
            return;
        };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if self.credentials {
            let allowed = HeaderValue::from_static("true");
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, allowed);
        }
        // No script reads a preflight's answer.
        if !asking.is_preflight {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, self.expose.clone());
            // By these two, clients that sign set their clock and sign again.
            if headers.contains_key(ERROR_TYPE) {
                let both = HeaderValue::from_static("x-amzn-errortype,date");
                headers.append(ACCESS_CONTROL_EXPOSE_HEADERS, both);
            }
        }
    }

    /// `Access-Control-Allow-Origin` for this origin; none where it is not allowed.
    fn allow(&self, origin: Option<&HeaderValue>) -> Option<HeaderValue> {
        let list = match &self.origins {
            // The same for everybody, so that caches need not tell callers apart.
            Origins::Any => return Some(HeaderValue::from_static("*")),
            Origins::Listed(list) => list,
        };
        let origin = origin?;
        let text = origin.to_str().ok()?;
        list.iter()
            .any(|own| own.allows(text))
            .then(|| origin.clone())
    }
}

/// The headers that a preflight asks for, if they are names of headers.
fn requested_headers(headers: &HeaderMap) -> Option<HeaderValue> {
    let lines = headers.get_all(ACCESS_CONTROL_REQUEST_HEADERS).iter();
    let lines: Vec<&str> = lines
        .map(|line| line.to_str().ok())
        .collect::<Option<_>>()?;
    let names = lines.iter().flat_map(|line| line.split(','));
    let names: Vec<HeaderName> = names
        .map(|name| name.trim().parse().ok())
        .collect::<Option<_>>()?;
    let names: Vec<&str> = names.iter().map(HeaderName::as_str).collect();
    HeaderValue::try_from(names.join(", ")).ok()
}

fn remove_others(headers: &mut HeaderMap) {
    let others: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("access-control-"))
        .cloned()
        .collect();
    for name in others {
        headers.remove(name);
    }
}

/// Adds a name to `Vary` (RFC 9110 section 12.5.5), where it is not named yet.
fn vary(headers: &mut HeaderMap, name: &'static str) {
    let lines = headers.get_all(VARY).iter();
    let named = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .any(|own| own == "*" || own.eq_ignore_ascii_case(name));
    if !named {
        headers.append(VARY, HeaderValue::from_static(name));
    }
}

#[cfg(test)]
mod tests {
    use portcullis_config::AllowedOrigin;

    use super::*;

    fn cors(origins: &[&str]) -> portcullis_config::Cors {
        let list = origins
            .iter()
            .map(|text| AllowedOrigin::parse(text).unwrap());
        portcullis_config::Cors {
            origins: Origins::Listed(list.collect()),
            ..portcullis_config::Cors::any()
        }
    }

    fn map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    fn shown(headers: &HeaderMap) -> Vec<String> {
        let line = |(name, value): (&HeaderName, &HeaderValue)| {
            format!("{name}: {}", value.to_str().unwrap())
        };
        let mut lines: Vec<String> = headers.iter().map(line).collect();
        lines.sort();
        lines
    }

    #[test]
    fn only_options_with_an_origin_and_a_method_is_a_preflight() {
        const ORIGIN: (&str, &str) = ("origin", "https://a.example");
        const METHOD: (&str, &str) = ("access-control-request-method", "PUT");
        for (name, method, lines, expected) in [
            ("both", "OPTIONS", &[ORIGIN, METHOD][..], Some("PUT")),
            ("no origin", "OPTIONS", &[METHOD], None),
            ("no method", "OPTIONS", &[ORIGIN], None),
            ("two origins", "OPTIONS", &[ORIGIN, ORIGIN, METHOD], None),
            ("two methods", "OPTIONS", &[ORIGIN, METHOD, METHOD], None),
            ("another method", "GET", &[ORIGIN, METHOD], None),
            (
                "not a method",
                "OPTIONS",
                &[ORIGIN, ("access-control-request-method", "P T")],
                None,
            ),
        ] {
            assert_eq!(requested_method(method, &map(lines)), expected, "{name}");
        }
    }

    #[test]
    fn a_preflight_is_told_no_more_than_it_asks_for() {
        const ORIGIN: (&str, &str) = ("origin", "https://a.example");
        let any = portcullis_config::Cors::any();
        let listed = portcullis_config::Cors {
            methods: Some(vec!["PUT".to_owned(), "DELETE".to_owned()]),
            headers: Some(vec!["x-a".to_owned(), "x-b".to_owned()]),
            max_age: Some(std::time::Duration::from_mins(1)),
            ..cors(&["https://a.example"])
        };
        for (name, config, requested, lines, expected) in [
            (
                "any",
                &any,
                "PUT",
                &[ORIGIN][..],
                &["access-control-allow-methods: PUT"][..],
            ),
            (
                "the headers asked for",
                &any,
                "PUT",
                &[
                    ORIGIN,
                    ("access-control-request-headers", "Authorization,X-A"),
                ],
                &[
                    "access-control-allow-headers: authorization, x-a",
                    "access-control-allow-methods: PUT",
                ],
            ),
            (
                "headers that are none",
                &any,
                "PUT",
                &[ORIGIN, ("access-control-request-headers", "a b")],
                &["access-control-allow-methods: PUT"],
            ),
            (
                "a list",
                &listed,
                "PUT",
                &[ORIGIN, ("access-control-request-headers", "x-c")],
                &[
                    "access-control-allow-headers: x-a, x-b",
                    "access-control-allow-methods: PUT",
                    "access-control-max-age: 60",
                ],
            ),
            (
                "another method",
                &listed,
                "PATCH",
                &[ORIGIN],
                &["access-control-max-age: 60"],
            ),
            (
                "another origin",
                &listed,
                "PUT",
                &[("origin", "https://b.example")],
                &[],
            ),
        ] {
            let cors = Cors::compile(config).unwrap();
            assert_eq!(
                shown(&cors.permit(requested, &map(lines))),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn an_answer_says_who_may_read_it() {
        let exposed = format!("access-control-expose-headers: {OURS}");
        let any = portcullis_config::Cors::any();
        let listed = portcullis_config::Cors {
            credentials: true,
            ..cors(&["https://a.example"])
        };
        for (name, config, origin, upstream, expected) in [
            (
                "any",
                &any,
                Some("https://b.example"),
                &[][..],
                &["access-control-allow-origin: *", &exposed][..],
            ),
            (
                "any, of no page",
                &any,
                None,
                &[],
                &["access-control-allow-origin: *", &exposed],
            ),
            (
                "listed",
                &listed,
                Some("https://a.example"),
                &[],
                &[
                    "access-control-allow-credentials: true",
                    "access-control-allow-origin: https://a.example",
                    &exposed,
                    "vary: Origin",
                ],
            ),
            (
                "not listed",
                &listed,
                Some("https://b.example"),
                &[],
                &["vary: Origin"],
            ),
            ("listed, of no page", &listed, None, &[], &["vary: Origin"]),
            (
                "the upstream's are replaced",
                &listed,
                Some("https://b.example"),
                &[
                    ("access-control-allow-origin", "https://b.example"),
                    ("access-control-allow-private-network", "true"),
                    ("vary", "accept, origin"),
                ],
                &["vary: accept, origin"],
            ),
        ] {
            let asking = Asking {
                origin: origin.map(HeaderValue::from_static),
                is_preflight: false,
            };
            let mut headers = map(upstream);
            Cors::compile(config).unwrap().tell(&asking, &mut headers);
            assert_eq!(shown(&headers), expected, "{name}");
        }
    }
}

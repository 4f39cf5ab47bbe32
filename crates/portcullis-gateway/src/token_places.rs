//! Where requests carry their tokens: looked at per route, and emptied before an upstream sees it.

use std::collections::BTreeSet;

use http::header::COOKIE;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use portcullis_config::ErrorBodies;
use portcullis_token::{CrossSite, TokenSource};

/// The places of one route: those of its authorizers, each once.
#[derive(Debug, Default)]
pub(crate) struct Places {
    sources: Vec<TokenSource>,
    /// The authorizers that take a token from each of the sources.
    takers: Vec<Vec<usize>>,
}

/// What of a request goes no further than the gateway, besides `Authorization`.
#[derive(Debug, Default)]
pub(crate) struct Stripped {
    headers: Vec<HeaderName>,
    cookies: BTreeSet<String>,
    parameters: BTreeSet<String>,
    /// The fields of forms.
    fields: BTreeSet<String>,
}

impl Places {
    /// The places of these authorizers, in an API with such errors.
    pub(crate) fn of<'s>(
        authorizers: impl Iterator<Item = (usize, &'s [TokenSource])>,
        errors: ErrorBodies,
    ) -> Self {
        let mut places = Self::default();
        for (authorizer, sources) in authorizers {
            for source in sources {
                places.add(imitated(source, errors), authorizer);
            }
        }
        places
    }

    fn add(&mut self, source: TokenSource, authorizer: usize) {
        let known = self.sources.iter_mut().zip(&mut self.takers);
        for (own, takers) in known {
            if is_same_place(own, &source) {
                make_stricter(own, &source);
                if !takers.contains(&authorizer) {
                    takers.push(authorizer);
                }
                return;
            }
        }
        self.sources.push(source);
        self.takers.push(vec![authorizer]);
    }

    pub(crate) fn sources(&self) -> &[TokenSource] {
        &self.sources
    }

    /// Whether a form may hold the token.
    pub(crate) fn has_form(&self) -> bool {
        let mut sources = self.sources.iter();
        sources.any(|source| matches!(source, TokenSource::Form { .. }))
    }

    /// Whether the authorizer looks at what the source of this index has.
    pub(crate) fn takes(&self, source: usize, authorizer: usize) -> bool {
        let takers = self.takers.get(source);
        takers.is_some_and(|takers| takers.contains(&authorizer))
    }
}

/// API Gateway of AWS takes a token with its scheme and without.
fn imitated(source: &TokenSource, errors: ErrorBodies) -> TokenSource {
    match (source, errors) {
        (TokenSource::Authorization, ErrorBodies::Aws) => TokenSource::OptionalScheme,
        (source, _) => source.clone(),
    }
}

fn is_same_place(one: &TokenSource, other: &TokenSource) -> bool {
    match (one, other) {
        (TokenSource::Header { name, .. }, TokenSource::Header { name: other, .. })
        | (TokenSource::Cookie { name, .. }, TokenSource::Cookie { name: other, .. }) => {
            name == other
        }
        (one, other) => one == other,
    }
}

/// Two authorizers of a route may look at one cookie in two ways: the careful one holds.
fn make_stricter(own: &mut TokenSource, other: &TokenSource) {
    if let (
        TokenSource::Cookie { cross_site, .. },
        TokenSource::Cookie {
            cross_site: theirs, ..
        },
    ) = (own, other)
        && *theirs == CrossSite::Refused
    {
        *cross_site = CrossSite::Refused;
    }
}

impl Stripped {
    /// Adds a place of one of the API's own authorizers.
    pub(crate) fn add(&mut self, source: &TokenSource) {
        match source {
            TokenSource::Authorization | TokenSource::OptionalScheme => {}
            TokenSource::Header { name, .. } => {
                self.headers.extend(HeaderName::try_from(name).ok());
            }
            TokenSource::Cookie { name, .. } => {
                self.cookies.insert(name.clone());
            }
            TokenSource::Query { name } => {
                self.parameters.insert(name.clone());
            }
            TokenSource::Form { name } => {
                self.fields.insert(name.clone());
            }
        }
    }

    /// Adds a place of another API: a browser sends a cookie to all of them.
    pub(crate) fn add_foreign(&mut self, source: &TokenSource) {
        if matches!(source, TokenSource::Cookie { .. }) {
            self.add(source);
        }
    }

    pub(crate) fn remove_from(&self, headers: &mut HeaderMap, uri: &mut Uri) {
        for name in &self.headers {
            headers.remove(name);
        }
        if !self.cookies.is_empty() {
            self.remove_cookies(headers);
        }
        if let Some(query) = uri.query().filter(|_| !self.parameters.is_empty())
            && let Some(rest) = without(query.as_bytes(), b'&', b"&", &self.parameters)
        {
            remove_query(uri, &rest);
        }
    }

    /// The form without its token; none where it has none.
    pub(crate) fn without_fields(&self, form: &[u8]) -> Option<Vec<u8>> {
        without(form, b'&', b"&", &self.fields)
    }

    fn remove_cookies(&self, headers: &mut HeaderMap) {
        let lines: Vec<_> = headers.get_all(COOKIE).iter().cloned().collect();
        let cleaned: Vec<_> = lines
            .iter()
            .map(|line| without(line.as_bytes(), b';', b"; ", &self.cookies))
            .collect();
        if cleaned.iter().all(Option::is_none) {
            return;
        }
        headers.remove(COOKIE);
        for (line, cleaned) in lines.into_iter().zip(cleaned) {
            let line = match cleaned {
                None => Some(line),
                Some(rest) if rest.is_empty() => None,
                Some(rest) => HeaderValue::from_bytes(&rest).ok(),
            };
            if let Some(line) = line {
                headers.append(COOKIE, line);
            }
        }
    }
}

/// The pairs without those of these names; none where nothing is to be removed.
fn without(pairs: &[u8], separator: u8, glue: &[u8], names: &BTreeSet<String>) -> Option<Vec<u8>> {
    let all: Vec<&[u8]> = pairs.split(|byte| *byte == separator).collect();
    let kept: Vec<&[u8]> = all
        .iter()
        .map(|pair| pair.trim_ascii())
        .filter(|pair| {
            let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
            let is_token = |own: &String| own.as_bytes() == name.trim_ascii();
            !names.iter().any(is_token)
        })
        .collect();
    (kept.len() < all.len()).then(|| kept.join(glue))
}

/// The rest of a query that was one is one.
fn remove_query(uri: &mut Uri, rest: &[u8]) {
    let rest = String::from_utf8_lossy(rest);
    let target = match &*rest {
        "" => uri.path().to_owned(),
        rest => format!("{}?{rest}", uri.path()),
    };
    let mut parts = std::mem::take(uri).into_parts();
    parts.path_and_query = PathAndQuery::try_from(target).ok();
    *uri = Uri::from_parts(parts).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookie(name: &str, cross_site: CrossSite) -> TokenSource {
        TokenSource::Cookie {
            name: name.to_owned(),
            cross_site,
        }
    }

    fn query(name: &str) -> TokenSource {
        TokenSource::Query {
            name: name.to_owned(),
        }
    }

    #[test]
    fn a_route_looks_at_each_place_once() {
        let first = [TokenSource::Authorization, cookie("a", CrossSite::Allowed)];
        let second = [cookie("a", CrossSite::Refused), query("t")];
        let of = |errors| Places::of([(3, &first[..]), (5, &second[..])].into_iter(), errors);
        let places = of(ErrorBodies::Problem);
        let expected = [
            TokenSource::Authorization,
            cookie("a", CrossSite::Refused),
            query("t"),
        ];
        assert_eq!(places.sources(), expected);
        let takers = |authorizer| [0, 1, 2].map(|source| places.takes(source, authorizer));
        assert_eq!(takers(3), [true, true, false]);
        assert_eq!(takers(5), [false, true, true]);
        assert_eq!(takers(4), [false; 3]);
        assert_eq!(
            of(ErrorBodies::Aws).sources()[0],
            TokenSource::OptionalScheme
        );
    }

    #[test]
    fn a_token_is_taken_out_of_its_place_and_nothing_else_is() {
        let mut stripped = Stripped::default();
        let header = TokenSource::Header {
            name: "x-token".to_owned(),
            prefix: String::new(),
        };
        for source in [header, cookie("at", CrossSite::Refused), query("token")] {
            stripped.add(&source);
        }
        stripped.add_foreign(&query("other"));
        stripped.add_foreign(&cookie("other", CrossSite::Refused));
        for (target, cookies, expected_target, expected) in [
            ("/a", &["x=1; at2=b"][..], "/a", &["x=1; at2=b"][..]),
            ("/a?b=c", &["x=1;y"], "/a?b=c", &["x=1;y"]),
            ("/a?token=x", &["at=x"], "/a", &[]),
            (
                "/a?b&token=x&c=%26",
                &["x=1; at=x;y=2"],
                "/a?b&c=%26",
                &["x=1; y=2"],
            ),
            (
                "/a?token=x&token=y&tokens=z",
                &["at=x; at=y", "z=1"],
                "/a?tokens=z",
                &["z=1"],
            ),
            ("/a?token", &["at =x; other=y"], "/a", &[]),
            ("/a?other=x", &["b=\"c\""], "/a?other=x", &["b=\"c\""]),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("x-token", HeaderValue::from_static("x"));
            for line in cookies {
                headers.append(COOKIE, HeaderValue::from_str(line).unwrap());
            }
            let mut uri: Uri = target.parse().unwrap();
            stripped.remove_from(&mut headers, &mut uri);
            assert_eq!(uri.to_string(), expected_target, "{target}");
            let left: Vec<_> = headers.get_all(COOKIE).iter().collect();
            assert_eq!(left, expected, "{cookies:?}");
            assert!(!headers.contains_key("x-token"));
        }
    }
}

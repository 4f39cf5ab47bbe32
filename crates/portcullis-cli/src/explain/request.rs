use std::str::FromStr;

/// A request as it is typed: `GET /path`, or a path alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// The whole of it.
    pub(super) written: String,
    pub(super) method: String,
    /// Without the query, which plays no part in the decision.
    pub(super) path: String,
}

/// The text holds no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a method and a path, such as 'GET /hello/world'")]
pub(crate) struct NotARequest;

impl FromStr for Request {
    type Err = NotARequest;

    fn from_str(written: &str) -> Result<Self, Self::Err> {
        let text = written.trim();
        let (method, target) = text.split_once(' ').unwrap_or(("GET", text));
        let target = target.trim_start();
        if !target.starts_with('/') {
            return Err(NotARequest);
        }
        let path = target.split(['?', '#']).next().unwrap_or(target);
        Ok(Self {
            written: written.to_owned(),
            method: method.to_owned(),
            path: path.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_method_and_a_path() {
        for (text, expected) in [
            ("GET /hello/world", Ok(("GET", "/hello/world"))),
            ("/hello", Ok(("GET", "/hello"))),
            (" POST  /a?b=c ", Ok(("POST", "/a"))),
            ("hello", Err(NotARequest)),
            ("GET hello", Err(NotARequest)),
            ("", Err(NotARequest)),
        ] {
            let parsed: Result<Request, _> = text.parse();
            let parts = parsed
                .as_ref()
                .map(|r| (r.method.as_str(), r.path.as_str()));
            assert_eq!(parts, expected.as_ref().copied(), "{text:?}");
        }
    }
}

//! The path of the data plane that tells load balancers whether to send requests.

use super::fields::{Entry, Fields};
use super::reader::{Reader, Reported};
use crate::api::Api;
use crate::config::Server;
use crate::diagnostic::Diagnostic;
use crate::path::{PathPattern, Segment};

pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<String, Reported> {
    let text = reader.text(entry)?.value();
    let path = PathPattern::parse(&text).map_err(|error| {
        let mut problem = Diagnostic::new(entry.span(), format!("{entry}: {error}"));
        problem.hint = error.hint().map(str::to_owned);
        reader.refuse(problem)
    })?;
    let is_literal = |segment: &Segment| matches!(segment, Segment::Literal(_));
    if path.segments.is_empty() || !path.segments.iter().all(is_literal) {
        return Err(reader.bad(entry, "must be a path without parameters, as in `/ready`"));
    }
    Ok(text)
}

/// Refuses a path that somebody wrote a route for, which would never answer.
pub(super) fn check(
    reader: &mut Reader<'_>,
    root: &Fields<'_>,
    server: &Server,
    apis: &[Api],
) -> Result<(), Reported> {
    let Some(ready) = &server.ready else {
        return Ok(());
    };
    let mut routes = apis.iter().flat_map(|api| &api.routes);
    let Some(route) = routes.find(|route| route.path.to_string() == *ready) else {
        return Ok(());
    };
    let table = root.find("server").map(|entry| entry.value.get_ref());
    let value = table
        .and_then(|table| table.as_table())
        .and_then(|table| table.get("ready"));
    let span = value.map_or(0..0, toml::Spanned::span);
    let message = format!(
        "`ready` is the path of the route in line {}",
        route.origin.line
    );
    Err(reader.refuse(Diagnostic::new(span, message)))
}

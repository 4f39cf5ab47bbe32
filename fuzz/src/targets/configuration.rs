//! The text of portcullis.toml.

use portcullis_config::{Severity, Source, parse};

/// Reads a configuration, and writes down what is wrong with it.
///
/// # Panics
/// When a file is refused without an error, accepted with one, or opens a route to nobody's
/// knowledge.
pub fn run(data: &[u8]) -> &'static str {
    let Ok(text) = str::from_utf8(data) else {
        return "not_text";
    };
    let source = Source {
        name: "portcullis.toml",
        text,
    };
    let environment = |name: &str| (name == "NAME").then(|| "value".to_owned());
    let (diagnostics, answer) = match parse(&source, &environment) {
        Ok(parsed) => {
            for route in parsed.config.apis.iter().flat_map(|api| &api.routes) {
                assert!(route.auth.anonymous || !route.auth.alternatives.is_empty());
            }
            (parsed.warnings, "ok")
        }
        Err(diagnostics) => (diagnostics, "refused"),
    };
    let is_error = |severity: Severity| severity == Severity::Error;
    let refused = diagnostics.iter().any(|found| is_error(found.severity));
    assert_eq!(refused, answer == "refused");
    let page = diagnostics.render(&source, false);
    assert_eq!(page.is_empty(), diagnostics.is_empty());
    assert!(!page.contains('\u{1b}'), "escape codes reach the terminal");
    let listed = diagnostics.to_json(&source);
    assert_eq!(listed.as_array().map(Vec::len), Some(diagnostics.len()));
    answer
}

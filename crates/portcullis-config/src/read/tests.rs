mod anonymous_policy;
mod auth;
mod claim_rules;
mod cors;
mod dpop;
mod errors;
mod functions;
mod guides;
mod hostile;
mod hosts;
mod introspection;
mod messages;
mod path_rules;
mod policies;
mod resource;
mod server;
mod sources;
mod tenant;
mod token_rules;
mod trusted_keys;
mod upstream;
mod values;

use super::*;

/// What the environment of the tests says.
fn env(name: &str) -> Option<String> {
    let value = match name {
        "AUTH0_DOMAIN" => "tenant.example.com",
        "ISSUER_BASE_URL" => "https://tenant.example.com",
        "WEB_CLIENT_SECRET" => "the-secret-of-the-environment",
        "USER" => "user",
        "NONE" => "none",
        "ANY" => "any",
        "BRACES" => "{name} ${USER} {",
        "EMPTY" => "",
        _ => return None,
    };
    Some(value.to_owned())
}

fn source(text: &str) -> Source<'_> {
    Source {
        name: "portcullis.toml",
        text,
    }
}

/// Reads a file that must be good, also to the schema.
fn read(text: &str) -> Parsed {
    crate::schema::tests::assert_valid(text);
    match parse(&source(text), &env) {
        Ok(parsed) => parsed,
        Err(diagnostics) => panic!("{}", diagnostics.render(&source(text), false)),
    }
}

/// The page of a file that must be bad.
fn page(text: &str) -> String {
    match parse(&source(text), &env) {
        Ok(parsed) => panic!("accepted: {:?}", parsed.config),
        Err(diagnostics) => diagnostics.render(&source(text), false),
    }
}

/// The errors of a file, one per line: severity, line, column, message, hint.
fn problems(text: &str) -> Vec<String> {
    let diagnostics = match parse(&source(text), &env) {
        Ok(parsed) => parsed.warnings,
        Err(diagnostics) => diagnostics,
    };
    let list = diagnostics.to_json(&source(text));
    let line = |found: &serde_json::Value| {
        let hint = found["hint"]
            .as_str()
            .map(|hint| format!(" ({hint})"))
            .unwrap_or_default();
        let message = found["message"].as_str().unwrap_or_default();
        let severity = found["severity"].as_str().unwrap_or_default();
        format!(
            "{severity} {}:{} {message}{hint}",
            found["line"], found["column"]
        )
    };
    list.as_array().unwrap().iter().map(line).collect()
}

/// A good authorizer called `user`.
const USER: &str = "[authorizer.user]\nissuer = \"https://example.com/\"\naudience = [\"a\"]\n";

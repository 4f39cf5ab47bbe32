//! From text to [`Config`]: every problem is collected, none ends the reading.

mod admin;
mod admission;
mod anonymous_policy;
mod api;
mod auth;
mod authorizer;
mod claim_rule;
mod conflict;
mod cors;
mod dpop;
mod duration;
mod fields;
mod function;
mod hosts;
mod identity;
mod identity_pool;
mod limits;
mod message;
mod observe;
mod path_rules;
mod policy;
mod reader;
mod ready;
mod realm;
mod resource;
mod route;
mod server;
mod source;
mod step_up;
mod tenant;
mod text;
mod tls;
mod token_rules;
mod trusted_keys;
mod upstream;

use toml::de::DeTable;

use crate::config::Config;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::keys::ROOT;
use crate::{Parsed, Severity, Source};

use fields::Fields;
use reader::{Reader, Reported};

/// The largest file that is read, and as much may come from the environment: 1 MiB.
const LARGEST_FILE: usize = 1 << 20;

/// Reads a whole file. `${NAME}` in a value is what `env` says, whose text is never shown.
///
/// # Errors
/// Everything that is wrong with the file, not the first thing only, and its warnings.
///
/// ```
/// use portcullis_config::{Source, parse};
///
/// let source = Source { name: "portcullis.toml", text: "[servr]\n[api]\nmain = 1\n" };
/// let diagnostics = parse(&source, &|_| None).expect_err("both are wrong");
/// assert_eq!(diagnostics.len(), 2);
/// assert!(diagnostics.render(&source, false).contains("did you mean `server`?"));
/// ```
pub fn parse(
    source: &Source<'_>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Parsed, Diagnostics> {
    let mut reader = Reader::new(source.text, env);
    let config = read_text(&mut reader, source.text);
    let diagnostics = reader.finish();
    let refused = diagnostics
        .iter()
        .any(|found| found.severity == Severity::Error);
    match config {
        Ok(config) if !refused => Ok(Parsed {
            config,
            warnings: diagnostics,
        }),
        Ok(_) | Err(Reported { .. }) => Err(diagnostics),
    }
}

fn read_text(reader: &mut Reader<'_>, text: &str) -> Result<Config, Reported> {
    if text.len() > LARGEST_FILE {
        return Err(reader.refuse(Diagnostic::new(0..0, "the file is larger than 1 MiB")));
    }
    let document = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or(text.len()..text.len());
        reader.refuse(Diagnostic::new(
            span,
            format!("not TOML: {}", error.message()),
        ))
    })?;
    let mut root = Fields::new(&ROOT, document.get_ref(), 0..0);
    root.check_keys(reader);
    read_root(reader, &root)
}

fn read_root(reader: &mut Reader<'_>, root: &Fields<'_>) -> Result<Config, Reported> {
    let name = root.optional("name", |entry| reader.nonempty(&entry));
    let server = server::read(reader, root);
    let mut names = authorizer::Names::new(reader, root);
    let policy_names = policy::Names::of_policies(reader, root);
    let pool_names = policy::Names::of_pools(reader, root);
    let authorizers = authorizer::read_all(reader, &names, &policy_names);
    let functions = function::Functions::read(reader, root);
    let signed = identity_pool::read_authorizers(reader, names.signed(), &pool_names);
    let apis = api::read_all(reader, root, &mut names, (&policy_names, &functions));
    let api_names = policy::Names::of_apis(root, apis.as_ref().err().copied());
    let identity_pools = identity_pool::read_all(reader, root, &api_names);
    let policies = policy::read_all(reader, &policy_names, &api_names);
    let messages = message::read_all(reader, root);
    let store = policy::read_store(reader, root);
    let tenant = tenant::read(reader, root);
    let log = observe::read_log(reader, root);
    let telemetry = observe::read_telemetry(reader, root);
    names.warn_unused(reader);
    functions.check()?;
    functions.warn_unused(reader);
    if let (Ok(server), Ok(apis)) = (&server, &apis) {
        ready::check(reader, root, server, apis)?;
    }
    let (authorizers, apis, mut policies) = (authorizers?, apis?, policies?);
    path_rules::check_policies(reader, root, &apis, &policies)?;
    anonymous_policy::check_access(reader, root, &apis, &policies)?;
    policy::add_bases(&mut policies, &apis);
    policy::warn_unused(reader, &policy_names, &authorizers, &apis);
    Ok(Config {
        name: name?,
        server: server?,
        authorizers,
        signed: signed?,
        identity_pools: identity_pools?,
        policies,
        apis,
        messages: messages?,
        store: store?,
        tenant: tenant?,
        log: log?,
        telemetry: telemetry?,
    })
}

#[cfg(test)]
mod tests;

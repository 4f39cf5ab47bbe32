//! The routes of a configuration as people read them.

mod changes;
mod metadata;

use anstyle::Style;
use portcullis_config::{Api, Auth, AuthFrom, Config, Requirement, Route, Target, TemplatePart};
use serde_json::{Value, json};

pub(crate) use self::changes::changes;
use crate::terminal::{self, DIM, NOTE};

/// How a route without credentials is called.
const PUBLIC: &str = "none (public)";

/// One line a route: method, path, who may call it and what answers.
pub(crate) fn table(config: &Config) -> String {
    let mut rows: Vec<_> = routes(config)
        .map(|(api, route)| row(config, api, route))
        .collect();
    rows.extend(metadata::paths(config).map(|(api, path)| metadata_row(api, &path)));
    terminal::table(&rows)
}

/// The same, and where in `file` each route and its auth were said.
pub(crate) fn table_with_origins(config: &Config, file: &str) -> String {
    let mut rows: Vec<_> = routes(config)
        .map(|(api, route)| {
            let mut row = row(config, api, route);
            row.push((DIM, format!("{file}:{}", describe_origin(route))));
            row
        })
        .collect();
    rows.extend(metadata::paths(config).map(|(api, path)| {
        let mut row = metadata_row(api, &path);
        row.push((DIM, format!("{file}:{}", api.origin.line)));
        row
    }));
    terminal::table(&rows)
}

fn row(config: &Config, api: &Api, route: &Route) -> Vec<(Style, String)> {
    let plain = Style::new();
    let auth = if route.auth.anonymous { NOTE } else { plain };
    vec![
        (plain, route.methods.to_string()),
        (plain, describe_path(api, &route.path.to_string())),
        (auth, describe_callers(config, route)),
        (plain, describe_target(&route.target)),
    ]
}

fn metadata_row(api: &Api, path: &str) -> Vec<(Style, String)> {
    let plain = Style::new();
    vec![
        (plain, "GET".to_owned()),
        (plain, describe_path(api, path)),
        (NOTE, PUBLIC.to_owned()),
        (plain, metadata::TARGET.to_owned()),
    ]
}

/// The same for programs.
pub(crate) fn to_json(config: &Config) -> Value {
    let metadata = metadata::paths(config).map(|(api, path)| {
        let line = api.origin.line;
        let mut row = json!({
            "api": api.name,
            "method": "GET",
            "path": path,
            "line": line,
            "auth": PUBLIC,
            "public": true,
            "auth_from": { "said_at": "api", "line": line },
            "target": metadata::TARGET,
        });
        add_hosts(&mut row, api);
        row
    });
    routes(config)
        .map(|(api, route)| {
            let (from, line) = match route.auth_from {
                AuthFrom::Route(origin) => ("route", origin.line),
                AuthFrom::Api(origin) => ("api", origin.line),
            };
            let mut row = json!({
                "api": api.name,
                "method": route.methods.to_string(),
                "path": route.path.to_string(),
                "line": route.origin.line,
                "auth": describe_auth(config, &route.auth),
                "public": route.auth.anonymous,
                "auth_from": { "said_at": from, "line": line },
                "target": describe_target(&route.target),
            });
            add_hosts(&mut row, api);
            if let Some(policy) = anonymous_policy(config, route) {
                row["anonymous_policy"] = policy.into();
            }
            row
        })
        .chain(metadata)
        .collect()
}

fn routes(config: &Config) -> impl Iterator<Item = (&Api, &Route)> {
    config
        .apis
        .iter()
        .flat_map(|api| api.routes.iter().map(move |route| (api, route)))
}

/// The path, and at which hosts if not at all of them.
fn describe_path(api: &Api, path: &str) -> String {
    if api.hosts.is_empty() {
        return path.to_owned();
    }
    format!("{path} at {}", hosts(api).join(", "))
}

fn hosts(api: &Api) -> Vec<String> {
    api.hosts.iter().map(ToString::to_string).collect()
}

fn add_hosts(row: &mut Value, api: &Api) {
    if !api.hosts.is_empty() {
        row["hosts"] = hosts(api).into();
    }
}

/// Who may call, and by which policy those without a token.
fn describe_callers(config: &Config, route: &Route) -> String {
    let auth = describe_auth(config, &route.auth);
    match anonymous_policy(config, route) {
        Some(policy) => format!("{auth} by policy {policy}"),
        None => auth,
    }
}

fn anonymous_policy<'c>(config: &'c Config, route: &Route) -> Option<&'c str> {
    let policy = config.policies.get(route.anonymous_policy?)?;
    Some(&policy.name)
}

/// `user`, `user: read:reports`, `one and other`, `one or other`, `none`.
pub(crate) fn describe_auth(config: &Config, auth: &Auth) -> String {
    let need = |need: &Requirement| {
        let name = &config.authorizers[need.authorizer].name;
        if need.scopes.is_empty() {
            name.clone()
        } else {
            format!("{name}: {}", need.scopes.join(" "))
        }
    };
    let all = |needs: &Vec<Requirement>| needs.iter().map(need).collect::<Vec<_>>().join(" and ");
    let mut ways: Vec<String> = auth.alternatives.iter().map(all).collect();
    if let Some(signed) = auth.signed.and_then(|index| config.signed.get(index)) {
        ways.push(signed.name.clone());
    }
    if auth.anonymous {
        ways.push(if ways.is_empty() { PUBLIC } else { "none" }.to_owned());
    }
    ways.join(" or ")
}

fn describe_target(target: &Target) -> String {
    match target {
        Target::Upstream(url) => format!("→ {url}"),
        Target::Function(function) => format!("λ {function}"),
        Target::Respond(template) => {
            let text: String = template
                .parts
                .iter()
                .map(|part| match part {
                    TemplatePart::Text(text) => text.clone(),
                    TemplatePart::Parameter(name) => format!("{{{name}}}"),
                })
                .collect();
            format!("“{}”", shortened(&text.escape_debug().to_string()))
        }
    }
}

fn shortened(text: &str) -> String {
    const MOST: usize = 40;
    match text.char_indices().nth(MOST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

fn describe_origin(route: &Route) -> String {
    match route.auth_from {
        AuthFrom::Route(_) => format!("{}", route.origin.line),
        AuthFrom::Api(auth) if auth.line == route.origin.line => format!("{}", route.origin.line),
        AuthFrom::Api(auth) => format!("{}, auth from line {}", route.origin.line, auth.line),
    }
}

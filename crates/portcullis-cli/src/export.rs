//! `portcullis export openapi`: an API of the file as an `OpenAPI` document, which `import` reads too.

use portcullis_config::{
    Api, Auth, AuthorizerKind, Check, Config, HostPattern, JwtAuthorizer, KeySource, Method,
    Requirement, Route, Segment, SignedAuthorizer,
};
use serde_json::{Map, Value, json};

use crate::arguments::{Export, ExportOpenApi, ExportTo};
use crate::project::Project;
use crate::routes;
use crate::terminal::{self, Failure};

/// The methods that a path of `OpenAPI` 3.1 has a member for.
const METHODS: [&str; 7] = ["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH"];

/// Prints the document.
pub(crate) fn run(arguments: &Export) -> anyhow::Result<()> {
    let ExportTo::Openapi(arguments) = &arguments.to;
    let project = Project::load(&arguments.directory, "export")?;
    let api = choose(&project.config, arguments)?;
    let (document, notes) = document(&project.config, api);
    for note in &notes {
        terminal::warn(note);
    }
    terminal::print_json(&document)?;
    Ok(())
}

/// The API that is named, or the only one.
fn choose<'c>(config: &'c Config, arguments: &ExportOpenApi) -> anyhow::Result<&'c Api> {
    let names = || {
        let names = config
            .apis
            .iter()
            .map(|api| format!("`--api {}`", api.name));
        format!("say {}", names.collect::<Vec<_>>().join(" or "))
    };
    match (&arguments.api, config.apis.as_slice()) {
        (None, []) => anyhow::bail!("the file has no API"),
        (None, [only]) => Ok(only),
        (None, _) => Err(Failure::with_hint("the file has several APIs", names())),
        (Some(name), apis) => apis
            .iter()
            .find(|api| api.name == *name)
            .ok_or_else(|| Failure::with_hint(format!("there is no API `{name}`"), names())),
    }
}

fn document(config: &Config, api: &Api) -> (Value, Vec<String>) {
    let mut notes = Vec::new();
    let (mut paths, mut schemes) = (Map::new(), Map::new());
    for route in &api.routes {
        let Some(member) = member(&route.methods) else {
            notes.push(format!(
                "`{} {}` is left out: OpenAPI 3.1 has no such method",
                route.methods, route.path
            ));
            continue;
        };
        let path = paths
            .entry(route.path.to_string())
            .or_insert_with(|| json!({}));
        path[member] = operation(config, route);
        if let Some(signed) = signed(config, &route.auth) {
            schemes.entry(signed.name.clone()).or_insert_with(signature);
        }
        for need in route.auth.alternatives.iter().flatten() {
            let authorizer = &config.authorizers[need.authorizer];
            let AuthorizerKind::Jwt(jwt) = &authorizer.kind;
            schemes
                .entry(authorizer.name.clone())
                .or_insert_with(|| scheme(jwt));
        }
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": { "title": api.name, "version": "1" },
        "servers": servers(config, api),
        "paths": paths,
    });
    if !schemes.is_empty() {
        document["components"] = json!({ "securitySchemes": schemes });
    }
    (document, notes)
}

/// The hosts of the API, or where callers reach the gateway.
fn servers(config: &Config, api: &Api) -> Value {
    let url = config.server.url.as_ref();
    let scheme = url.map_or("https", |url| url.scheme());
    let named: Vec<Value> = api
        .hosts
        .iter()
        .filter_map(|host| match host {
            HostPattern::Exact(name) => Some(json!({ "url": format!("{scheme}://{name}") })),
            HostPattern::Below(_) => None,
        })
        .collect();
    if !named.is_empty() {
        return named.into();
    }
    let server = url.map_or("/", |url| url.as_str().trim_end_matches('/'));
    json!([{ "url": server }])
}

/// The member of a path that stands for the method; every method has Amazon's name.
fn member(method: &Method) -> Option<String> {
    match method {
        Method::Any => Some("x-amazon-apigateway-any-method".to_owned()),
        Method::One(name) => METHODS
            .contains(&name.as_str())
            .then(|| name.to_ascii_lowercase()),
    }
}

fn operation(config: &Config, route: &Route) -> Value {
    let parameters: Vec<Value> = route
        .path
        .segments
        .iter()
        .filter_map(|segment| match segment {
            Segment::Literal(_) => None,
            Segment::Parameter(name) | Segment::Remainder(name) => Some(json!({
                "name": name, "in": "path", "required": true, "schema": { "type": "string" },
            })),
        })
        .collect();
    let mut operation = json!({
        "summary": routes::describe_auth(config, &route.auth),
        "security": security(config, &route.auth),
    });
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    operation
}

/// Always there, so that nothing is public by an omission.
fn security(config: &Config, auth: &Auth) -> Value {
    let need = |need: &Requirement| {
        let name = config.authorizers[need.authorizer].name.clone();
        (name, json!(need.scopes))
    };
    let alternatives = auth.alternatives.iter();
    let mut security: Vec<Map<String, Value>> = alternatives
        .map(|needs| needs.iter().map(need).collect())
        .collect();
    if let Some(signed) = signed(config, auth) {
        security.push(Map::from_iter([(signed.name.clone(), json!([]))]));
    }
    if auth.anonymous && !security.is_empty() {
        security.push(Map::new());
    }
    json!(security)
}

fn signed<'c>(config: &'c Config, auth: &Auth) -> Option<&'c SignedAuthorizer> {
    config.signed.get(auth.signed?)
}

/// An AWS signature in `Authorization`, as Amazon's gateway has it.
fn signature() -> Value {
    json!({
        "type": "apiKey", "name": "Authorization", "in": "header",
        "x-amazon-apigateway-authtype": "awsSigv4",
    })
}

/// A token in `Authorization`; whose it is stands in the members that Google's gateway has for it.
fn scheme(jwt: &JwtAuthorizer) -> Value {
    let mut scheme = json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT" });
    let (Check::Is(issuer), Check::Is(audience)) = (&jwt.issuer, &jwt.audience) else {
        return scheme;
    };
    let issuer = issuer.as_written();
    if jwt.keys == KeySource::Discovery {
        let address = issuer.trim_end_matches('/');
        scheme = json!({
            "type": "openIdConnect",
            "openIdConnectUrl": format!("{address}/.well-known/openid-configuration"),
        });
    }
    if let KeySource::Jwks(url) = &jwt.keys {
        scheme["x-google-jwks_uri"] = url.as_str().into();
    }
    // The audiences are one text there.
    if !audience.iter().any(|name| name.contains(',')) {
        scheme["x-google-issuer"] = issuer.into();
        scheme["x-google-audiences"] = audience.join(",").into();
    }
    scheme
}

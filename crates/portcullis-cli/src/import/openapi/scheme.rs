//! A security scheme as an authorizer. What is not a JSON Web Token of a known issuer is refused.

use serde_json::Value;

use super::super::Problem;
use super::super::document::{resolve, step};
use super::super::draft::{Entries, text, texts};
use super::super::tyk;
use crate::arguments::OpenApi;

/// An authorizer, and what is to be said about it.
pub(super) struct Found {
    pub(super) entries: Entries,
    pub(super) notes: Vec<String>,
}

pub(super) fn read(
    document: &Value,
    options: &OpenApi,
    name: &str,
    pointer: &str,
) -> Result<Found, Problem> {
    let unknown = || Problem::new(pointer, format!("there is no security scheme `{name}`"));
    let at = format!("/components/securitySchemes{}", step(name));
    let scheme = document.pointer(&at).ok_or_else(unknown)?;
    let scheme = resolve(document, scheme).ok_or_else(unknown)?;
    check_kind(scheme, name, &at)?;
    if let Some(own) = options.authorizers.iter().find(|own| own.name == name) {
        let entries = issued(&own.issuer, [own.audience.as_str()]);
        return Ok(Found {
            entries,
            notes: Vec::new(),
        });
    }
    if let Some(amazon) = scheme.get("x-amazon-apigateway-authorizer") {
        let entries = of_amazon(amazon, &format!("{at}/x-amazon-apigateway-authorizer"))?;
        return Ok(Found {
            entries,
            notes: Vec::new(),
        });
    }
    if let Some(issuer) = scheme.get("x-google-issuer") {
        let entries = of_google(scheme, issuer, &at)?;
        return Ok(Found {
            entries,
            notes: Vec::new(),
        });
    }
    let tyk = format!(
        "/x-tyk-api-gateway/server/authentication/securitySchemes{}",
        step(name)
    );
    if let Some(scheme) = document.pointer(&tyk) {
        let (entries, notes) = tyk::scheme(scheme, &tyk)?;
        return Ok(Found { entries, notes });
    }
    let issuer = scheme.get("openIdConnectUrl").and_then(Value::as_str);
    let message =
        format!("the document does not say whose tokens `{name}` takes, and for whom they are");
    let issuer = issuer.unwrap_or("https://YOUR-ISSUER/");
    let hint = format!("say it: `--authorizer '{name}={issuer},YOUR-AUDIENCE'`");
    Err(Problem::new(at, message).hint(hint))
}

/// Only schemes that send a token in the `Authorization` header.
fn check_kind(scheme: &Value, name: &str, at: &str) -> Result<(), Problem> {
    let of = |member: &str| {
        scheme
            .get(member)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let bearer = || of("scheme").eq_ignore_ascii_case("bearer");
    match of("type") {
        "oauth2" | "openIdConnect" => Ok(()),
        "http" if bearer() => Ok(()),
        kind => {
            let kind = if kind == "http" { of("scheme") } else { kind };
            let message = format!("`{name}` is of the kind `{kind}`, which is no JSON Web Token");
            let hint = "only `oauth2`, `openIdConnect` and `http` with `bearer` can be imported";
            Err(Problem::new(at, message).hint(hint))
        }
    }
}

fn issued<'t>(issuer: &str, audience: impl IntoIterator<Item = &'t str>) -> Entries {
    Entries::default()
        .with("issuer", text(issuer))
        .with("audience", texts(audience))
}

/// `x-amazon-apigateway-authorizer`, of the type `jwt`.
fn of_amazon(extension: &Value, at: &str) -> Result<Entries, Problem> {
    if extension.get("type").and_then(Value::as_str) != Some("jwt") {
        return Err(Problem::new(
            at,
            "only authorizers of the type `jwt` can be imported",
        ));
    }
    let source = extension.get("identitySource").and_then(Value::as_str);
    if source.is_some_and(|source| !source.eq_ignore_ascii_case("$request.header.Authorization")) {
        let message = "the token is read from the `Authorization` header only";
        return Err(Problem::new(format!("{at}/identitySource"), message));
    }
    let issuer = extension.pointer("/jwtConfiguration/issuer");
    let audience = extension.pointer("/jwtConfiguration/audience");
    let audience: Option<Vec<&str>> = audience
        .and_then(Value::as_array)
        .and_then(|list| list.iter().map(Value::as_str).collect());
    match (issuer.and_then(Value::as_str), audience) {
        (Some(issuer), Some(audience)) if !audience.is_empty() => Ok(issued(issuer, audience)),
        _ => Err(Problem::new(
            format!("{at}/jwtConfiguration"),
            "a text `issuer` and a list `audience` are needed",
        )),
    }
}

/// `x-google-issuer`, `x-google-jwks_uri` and `x-google-audiences`, which is one text with commas.
fn of_google(scheme: &Value, issuer: &Value, at: &str) -> Result<Entries, Problem> {
    let of = |member: &str| scheme.get(member).and_then(Value::as_str);
    let (Some(issuer), Some(audiences)) = (issuer.as_str(), of("x-google-audiences")) else {
        return Err(Problem::new(
            at,
            "texts `x-google-issuer` and `x-google-audiences` are needed",
        ));
    };
    let mut entries = issued(issuer, audiences.split(',').map(str::trim));
    if let Some(jwks) = of("x-google-jwks_uri") {
        entries.set("jwks", text(jwks));
    }
    Ok(entries)
}

//! A security scheme as an authorizer. What is not a JSON Web Token of a known issuer is refused.

use serde_json::Value;
use toml_edit::Array;

use super::super::Problem;
use super::super::document::{resolve, step};
use super::super::draft::{Entries, text, texts};
use super::super::tyk;
use crate::arguments::OpenApi;

/// An authorizer, and what is to be said about it.
pub(super) struct Found {
    pub(super) entries: Entries,
    pub(super) notes: Vec<String>,
    /// Whether one of the scopes that an operation names is enough.
    pub(super) any_scope: bool,
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
            any_scope: false,
        });
    }
    if let Some(amazon) = scheme.get("x-amazon-apigateway-authorizer") {
        let (entries, notes) = of_amazon(amazon, &format!("{at}/x-amazon-apigateway-authorizer"))?;
        return Ok(Found {
            entries,
            notes,
            any_scope: true,
        });
    }
    if let Some(issuer) = scheme.get("x-google-issuer") {
        let entries = of_google(scheme, issuer, &at)?;
        return Ok(Found {
            entries,
            notes: Vec::new(),
            any_scope: false,
        });
    }
    let tyk = format!(
        "/x-tyk-api-gateway/server/authentication/securitySchemes{}",
        step(name)
    );
    if let Some(scheme) = document.pointer(&tyk) {
        let (entries, notes) = tyk::scheme(scheme, &tyk)?;
        return Ok(Found {
            entries,
            notes,
            any_scope: false,
        });
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
fn of_amazon(extension: &Value, at: &str) -> Result<(Entries, Vec<String>), Problem> {
    if extension.get("type").and_then(Value::as_str) != Some("jwt") {
        return Err(Problem::new(
            at,
            "only authorizers of the type `jwt` can be imported",
        ));
    }
    let (source, notes) = amazon_source(extension, at)?;
    let issuer = extension.pointer("/jwtConfiguration/issuer");
    let audience = extension.pointer("/jwtConfiguration/audience");
    let audience: Option<Vec<&str>> = audience
        .and_then(Value::as_array)
        .and_then(|list| list.iter().map(Value::as_str).collect());
    match (issuer.and_then(Value::as_str), audience) {
        (Some(issuer), Some(audience)) if !audience.is_empty() => {
            let mut entries = issued(issuer, audience);
            if let Some(source) = source {
                entries.set("sources", Array::from_iter([source.inline()]));
            }
            Ok((entries, notes))
        }
        _ => Err(Problem::new(
            format!("{at}/jwtConfiguration"),
            "a text `issuer` and a list `audience` are needed",
        )),
    }
}

/// Where the token is, unless it is in `Authorization`: a header or a parameter of the query.
fn amazon_source(extension: &Value, at: &str) -> Result<(Option<Entries>, Vec<String>), Problem> {
    let at = format!("{at}/identitySource");
    let source = match extension.get("identitySource") {
        None => return Ok((None, Vec::new())),
        // Documents have both forms; several sources are for another type of authorizer.
        Some(Value::Array(list)) if list.len() == 1 => list[0].as_str(),
        Some(source) => source.as_str(),
    };
    let place = source.and_then(|source| source.strip_prefix("$request."));
    match place.and_then(|place| place.split_once('.')) {
        Some(("header", name)) if name.eq_ignore_ascii_case("authorization") => {
            Ok((None, Vec::new()))
        }
        Some(("header", name)) if is_plain(name) => {
            let name = name.to_ascii_lowercase();
            let note =
                format!("the header `{name}` holds the token alone: `Bearer` before it is refused");
            let source = Entries::default().with("header", text(&name));
            Ok((Some(source), vec![note]))
        }
        Some(("querystring", name)) if is_plain(name) => {
            let source = Entries::default().with("query", text(name));
            Ok((Some(source), Vec::new()))
        }
        _ => {
            let message = "this place of the token has no counterpart";
            let hint =
                "only `$request.header.NAME` and `$request.querystring.NAME` can be imported";
            Err(Problem::new(at, message).hint(hint))
        }
    }
}

fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !name.is_empty() && name.bytes().all(plain)
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

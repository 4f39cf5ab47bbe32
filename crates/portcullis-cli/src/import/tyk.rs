//! Tyk: an API definition with its policies.

mod oas;
mod policy;
mod scheme;

use std::collections::BTreeSet;

use serde_json::Value;

pub(super) use self::scheme::of_openapi as scheme;
use super::draft::{Api, Draft, Entries, slug, text};
use super::{Problem, cors};
use crate::arguments::Tyk;

/// Ways to authenticate that are no JSON Web Token.
const OTHER_AUTH: [&str; 8] = [
    "use_oauth2",
    "use_standard_auth",
    "use_basic_auth",
    "use_openid",
    "use_mutual_tls_auth",
    "use_go_plugin_auth",
    "enable_signature_checking",
    "enable_coprocess_auth",
];

/// Protections that have no counterpart: without them, the API would be more open than it was.
const PROTECTIONS: [&str; 3] = [
    "/enable_ip_whitelisting",
    "/enable_ip_blacklisting",
    "/jwt_client_base_field",
];

/// Conveniences that have no counterpart.
const CONVENIENCES: [&str; 5] = [
    "/cache_options/enable_cache",
    "/custom_middleware_bundle",
    "/enable_context_vars",
    "/response_processors/0",
    "/proxy/enable_load_balancing",
];

/// Drafts the file for one definition; policies are those that give access to it.
pub(super) fn import(
    api: &Value,
    policies: Option<&Value>,
    options: &Tyk,
) -> Result<Draft, Vec<Problem>> {
    if api.get("openapi").is_some() {
        return oas::import(api, policies, options);
    }
    let mut problems = Vec::new();
    let mut draft = Draft::default();
    check(api, options, &mut draft, &mut problems);
    let name = slug(
        member(api, "slug")
            .or(member(api, "name"))
            .unwrap_or("main"),
    );
    let ids = [member(api, "api_id"), member(api, "id")];
    let known = policy::read(policies, &ids, &name, options, &mut draft, &mut problems);
    let drafted = draft_api(api, &name, &known, &mut draft);
    match drafted {
        Ok(drafted) if problems.is_empty() => {
            draft.apis.insert(name, drafted);
            Ok(draft)
        }
        Ok(_) => Err(problems),
        Err(problem) => {
            problems.push(problem);
            Err(problems)
        }
    }
}

/// Refuses what protects and has no counterpart, and notes what is merely lost.
fn check(api: &Value, options: &Tyk, draft: &mut Draft, problems: &mut Vec<Problem>) {
    let given_up = |field: &str| options.without.iter().any(|own| own == field);
    let mut refuse = |pointer: String, message: &str| {
        let field = pointer
            .trim_start_matches('/')
            .split('/')
            .next()
            .unwrap_or_default();
        if !given_up(field) {
            let hint = format!("say `--without {field}` to do without it");
            problems.push(Problem::new(pointer.clone(), message.to_owned()).hint(hint));
        }
    };
    for pointer in PROTECTIONS {
        if api.pointer(pointer).is_some_and(is_set) {
            refuse(pointer.to_owned(), "this protection has no counterpart");
        }
    }
    let versions = api
        .pointer("/version_data/versions")
        .and_then(Value::as_object);
    for (version, data) in versions.into_iter().flatten() {
        let used = data.get("use_extended_paths").is_some_and(is_set);
        for list in ["white_list", "black_list"] {
            if used
                && data
                    .pointer(&format!("/extended_paths/{list}"))
                    .is_some_and(is_set)
            {
                let pointer = format!("/version_data/versions/{version}/extended_paths/{list}");
                refuse(
                    pointer,
                    "a list of paths has no counterpart: write the routes by hand",
                );
            }
        }
        if used && data.pointer("/extended_paths/ignored").is_some_and(is_set) {
            draft.notes.push(
                "paths without authentication are left out: a token is needed there too".to_owned(),
            );
        }
    }
    if versions.is_some_and(|versions| versions.len() > 1) {
        refuse(
            "/version_data/versions".to_owned(),
            "several versions cannot be imported",
        );
    }
    if api.get("active") == Some(&Value::Bool(false)) {
        refuse("/active".to_owned(), "the API is not active");
    }
    for pointer in CONVENIENCES {
        if api.pointer(pointer).is_some_and(is_set) {
            draft
                .notes
                .push(format!("#{pointer} has no counterpart and is left out"));
        }
    }
}

fn draft_api(
    api: &Value,
    name: &str,
    policies: &BTreeSet<String>,
    draft: &mut Draft,
) -> Result<Api, Problem> {
    let mut entries = Entries::default();
    let listen = api
        .pointer("/proxy/listen_path")
        .and_then(Value::as_str)
        .unwrap_or("/");
    if listen != "/" {
        entries.set("base", text(listen));
        if api.pointer("/proxy/strip_listen_path").is_some_and(is_set) {
            entries.set("strip_base", true);
        }
    }
    let target = api.pointer("/proxy/target_url").and_then(Value::as_str);
    let target = target.ok_or_else(|| Problem::new("/proxy/target_url", "there is no upstream"))?;
    entries.set("upstream", text(target));
    entries.set("auth", text(&draft_auth(api, name, policies, draft)?));
    if !api.get("strip_auth_data").is_some_and(is_set) {
        entries.set("token", text("keep"));
    }
    entries.set("errors", text("tyk"));
    let limit = |name: &str| api.pointer(&format!("/global_rate_limit/{name}"))?.as_f64();
    if let Some(count) = limit("rate").filter(|count| *count > 0.0) {
        let written = rate(Some(count), limit("per")).ok_or_else(|| {
            let message = "this is not so many requests in a time";
            Problem::new("/global_rate_limit", message)
        })?;
        entries.set("rate", text(&written));
    }
    if api.pointer("/CORS/enable").is_some_and(is_set) {
        let (cors, notes) = cors::of_classic(&api["CORS"]);
        if let Some(cors) = cors {
            entries.set("cors", cors);
        }
        draft.notes.extend(notes);
    }
    Ok(Api {
        entries,
        routes: Vec::new(),
    })
}

/// So many requests in so many seconds: `10/1m`.
fn rate(count: Option<f64>, per: Option<f64>) -> Option<String> {
    let count = count.filter(|count| *count >= 1.0 && count.fract() == 0.0)?;
    let per = per.filter(|per| *per > 0.0)?;
    Some(format!("{count}/{}", policy::duration(per)))
}

/// The name that `auth` refers to; the authorizer is drafted.
fn draft_auth(
    api: &Value,
    name: &str,
    policies: &BTreeSet<String>,
    draft: &mut Draft,
) -> Result<String, Problem> {
    let other = OTHER_AUTH
        .iter()
        .find(|&&field| api.get(field).is_some_and(is_set));
    if let Some(field) = other {
        let message =
            "this way to authenticate has no counterpart: only `enable_jwt` can be imported";
        return Err(Problem::new(format!("/{field}"), message));
    }
    match (
        api.get("use_keyless").is_some_and(is_set),
        api.get("enable_jwt").is_some_and(is_set),
    ) {
        (true, false) => Ok("none".to_owned()),
        (false, true) => {
            let (entries, notes) = scheme::of_classic(api, policies)?;
            draft.notes.extend(notes);
            draft.authorizers.insert(name.to_owned(), entries);
            Ok(name.to_owned())
        }
        (true, true) => Err(Problem::new(
            "/use_keyless",
            "the API has a token check and none",
        )),
        (false, false) => Err(Problem::new(
            "/enable_jwt",
            "the API does not say who may call it",
        )),
    }
}

fn member<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// Whether a field says something: neither absent nor false, zero or empty.
fn is_set(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(object) => !object.is_empty(),
    }
}

use portcullis_config::AllowedOrigin;
use serde_json::Value;
use toml_edit::Value as Toml;

use crate::import::draft::{Entries, text, texts};

/// What Tyk allows where a definition lists nothing.
const METHODS: [&str; 3] = ["GET", "POST", "HEAD"];
const HEADERS: [&str; 4] = ["origin", "accept", "content-type", "x-requested-with"];
/// What browsers remember at most.
const LONGEST_SECONDS: u64 = 24 * 60 * 60;

/// The counterpart of a definition's `CORS`, and notes on what of it has none.
///
/// Nothing becomes more open than it was: what cannot be said here is left out.
pub(super) fn draft(cors: &Value) -> (Option<Toml>, Vec<String>) {
    let mut notes = Vec::new();
    if flag(cors, "options_passthrough") {
        notes.push(
            "the CORS settings are left out: with `options_passthrough` they are the upstream's"
                .to_owned(),
        );
        return (None, notes);
    }
    let mut entries = Entries::default();
    let origins = list(cors, "allowed_origins");
    let is_any = origins.is_empty() || origins.contains(&"*");
    if is_any {
        entries.set("origins", text("any"));
    } else {
        let (good, bad): (Vec<&str>, Vec<&str>) = origins
            .into_iter()
            .partition(|origin| AllowedOrigin::parse(origin).is_ok());
        notes.extend(bad.iter().map(|origin| {
            format!(
                "the CORS origin `{}` has no counterpart and is left out",
                origin.escape_debug()
            )
        }));
        if good.is_empty() {
            return (None, notes);
        }
        entries.set("origins", texts(good));
    }
    let methods = or_default(list(cors, "allowed_methods"), &METHODS);
    let methods: Vec<String> = methods
        .iter()
        .map(|name| name.to_ascii_uppercase())
        .collect();
    if !methods.iter().any(|name| name == "*") {
        entries.set("methods", texts(methods.iter().map(String::as_str)));
    }
    let headers = or_default(list(cors, "allowed_headers"), &HEADERS);
    if !headers.contains(&"*") {
        entries.set("headers", texts(headers));
    }
    let exposed = list(cors, "exposed_headers");
    if !exposed.is_empty() {
        entries.set("expose", texts(exposed));
    }
    if flag(cors, "allow_credentials") {
        if is_any {
            notes.push(
                "`allow_credentials` is left out: cookies cannot be had for any site".to_owned(),
            );
        } else {
            entries.set("credentials", true);
        }
    }
    let seconds = cors
        .get("max_age")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    if seconds > 0 {
        let seconds = seconds.min(LONGEST_SECONDS);
        entries.set("max_age", text(&format!("{seconds}s")));
    }
    (Some(entries.inline().into()), notes)
}

fn flag(cors: &Value, name: &str) -> bool {
    cors.get(name).and_then(Value::as_bool).unwrap_or_default()
}

fn list<'v>(cors: &'v Value, name: &str) -> Vec<&'v str> {
    let list = cors.get(name).and_then(Value::as_array);
    let texts = list.into_iter().flatten().filter_map(Value::as_str);
    texts.filter(|text| !text.is_empty()).collect()
}

fn or_default<'v>(list: Vec<&'v str>, default: &[&'static str]) -> Vec<&'v str> {
    if list.is_empty() {
        default.to_vec()
    } else {
        list
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_allowed_in_tyk_is_allowed_here_and_nothing_more() {
        for (name, cors, expected, noted) in [
            (
                "nothing said",
                json!({}),
                r#"{ origins = "any", methods = ["GET", "POST", "HEAD"], headers = ["origin", "accept", "content-type", "x-requested-with"] }"#,
                &[][..],
            ),
            (
                "everything",
                json!({
                    "allowed_origins": ["*"], "allowed_methods": ["get", "put"], "allowed_headers": ["*"],
                    "exposed_headers": ["X-Total"], "allow_credentials": true, "max_age": 600,
                }),
                r#"{ origins = "any", methods = ["GET", "PUT"], expose = ["X-Total"], max_age = "600s" }"#,
                &["`allow_credentials` is left out: cookies cannot be had for any site"],
            ),
            (
                "origins",
                json!({
                    "allowed_origins": ["https://app.example", "https://*.example.com", "http*://b.example"],
                    "allowed_headers": ["Authorization"], "allow_credentials": true, "max_age": 1_000_000,
                }),
                r#"{ origins = ["https://app.example", "https://*.example.com"], methods = ["GET", "POST", "HEAD"], headers = ["Authorization"], credentials = true, max_age = "86400s" }"#,
                &["the CORS origin `http*://b.example` has no counterpart and is left out"],
            ),
        ] {
            let (drafted, notes) = draft(&cors);
            assert_eq!(drafted.unwrap().to_string().trim(), expected, "{name}");
            assert_eq!(notes, noted, "{name}");
        }
        for cors in [
            json!({ "options_passthrough": true }),
            json!({ "allowed_origins": ["http*://b.example"] }),
        ] {
            let (drafted, notes) = draft(&cors);
            assert!(drafted.is_none(), "{cors}");
            assert_eq!(notes.len(), 1, "{cors}");
        }
    }
}

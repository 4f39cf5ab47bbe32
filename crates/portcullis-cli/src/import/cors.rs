use portcullis_config::AllowedOrigin;
use serde_json::Value;
use toml_edit::Value as Toml;

use super::draft::{Entries, text, texts};

/// What Tyk allows where a definition lists nothing; the methods are those no browser asks about.
const METHODS: [&str; 3] = ["GET", "POST", "HEAD"];
const HEADERS: [&str; 4] = ["origin", "accept", "content-type", "x-requested-with"];

/// How a product spells its settings, and what it means where it says nothing.
struct Spelling {
    origins: &'static str,
    methods: &'static str,
    headers: &'static str,
    expose: &'static str,
    credentials: &'static str,
    max_age: &'static str,
    passthrough: &'static str,
    default_headers: &'static [&'static str],
    /// Whether every site is allowed where none is listed.
    is_open: bool,
}

const CLASSIC: Spelling = Spelling {
    origins: "allowed_origins",
    methods: "allowed_methods",
    headers: "allowed_headers",
    expose: "exposed_headers",
    credentials: "allow_credentials",
    max_age: "max_age",
    passthrough: "options_passthrough",
    default_headers: &HEADERS,
    is_open: true,
};

const TYK: Spelling = Spelling {
    origins: "allowedOrigins",
    methods: "allowedMethods",
    headers: "allowedHeaders",
    expose: "exposedHeaders",
    credentials: "allowCredentials",
    max_age: "maxAge",
    passthrough: "optionsPassthrough",
    ..CLASSIC
};

const AMAZON: Spelling = Spelling {
    origins: "allowOrigins",
    methods: "allowMethods",
    headers: "allowHeaders",
    expose: "exposeHeaders",
    // One that browsers never ask about.
    default_headers: &["accept"],
    is_open: false,
    ..TYK
};
/// What browsers remember at most.
const LONGEST_SECONDS: u64 = 24 * 60 * 60;

/// The counterpart of the `CORS` of a Tyk definition, and notes on what of it has none.
///
/// Nothing becomes more open than it was: what cannot be said here is left out.
pub(super) fn of_classic(cors: &Value) -> (Option<Toml>, Vec<String>) {
    draft(cors, &CLASSIC)
}

/// That of `x-tyk-api-gateway` or `x-amazon-apigateway-cors`, where a document has one.
pub(super) fn of_openapi(document: &Value) -> (Option<Toml>, Vec<String>) {
    let tyk = document.pointer("/x-tyk-api-gateway/middleware/global/cors");
    let amazon = document.get("x-amazon-apigateway-cors");
    match (tyk.filter(|cors| flag(cors, "enabled")), amazon) {
        (Some(cors), _) => draft(cors, &TYK),
        (None, Some(cors)) => draft(cors, &AMAZON),
        (None, None) => (None, Vec::new()),
    }
}

fn draft(cors: &Value, spelling: &Spelling) -> (Option<Toml>, Vec<String>) {
    let mut notes = Vec::new();
    if flag(cors, spelling.passthrough) {
        let name = spelling.passthrough;
        notes.push(format!(
            "the CORS settings are left out: with `{name}` they are the upstream's"
        ));
        return (None, notes);
    }
    let mut entries = Entries::default();
    let origins = list(cors, spelling.origins);
    let is_any = (origins.is_empty() && spelling.is_open) || origins.contains(&"*");
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
    let methods = or_default(list(cors, spelling.methods), &METHODS);
    let methods: Vec<String> = methods
        .iter()
        .map(|name| name.to_ascii_uppercase())
        .collect();
    if !methods.iter().any(|name| name == "*") {
        entries.set("methods", texts(methods.iter().map(String::as_str)));
    }
    let headers = or_default(list(cors, spelling.headers), spelling.default_headers);
    if !headers.contains(&"*") {
        entries.set("headers", texts(headers));
    }
    let exposed = list(cors, spelling.expose);
    if exposed.contains(&"*") {
        notes.push(
            "answers' headers are left out that are not named: `expose` lists each".to_owned(),
        );
    } else if !exposed.is_empty() {
        entries.set("expose", texts(exposed));
    }
    if flag(cors, spelling.credentials) {
        if is_any {
            notes.push(format!(
                "`{}` is left out: cookies cannot be had for any site",
                spelling.credentials
            ));
        } else {
            entries.set("credentials", true);
        }
    }
    let seconds = cors
        .get(spelling.max_age)
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
            let (drafted, notes) = of_classic(&cors);
            assert_eq!(drafted.unwrap().to_string().trim(), expected, "{name}");
            assert_eq!(notes, noted, "{name}");
        }
        for cors in [
            json!({ "options_passthrough": true }),
            json!({ "allowed_origins": ["http*://b.example"] }),
        ] {
            let (drafted, notes) = of_classic(&cors);
            assert!(drafted.is_none(), "{cors}");
            assert_eq!(notes.len(), 1, "{cors}");
        }
    }

    #[test]
    fn extensions_of_openapi_say_the_same_in_their_own_words() {
        let settings = json!({
            "enabled": true, "allowedOrigins": ["https://a.example"], "allowedMethods": ["PUT"],
            "allowedHeaders": ["*"], "exposedHeaders": ["*"],
        });
        for (name, document, expected, noted) in [
            ("neither", json!({}), None, 0),
            (
                "Tyk's",
                json!({ "x-tyk-api-gateway": { "middleware": { "global": { "cors": settings } } } }),
                Some(r#"{ origins = ["https://a.example"], methods = ["PUT"] }"#),
                1,
            ),
            (
                "Tyk's, switched off",
                json!({ "x-tyk-api-gateway": { "middleware": { "global": { "cors": { "allowedOrigins": ["*"] } } } } }),
                None,
                0,
            ),
            (
                "Amazon's",
                json!({ "x-amazon-apigateway-cors": { "allowOrigins": ["*"], "allowMethods": ["*"], "maxAge": 5 } }),
                Some(r#"{ origins = "any", headers = ["accept"], max_age = "5s" }"#),
                0,
            ),
            (
                "Amazon's, for nobody",
                json!({ "x-amazon-apigateway-cors": {} }),
                None,
                0,
            ),
        ] {
            let (drafted, notes) = of_openapi(&document);
            let drafted = drafted.map(|cors| cors.to_string());
            assert_eq!(drafted.as_deref().map(str::trim), expected, "{name}");
            assert_eq!(notes.len(), noted, "{name}: {notes:?}");
        }
    }
}

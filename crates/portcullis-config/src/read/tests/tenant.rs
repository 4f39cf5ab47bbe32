use serde_json::{Map, Value, json};

use super::*;
use crate::{ClaimSource, CustomClaim, ErrorDialect, Grant, RefreshTokens};

const WHOLE: &str = r#"
[tenant]
https = "127.0.0.1:4443"
issuer = "https://localhost:4443"
aliases = ["Portcullis", "host.docker.internal"]
error_dialect = "rfc6749"
default_audience = "https://expenses-api"
oidc_logout = false
logout_prompt = false
logout_urls = ["http://localhost:3000"]
[[tenant.api]]
identifier = "https://expenses-api"
name = "Expenses"
permissions = { "read:reports" = "Read your reports", "write:reports" = "Write them" }
token_lifetime = "1h"
token_lifetime_for_web = "1m"
token_dialect = "rfc9068_profile_authz"
rbac = false
offline_access = false
skip_consent = true
[[tenant.role]]
name = "accountant"
description = "Reads all"
permissions = { "https://expenses-api" = ["read:reports"] }
[[tenant.user]]
email = "ada@example.com"
password = "p"
name = "Ada"
email_verified = false
blocked = true
roles = ["accountant"]
user_metadata = { language = "en", colours = ["red", 2, 1.5, true], who = "${USER}" }
app_metadata = { plan = { size = 0x10 } }
[[tenant.application]]
name = "web"
type = "spa"
first_party = false
grants = ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"]
refresh_tokens = "non-rotating"
refresh_leeway = "60s"
[store]
database = "sqlite://tenant.db"
"#;

fn object(value: &Value) -> Option<Map<String, Value>> {
    value.as_object().cloned()
}

#[test]
fn a_tenant_is_read_whole() {
    let config = read(WHOLE).config;
    let tenant = &config.tenant;
    assert_eq!(tenant.https, Some("127.0.0.1:4443".parse().unwrap()));
    let issuer = tenant.issuer.as_ref().map(url::Url::as_str);
    assert_eq!(issuer, Some("https://localhost:4443/"));
    assert_eq!(tenant.aliases, ["portcullis", "host.docker.internal"]);
    assert_eq!(tenant.error_dialect, ErrorDialect::Rfc6749);
    assert_eq!((tenant.oidc_logout, tenant.logout_prompt), (false, false));
    assert_eq!(tenant.logout_urls, ["http://localhost:3000"]);

    let api = &tenant.apis[0];
    let described: Vec<_> = api.permissions.iter().collect();
    let texts = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    let expected = [
        texts("read:reports", "Read your reports"),
        texts("write:reports", "Write them"),
    ];
    assert!(described.into_iter().map(|(a, b)| texts(a, b)).eq(expected));
    assert_eq!(api.token_lifetime.as_secs(), 3600);
    assert_eq!(api.token_lifetime_for_web.as_secs(), 60);
    assert_eq!(api.token_dialect, "rfc9068_profile_authz");
    assert_eq!(
        (api.rbac, api.offline_access, api.skip_consent),
        (Some(false), Some(false), true)
    );
    assert_eq!(tenant.roles[0].description, "Reads all");

    let user = &tenant.users[0];
    assert_eq!(user.name.as_deref(), Some("Ada"));
    assert_eq!((user.email_verified, user.blocked), (false, true));
    assert_eq!(user.roles, ["accountant"]);
    let metadata = json!({ "language": "en", "colours": ["red", 2, 1.5, true], "who": "user" });
    assert_eq!(user.user_metadata, object(&metadata));
    assert_eq!(
        user.app_metadata,
        object(&json!({ "plan": { "size": 16 } }))
    );

    let application = &tenant.applications[0];
    assert!(!application.first_party);
    let grants = vec![Grant::AuthorizationCode, Grant::DeviceCode];
    assert_eq!(application.grants, Some(grants));
    assert_eq!(application.refresh_tokens, Some(RefreshTokens::NonRotating));
    assert_eq!(application.refresh_leeway.as_secs(), 60);
    let database = config.store.database.as_ref();
    assert_eq!(
        database.map(|url| url.expose().as_str()),
        Some("sqlite://tenant.db")
    );
}

#[test]
fn what_a_tenant_cannot_be_is_refused() {
    let tenant = |line: &str| format!("[tenant]\n{line}");
    let api = |line: &str| format!("[[tenant.api]]\nidentifier = \"a\"\n{line}");
    let user = |line: &str| format!("[[tenant.user]]\nemail = \"a@b\"\npassword = \"p\"\n{line}");
    let application =
        |line: &str| format!("[[tenant.application]]\nname = \"a\"\ntype = \"native\"\n{line}");
    let root = "`issuer` must be the root of a host, by http or https (write for example \
                `https://localhost:4443/`)";
    let host = "an entry of `aliases` must be the name of a host, without scheme and port";
    let lifetime = "`token_lifetime` must be whole seconds, from 1 second to 30 days";
    let leeway = "`refresh_leeway` must be whole seconds, up to 60";
    let database = "`database` must be `sqlite://FILE` or `postgres://USER@HOST/NAME`";
    for (text, expected) in [
        (tenant("issuer = \"https://a.example/b\""), root),
        (tenant("issuer = \"ftp://a.example/\""), root),
        (tenant("issuer = \"https://a:b@c.example/\""), root),
        (tenant("issuer = \"https://a.example/?b\""), root),
        (tenant("aliases = [\"http://a\"]"), host),
        (tenant("aliases = [\"a:1\"]"), host),
        (tenant("aliases = [\"127.0.0.1\"]"), host),
        (tenant("aliases = [\"\"]"), host),
        (api("token_lifetime = \"0s\""), lifetime),
        (api("token_lifetime = \"1500ms\""), lifetime),
        (api("token_lifetime = \"31d\""), lifetime),
        (
            api("permissions = { \"a b\" = \"c\" }"),
            "`a b` is not a scope: one word of printable ASCII",
        ),
        (
            api("[[tenant.api]]\nidentifier = \"a\""),
            "another API has the same identifier",
        ),
        (
            user("roles = [\"clerk\"]"),
            "an entry of `roles` is no role of the file (describe it in `[[tenant.role]]`)",
        ),
        (
            user("user_metadata = { since = 1979-05-27 }"),
            "`since` must be a value that JSON has, not a date",
        ),
        (
            user("user_metadata = { most = inf }"),
            "`most` must be a value that JSON has",
        ),
        (application("refresh_leeway = \"61s\""), leeway),
        (application("refresh_leeway = \"1ms\""), leeway),
        ("[store]\ndatabase = \"tenant.db\"".to_owned(), database),
        ("[store]\ndatabase = \"mysql://a/b\"".to_owned(), database),
        ("[store]\ndatabase = \"sqlite://\"".to_owned(), database),
    ] {
        let problems = problems(&text);
        let found: Vec<_> = problems
            .iter()
            .map(|line| line.splitn(3, ' ').nth(2).unwrap_or_default())
            .collect();
        assert_eq!(found, [expected], "{text}");
    }
}

#[test]
fn the_longest_and_the_shortest_are_accepted() {
    for (key, values) in [("token_lifetime", ["1s", "30d"])] {
        for value in values {
            read(&format!(
                "[[tenant.api]]\nidentifier = \"a\"\n{key} = \"{value}\"\n"
            ));
        }
    }
}

#[test]
fn a_single_page_application_says_where_its_pages_are() {
    let file = |lines: &str| format!("[[tenant.application]]\nname = \"web\"\n{lines}\n");
    let warning = "warning 3:8 an application of type `spa` without `web_origins` cannot renew its tokens \
        silently (name where its pages are served from, such as \
        `web_origins = [\"http://localhost:3000\"]`; `[]` if it never does)";
    for (lines, expected) in [
        ("type = \"spa\"", &[warning][..]),
        ("type = \"spa\"\nweb_origins = []", &[]),
        (
            "type = \"spa\"\nweb_origins = [\"http://localhost:3000\"]",
            &[],
        ),
        ("type = \"native\"", &[]),
        ("type = \"regular_web\"", &[]),
    ] {
        assert_eq!(problems(&file(lines)), expected, "{lines}");
    }
}

#[test]
fn a_claim_tells_what_the_tenant_knows_of_a_user() {
    let file = |lines: &str| format!("[tenant.claims]\n{lines}\n");
    let path = |names: &[&str]| {
        names
            .iter()
            .map(|&name| name.to_owned())
            .collect::<Vec<_>>()
    };
    for (text, expected) in [
        ("roles", ClaimSource::Roles),
        ("email", ClaimSource::Email),
        ("app_metadata", ClaimSource::AppMetadata(path(&[]))),
        (
            "app_metadata.plan.size",
            ClaimSource::AppMetadata(path(&["plan", "size"])),
        ),
        (
            "user_metadata.language",
            ClaimSource::UserMetadata(path(&["language"])),
        ),
    ] {
        let config = read(&file(&format!("\"https://expenses/a\" = \"{text}\""))).config;
        let expected = CustomClaim {
            name: "https://expenses/a".to_owned(),
            source: expected,
        };
        assert_eq!(config.tenant.claims, [expected], "{text}");
    }
    let hint = "(write `roles`, `email`, `app_metadata`, `user_metadata`, or a member such as \
                `app_metadata.plan`)";
    for text in [
        "role",
        "roles.first",
        "app_metadata.",
        "app_metadata..plan",
        "Email",
    ] {
        let expected =
            format!("error 2:5 `a` is not something that the tenant knows of a user {hint}");
        assert_eq!(
            problems(&file(&format!("a = \"{text}\""))),
            [expected],
            "{text}"
        );
    }
    for name in ["sub", "permissions", "org_id"] {
        let expected = format!(
            "error 2:{} `{name}` is a claim that tokens have by rules of their own",
            name.len() + 4
        );
        assert_eq!(
            problems(&file(&format!("{name} = \"roles\""))),
            [expected],
            "{name}"
        );
    }
}

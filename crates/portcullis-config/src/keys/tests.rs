use portcullis_token::Algorithm;

use super::*;
use crate::{Source, parse};

/// A file with `key = value` in the table of this title, and whatever else that needs.
fn file(title: &str, name: &str, value: &str) -> String {
    let user = "issuer = \"https://example.com\"\naudience = [\"a\"]\n";
    let line = format!("{name} = {value}\n");
    let authorizer = format!("[authorizer.user]\n{user}");
    let without = |text: &str| {
        let own = |other: &&str| !other.starts_with(&format!("{name} ="));
        text.split_inclusive('\n').filter(own).collect::<String>()
    };
    match title {
        "the file" if name == "policy" => format!("{line}{MAIN}"),
        "the file" => line,
        "[authorizer.NAME]" => {
            let server = "[server]\nurl = \"https://a.example\"\n";
            let rest = without(user);
            let more = match name {
                "algorithms" if value.contains("HS") => "secret = \"file:a\"\n",
                "start_wait" => "start = \"wait\"\n",
                _ => "",
            };
            format!("{STANDARD}{MAIN}[authorizer.user]\n{line}{more}{rest}{server}")
        }
        "[authorizer.NAME.introspection]" => {
            let proof = match name {
                "client_key" => "",
                "client_key_id" => "client_key = \"file:a.pem\"\n",
                _ => "client_secret = \"b\"\n",
            };
            let more = if value.contains("interval") {
                "interval = \"5s\"\n"
            } else {
                ""
            };
            let own = format!("url = \"https://a.example\"\nclient_id = \"a\"\n{proof}{more}");
            let own = without(&own);
            format!("{authorizer}[authorizer.user.introspection]\n{line}{own}")
        }
        "[authorizer.NAME.revoked]" => format!("{authorizer}[authorizer.user.revoked]\n{line}"),
        "[[authorizer.NAME.sources]]" => {
            let kind = match name {
                "prefix" => "header = \"x-a\"\n",
                "cross_site" => "cookie = \"a\"\n",
                _ => "",
            };
            format!("{authorizer}[[authorizer.user.sources]]\n{line}{kind}")
        }
        "[authorizer.NAME] of signed requests" => {
            let own = without("type = \"sigv4\"\npool = \"Auth\"\n");
            format!("{POOL}{POOL_PROVIDERS}[authorizer.iam]\n{line}{own}")
        }
        "[identity_pool.NAME]" => {
            let role = match name {
                "rule" => "[identity_pool.Auth.role.sales]\n",
                _ => "",
            };
            format!("{MAIN}{POOL}{line}{}{role}", without(POOL_PROVIDERS))
        }
        "[[identity_pool.NAME.providers]]" => {
            let own = without("domain = \"a.example\"\nclient_id = \"web\"\n");
            format!("[[identity_pool.Auth.providers]]\n{line}{own}")
        }
        "[identity_pool.NAME.role.NAME]" => {
            format!("{MAIN}{POOL}{POOL_PROVIDERS}[identity_pool.Auth.role.admin]\n{line}")
        }
        "[[identity_pool.NAME.rule]]" => {
            let own = without("claim = \"a\"\nvalue = \"b\"\nrole = \"sales\"\n");
            format!(
                "{POOL}{POOL_PROVIDERS}[identity_pool.Auth.role.sales]\n\
                 [[identity_pool.Auth.rule]]\n{line}{own}"
            )
        }
        "[api.NAME.resource]" => {
            let url = without("url = \"https://a.example\"\n");
            format!("{MAIN}[api.main.resource]\n{line}{url}")
        }
        "[authorizer.NAME.policy]" => {
            let claim = without("claim = \"pol\"\n");
            format!("{STANDARD}{MAIN}{authorizer}[authorizer.user.policy]\n{line}{claim}")
        }
        "[policy.NAME]" => {
            let apis = without("apis = [\"main\"]\n");
            format!("{MAIN}[policy.standard]\n{line}{apis}")
        }
        "[api.NAME]" if name == "anonymous_policy" => {
            format!("{GUESTS}{MAIN}{line}")
        }
        "[api.NAME]" if name == "aws_strict" => format!("{MAIN}errors = \"aws\"\n{line}"),
        "[api.NAME]" => {
            let api = without("auth = \"none\"\nupstream = \"http://localhost:1\"\n");
            format!("{authorizer}[api.main]\n{line}{api}")
        }
        "[api.NAME.cors]" => {
            let cors = without("origins = \"any\"\n");
            format!("{MAIN}[api.main.cors]\n{line}{cors}")
        }
        "[[authorizer.NAME.claim]]" => {
            let test = if ["name", "on_fail"].contains(&name) {
                "exists = true\n"
            } else {
                ""
            };
            let claim = without("name = \"a\"\n");
            format!("{authorizer}[[authorizer.user.claim]]\n{line}{test}{claim}")
        }
        "a route" if ["acr", "max_age"].contains(&name) => {
            let value = value.trim();
            format!(
                "{authorizer}[api.main]\nauth = \"user\"\n\
                 routes = {{ \"GET /\" = {{ {name} = {value}, respond = \"\" }} }}\n"
            )
        }
        "a route" if name == "anonymous_policy" => {
            let value = value.trim();
            format!("{GUESTS}{MAIN}routes = {{ \"GET /\" = {{ {name} = {value} }} }}\n")
        }
        "a route" => {
            let route = if name == "auth" {
                ", respond = \"\""
            } else {
                ""
            };
            let value = value.trim();
            format!(
                "[api.main]\nauth = \"none\"\n\
                 routes = {{ \"GET /{{name}}\" = {{ {name} = {value}{route} }} }}\n"
            )
        }
        "[function.NAME]" => {
            let handler = if ["command", "binary"].contains(&name) {
                String::new()
            } else {
                without("handler = \"functions/hello.main\"\n")
            };
            format!("{title}\n{line}{handler}").replace("NAME", "hello")
        }
        "an upstream's `health`" => {
            let path = without("path = \"/\"\n");
            format!(
                "{MAIN_AT}url = \"http://localhost:1\"\n[api.main.upstream.health]\n{line}{path}"
            )
        }
        "an upstream's `tls`" => {
            let pair = match name {
                "certificate" => "key = \"b.pem\"\n",
                "key" => "certificate = \"a.pem\"\n",
                _ => "",
            };
            format!("{MAIN_AT}url = \"https://localhost\"\n[api.main.upstream.tls]\n{line}{pair}")
        }
        "an upstream" => {
            let scheme = if name == "tls" { "https" } else { "http" };
            let url = without(&format!("url = \"{scheme}://localhost:1\"\n"));
            format!("[api.main]\nauth = \"none\"\n[api.main.upstream]\n{line}{url}")
        }
        "[[tenant.user]]" => {
            let role = "[[tenant.role]]\nname = \"accountant\"\n";
            let user = without("email = \"a@example.com\"\npassword = \"b\"\n");
            format!("{role}{title}\n{line}{user}")
        }
        "[[tenant.role]]" => format!("{title}\n{line}{}", without("name = \"a\"\n")),
        "[[tenant.api]]" => format!("{title}\n{line}{}", without("identifier = \"a\"\n")),
        "[[tenant.application]]" => {
            format!(
                "{title}\n{line}{}",
                without("name = \"a\"\ntype = \"spa\"\n")
            )
        }
        "[server.admin]" => {
            format!("{title}\n{line}{}", without("listen = \"127.0.0.1:1\"\n"))
        }
        "[server.tls]" => {
            let more = match name {
                "client_certificates" => "client_ca = \"c.pem\"\n",
                _ => "",
            };
            format!("{title}\n{line}{more}{}", without(CERTIFIED))
        }
        "[[server.tls.more]]" => {
            let more = without(CERTIFIED);
            format!("[server.tls]\n{CERTIFIED}{title}\n{line}{more}")
        }
        table => format!("{table}\n{line}"),
    }
}

const POOL: &str = "[identity_pool.Auth]\n";
const POOL_PROVIDERS: &str = "providers = [{ domain = \"a.example\", client_id = \"web\" }]\n";
const CERTIFIED: &str = "certificate = \"a.pem\"\nkey = \"b.pem\"\n";

const MAIN: &str = "[api.main]\nauth = \"none\"\nupstream = \"http://localhost:1\"\n";
const MAIN_AT: &str = "[api.main]\nauth = \"none\"\n[api.main.upstream]\n";
const GUESTS: &str = "[policy.guests]\napis = [\"main\"]\n";
const STANDARD: &str = "[policy.standard]\napis = [\"main\"]\n";

const TABLES: [&Table; 35] = [
    &ROOT,
    &SERVER,
    &ADMIN,
    &LIMITS,
    &TLS,
    &CERTIFICATE,
    &AUTHORIZER,
    &CHOICE,
    &CLAIM,
    &ERRORS,
    &FUNCTION,
    &INTROSPECTION,
    &REVOKED,
    &SOURCE,
    &POLICY,
    &STORE,
    &API,
    &RESOURCE,
    &ROUTE,
    &CORS,
    &UPSTREAM,
    &HEALTH,
    &UPSTREAM_TLS,
    &TENANT,
    &TENANT_API,
    &ROLE,
    &USER,
    &APPLICATION,
    &LOG,
    &TELEMETRY,
    &SIGNED_AUTHORIZER,
    &IDENTITY_POOL,
    &POOL_PROVIDER,
    &POOL_ROLE,
    &POOL_RULE,
];

#[test]
fn every_example_and_every_default_is_accepted() {
    for table in TABLES {
        for key in table.keys {
            for value in [Some(key.example), key.default].into_iter().flatten() {
                let text = file(table.title, key.name, value);
                let source = Source {
                    name: "portcullis.toml",
                    text: &text,
                };
                if let Err(diagnostics) = parse(&source, &|_| None) {
                    panic!(
                        "{}: {}\n{}",
                        table.title,
                        key.name,
                        diagnostics.render(&source, false)
                    );
                }
                crate::schema::tests::assert_valid(&text);
            }
        }
    }
}

#[test]
fn a_value_of_another_type_is_refused_for_every_key() {
    for table in TABLES {
        for key in table.keys {
            let text = file(table.title, key.name, "1979-05-27");
            let source = Source {
                name: "portcullis.toml",
                text: &text,
            };
            let page = parse(&source, &|_| None)
                .unwrap_err()
                .render(&source, false);
            let expected = format!("error: `{}` must be ", key.name);
            assert!(
                page.contains(&expected),
                "{}: {}\n{page}",
                table.title,
                key.name
            );
        }
    }
}

#[test]
fn every_required_key_is_missed() {
    for table in [
        &ADMIN,
        &AUTHORIZER,
        &CLAIM,
        &INTROSPECTION,
        &POLICY,
        &CORS,
        &RESOURCE,
        &UPSTREAM,
        &HEALTH,
        &TENANT_API,
        &ROLE,
        &USER,
        &APPLICATION,
        &TLS,
        &IDENTITY_POOL,
        &POOL_PROVIDER,
        &POOL_RULE,
    ] {
        for key in table.keys.iter().filter(|key| key.required) {
            let text = file(table.title, key.name, key.example);
            let line = format!("{} = {}\n", key.name, key.example);
            let text = text.replace(&line, "");
            let source = Source {
                name: "portcullis.toml",
                text: &text,
            };
            let page = parse(&source, &|_| None)
                .unwrap_err()
                .render(&source, false);
            let expected = format!("error: `{}` is missing", key.name);
            assert!(
                page.contains(&expected),
                "{}: {}\n{page}",
                table.title,
                key.name
            );
        }
    }
}

#[test]
fn every_key_for_later_is_refused_in_so_many_words() {
    for table in TABLES {
        for name in table.later {
            let text = file(table.title, name, "\"x\"");
            let source = Source {
                name: "portcullis.toml",
                text: &text,
            };
            let page = parse(&source, &|_| None)
                .unwrap_err()
                .render(&source, false);
            let expected = format!("error: `{name}` is not available in this version");
            assert!(page.contains(&expected), "{}: {name}\n{page}", table.title);
        }
    }
}

#[test]
fn the_algorithms_are_those_of_the_verifier() {
    assert!(
        ALGORITHMS.iter().copied().eq(Algorithm::ALL
            .into_iter()
            .chain(Algorithm::HMAC)
            .map(Algorithm::name))
    );
}

#[test]
fn a_default_is_what_an_absent_key_means() {
    for table in TABLES {
        for key in table.keys {
            let Some(default) = key.default else { continue };
            let written = file(table.title, key.name, default);
            let absent = written.replace(&format!("{} = {default}\n", key.name), "\n");
            assert_ne!(written, absent, "{}: {}", table.title, key.name);
            let read = |text| {
                let source = Source {
                    name: "portcullis.toml",
                    text,
                };
                format!("{:?}", parse(&source, &|_| None).unwrap().config)
            };
            assert_eq!(
                read(&written),
                read(&absent),
                "{}: {}",
                table.title,
                key.name
            );
        }
    }
}

#[test]
fn every_word_of_a_choice_is_accepted() {
    for table in TABLES {
        for key in table.keys {
            let values: Vec<String> = match key.kind {
                Kind::Choice(words) => words.iter().map(|word| format!("\"{word}\"")).collect(),
                Kind::SomeChoices(words) | Kind::Choices(words) => {
                    words.iter().map(|word| format!("[\"{word}\"]")).collect()
                }
                _ => continue,
            };
            for value in values {
                let text = file(table.title, key.name, &value);
                let source = Source {
                    name: "portcullis.toml",
                    text: &text,
                };
                assert!(parse(&source, &|_| None).is_ok(), "{text}");
            }
        }
    }
}

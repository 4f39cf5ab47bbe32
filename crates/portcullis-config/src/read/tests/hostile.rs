//! No file makes the reader panic or think for long.

use super::*;

const FILE: &str = r#"
name = "expenses"
[server]
listen = "127.0.0.1:8080"
workers = 2
trusted_proxies = ["10.0.0.0/8"]
limits.body = "512KiB"
[authorizer.user]
issuer = "https://${AUTH0_DOMAIN}/"
audience = ["https://expenses-api", 'b']
algorithms = ["RS256"]
leeway = "30s"
[authorizer.any]
issuer = "any"
[api.main]
base = "/a/"
auth = [{ user = ["read:reports"] }, "none"]
upstream = "http://localhost:3001"
identity = { "x-user" = "sub" }
[api.main.routes]
"GET /hello/{name}" = { respond = "Hello {name} ${USER} $${" }
"ANY /caf%C3%A9/:a/{b+}" = { auth = "usér" }
[[tenant.user]]
email = "ada@example.com"
password = "correct horse"
permissions = { "https://expenses-api" = ["read:reports"] }
[[tenant.application]]
name = """web"""
type = "regular_web"
callbacks = ["http://localhost:3000/callback"]
"#;

/// Reads and draws, and returns how many things were said.
fn survive(text: &str) -> usize {
    let source = source(text);
    let diagnostics = match parse(&source, &env) {
        Ok(parsed) => parsed.warnings,
        Err(diagnostics) => {
            assert!(
                !diagnostics.is_empty(),
                "refused without a reason: {text:?}"
            );
            diagnostics
        }
    };
    assert_eq!(
        diagnostics.render(&source, false).is_empty(),
        diagnostics.is_empty()
    );
    assert_eq!(
        diagnostics.to_json(&source).as_array().map(Vec::len),
        Some(diagnostics.len())
    );
    diagnostics.len()
}

#[test]
fn every_beginning_of_a_file_is_survived() {
    for (end, _) in FILE.char_indices() {
        let (beginning, _) = FILE.split_at(end);
        survive(beginning);
    }
}

#[test]
fn every_odd_byte_is_survived() {
    for odd in [
        "", "\0", "\n", "\"", "'", "{", "}", "[", "=", ".", "$", "\\", "%", "\u{1b}", "é",
        "\u{202e}",
    ] {
        for (start, replaced) in FILE.char_indices() {
            let (before, rest) = FILE.split_at(start);
            let after = rest.strip_prefix(replaced).unwrap_or_default();
            survive(&format!("{before}{odd}{after}"));
        }
    }
}

#[test]
fn a_file_of_one_mebibyte_is_read_and_no_more() {
    let comment = format!("#{}", " ".repeat(LARGEST_FILE - 1));
    assert_eq!(survive(&comment), 0);
    let larger = format!("{comment} ");
    assert_eq!(
        problems(&larger),
        ["error 1:1 the file is larger than 1 MiB"]
    );
}

#[test]
fn the_environment_counts_as_part_of_the_file() {
    let half = |name: &str| (name == "HALF").then(|| "a".repeat(LARGEST_FILE / 2));
    assert!(parse(&source("name = \"${HALF}${HALF}\""), &half).is_ok());
    let diagnostics = parse(&source("name = \"${HALF}${HALF}${HALF}\""), &half).unwrap_err();
    let messages: Vec<_> = diagnostics
        .iter()
        .map(|found| found.message.as_str())
        .collect();
    assert_eq!(
        messages,
        ["the environment makes the file larger than 1 MiB"]
    );
}

#[test]
fn a_file_full_of_mistakes_is_read_in_reasonable_time() {
    let fill = |unit: &dyn Fn(usize) -> String, start: &str, end: &str| {
        let mut text = start.to_owned();
        let mut number = 0;
        while text.len() + end.len() + 100 < LARGEST_FILE {
            text.push_str(&unit(number));
            number += 1;
        }
        text + end
    };
    let keys = |number| format!("unknown{number} = 0\n");
    assert!(survive(&fill(&keys, "", "")) > 40_000);
    let routes = |number| format!("\"GET /{number}\" = {{}}, ");
    assert!(survive(&fill(&routes, "[api.main]\nroutes = { ", "}")) > 40_000);
    let names = |number| format!("[authorizer.a{number}]\n[api.a{number}]\nauth = \"b{number}\"\n");
    assert!(survive(&fill(&names, "", "")) > 40_000);
    let depth = "[".repeat(100_000);
    assert_eq!(survive(&format!("name = {depth}")), 1);
    let dotted = format!("{}b = 1", "a.".repeat(100_000));
    assert_eq!(survive(&dotted), 1);
}

#[test]
fn a_file_without_anything_is_a_file() {
    for text in ["", "\n", "# nothing\n", "\u{feff}"] {
        let config = read(text).config;
        assert!(
            config.apis.is_empty() && config.authorizers.is_empty(),
            "{text:?}"
        );
    }
}

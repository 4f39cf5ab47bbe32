//! Hosts of APIs, in what the program says of them.

use serde_json::Value;

use crate::program::World;

const FILE: &str = r#"
[server]
url = "https://api.example"
[api.tenants]
hosts = ["*.example", "[2001:db8::1]"]
auth = "none"
routes = { "GET /" = { respond = "theirs" } }
[api.main]
hosts = ["api.example"]
auth = "none"
routes = { "GET /" = { respond = "ours" } }
[api.rest]
auth = "none"
routes = { "GET /a" = { respond = "a" } }
"#;

#[tokio::test]
async fn check_shows_the_hosts_of_a_route() {
    let world = World::with_file(FILE);
    let output = world.run(&["check"]).await;
    assert_eq!(output.status, Some(0), "{output:?}");
    let paths: Vec<_> = output
        .stdout
        .lines()
        .filter_map(|line| line.split("  ").filter(|cell| !cell.is_empty()).nth(1))
        .map(str::trim)
        .collect();
    assert_eq!(
        paths,
        ["/ at *.example, [2001:db8::1]", "/ at api.example", "/a"],
        "{}",
        output.stdout
    );
    let output = world.run(&["check", "--format", "json"]).await;
    let checked: Value = serde_json::from_str(&output.stdout).unwrap();
    let hosts = checked["routes"].as_array().unwrap().iter();
    let hosts: Vec<_> = hosts.map(|route| route["hosts"].clone()).collect();
    let expected = serde_json::json!([["*.example", "[2001:db8::1]"], ["api.example"], null]);
    assert_eq!(Value::from(hosts), expected);
}

#[tokio::test]
async fn explain_asks_at_the_host_that_was_typed() {
    let world = World::with_file(FILE);
    for (request, expected) in [
        ("GET https://B.example:8443/", "`GET /` of API `tenants`"),
        ("/", "`GET /` of API `main`"),
        ("https://b.example/a", "`GET /a` of API `rest`"),
    ] {
        let output = world.run(&["explain", request, "--format", "json"]).await;
        let explained: Value = serde_json::from_str(&output.stdout).unwrap();
        assert_eq!(explained["steps"][1]["got"], expected, "{request}");
    }
    let output = world
        .run(&["explain", "https://b.test/", "--format", "json"])
        .await;
    let explained: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(explained["reason"], "no_route");
    assert_eq!(explained["steps"][1]["got"], "`GET /` at `b.test`");
}

#[tokio::test]
async fn a_document_names_the_hosts_of_its_api() {
    let world = World::with_file(FILE);
    for (api, expected) in [
        ("main", "https://api.example"),
        ("tenants", "https://[2001:db8::1]"),
        ("rest", "https://api.example"),
    ] {
        let output = world.run(&["export", "openapi", "--api", api]).await;
        let document: Value = serde_json::from_str(&output.stdout).unwrap();
        let expected = serde_json::json!([{ "url": expected }]);
        assert_eq!(document["servers"], expected, "{api}");
    }
}

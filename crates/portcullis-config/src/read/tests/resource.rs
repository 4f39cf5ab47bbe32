//! What an API says about itself.

use super::{problems, read};

fn api(name: &str, base: &str, resource: &str) -> String {
    format!(
        "[api.{name}]\nbase = \"{base}\"\nauth = \"none\"\nresource = {resource}\nupstream = \"http://localhost:1\"\n"
    )
}

#[test]
fn a_resource_keeps_its_identifier_as_it_is_written() {
    let resource = |value: &str| {
        let mut config = read(&api("main", "/", value)).config;
        config.apis.remove(0).resource.unwrap()
    };
    let short = resource("\"https://api.example.com\"");
    assert_eq!(short.identifier, "https://api.example.com");
    assert_eq!((short.url.path(), short.name), ("/", None));
    let long = resource(
        "{ url = \"https://api.example.com/a/\", name = \"A\", documentation = \"https://a.example/d?e\" }",
    );
    assert_eq!(long.identifier, "https://api.example.com/a/");
    assert_eq!(long.name.as_deref(), Some("A"));
    assert_eq!(
        long.documentation.unwrap().as_str(),
        "https://a.example/d?e"
    );
}

#[test]
fn a_resource_is_an_address_of_its_own() {
    for (value, expected) in [
        (
            "\"expenses\"",
            "error 4:12 `resource` must begin with `https://` or `http://`",
        ),
        (
            "\"http://api.example.com\"",
            "error 4:12 `resource` must be https: plain http is accepted on a loopback host only",
        ),
        (
            "\"https://api.example.com/#a\"",
            "error 4:12 `resource` must not hold a query or a fragment",
        ),
        (
            "{ url = \"https://a.example\", documentation = \"mailto:a\" }",
            "error 4:57 `documentation` is not an address",
        ),
    ] {
        assert_eq!(problems(&api("main", "/", value)), [expected], "{value}");
    }
    let two = |other: &str| {
        api("a", "/a", "\"https://a.example/v1\"") + &api("b", "/b", &format!("\"{other}\""))
    };
    assert_eq!(
        problems(&two("https://b.example/v1/")),
        ["error 9:12 the API `a` has a `resource` of the same path"]
    );
    assert_eq!(problems(&two("https://a.example/v2")), [""; 0]);
}

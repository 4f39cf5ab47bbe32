//! The hosts of an API.

use super::{problems, read};

fn api(name: &str, more: &str) -> String {
    format!("[api.{name}]\n{more}auth = \"none\"\nupstream = \"http://localhost:1\"\n")
}

#[test]
fn an_api_answers_the_hosts_that_it_names_or_every_one() {
    let hosts = |more: &str| {
        let hosts = read(&api("main", more)).config.apis.remove(0).hosts;
        hosts.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(hosts(""), [""; 0]);
    assert_eq!(
        hosts("hosts = [\"api.example.com\", \"*.example.com\"]\n"),
        ["api.example.com", "*.example.com"]
    );
}

#[test]
fn hosts_that_no_request_could_have_are_refused() {
    for (value, expected) in [
        (
            "[]",
            "error 2:9 `hosts` must not be empty (leave it out to answer every host)",
        ),
        (
            "\"a.example\"",
            "error 2:9 `hosts` must be a list of strings, not a string",
        ),
        (
            "[\"A.example\"]",
            "error 2:10 an entry of `hosts` must be in lower case",
        ),
        (
            "[\"*\"]",
            "error 2:10 an entry of `hosts` may have `*` only as its first label, as in `*.example.com` (leave `hosts` out to answer every host)",
        ),
        (
            "[\"a.example\", \"b.example\", \"a.example\"]",
            "error 2:9 `hosts` names a host twice",
        ),
    ] {
        let text = api("main", &format!("hosts = {value}\n"));
        assert_eq!(problems(&text), [expected], "{value}");
    }
}

#[test]
fn routes_of_different_hosts_can_be_told_apart() {
    let two = |one: &str, other: &str| {
        let hosts = |hosts: &str| {
            if hosts.is_empty() {
                String::new()
            } else {
                format!("hosts = [{hosts}]\n")
            }
        };
        problems(&(api("a", &hosts(one)) + &api("b", &hosts(other))))
    };
    for (one, other) in [
        ("'a.example'", "'b.example'"),
        ("'a.example'", "'*.example'"),
        ("'a.example'", ""),
        ("'*.b.example'", "'*.example'"),
    ] {
        assert_eq!(two(one, other), [""; 0], "{one} {other}");
    }
    for (one, other, place) in [
        (
            "'a.example', 'b.example'",
            "'b.example', 'c.example'",
            "8:1",
        ),
        ("'*.example'", "'*.example'", "8:1"),
        ("", "", "6:1"),
    ] {
        let expected = format!("error {place} `ANY /` cannot be told apart from another route");
        assert_eq!(two(one, other), [expected], "{one} {other}");
    }
}

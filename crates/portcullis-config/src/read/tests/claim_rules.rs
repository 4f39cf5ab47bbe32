//! Rules for claims, and what is asked of logins.

use std::time::Duration;

use portcullis_token::{OnFail, StepUp};

use super::{USER, problems, read};
use crate::*;

fn rules(lines: &str) -> Vec<String> {
    let AuthorizerKind::Jwt(jwt) = read(&file(lines)).config.authorizers.remove(0).kind;
    jwt.claim_rules
        .iter()
        .map(|rule| format!("{rule:?}"))
        .collect()
}

fn file(lines: &str) -> String {
    let used = "[api.main]\nauth = \"user\"\nupstream = \"http://localhost:1\"\n";
    format!("{USER}[[authorizer.user.claim]]\n{lines}\n{used}")
}

#[test]
fn a_rule_asks_what_the_file_says() {
    let token = OnFail::Token;
    for (test, rule) in [
        ("equals = \"a\"", r#"equal to "a""#),
        ("equals = true", "equal to true"),
        ("equals = 0x10", "equal to 16"),
        ("in = [\"a\", 1, 1.5]", r#"equal to "a" or 1 or 1.5"#),
        ("includes_any = [\"a\", \"b\"]", r#"with "a" or "b""#),
        ("includes_all = [\"a\", \"b\"]", r#"with "a" and "b""#),
        ("exists = true", "present"),
        ("at_least = 18", "within Included(18.0) to Unbounded"),
        ("at_most = 1.5", "within Unbounded to Included(1.5)"),
        (
            "at_least = 1\nat_most = 1",
            "within Included(1.0) to Included(1.0)",
        ),
        ("matches = \"a|b\"", r"matching \A(?:a|b)\z"),
    ] {
        let expected = format!("ClaimRule(`c` {rule}, {token:?})");
        assert_eq!(
            rules(&format!("name = \"c\"\n{test}")),
            [expected],
            "{test}"
        );
    }
    let forbid = "name = \"/a/b\"\nexists = true\non_fail = \"forbid\"";
    assert_eq!(rules(forbid), ["ClaimRule(`/a/b` present, Forbid)"]);
    let two = "name = \"a\"\nexists = true\n[[authorizer.user.claim]]\nname = \"b\"\nequals = 1";
    assert_eq!(rules(two).len(), 2);
}

#[test]
fn a_rule_that_says_nothing_or_two_things_is_refused() {
    for (lines, expected) in [
        (
            "name = \"c\"",
            "error 4:1 the rule asks nothing of the claim (write for example `equals = \"org_1\"` \
             or `exists = true`)",
        ),
        (
            "name = \"c\"\nequals = 1\nin = [1]",
            "error 6:1 a rule asks one thing, this one asks two (write a rule for each)",
        ),
        (
            "name = \"c\"\nexists = true\nat_most = 1",
            "error 6:1 a rule asks one thing, this one asks two (write a rule for each)",
        ),
        (
            "name = \"c\"\nexists = false",
            "error 6:10 `exists` must be `true`: no rule asks for a claim's absence",
        ),
        ("name = \"c\"\nin = []", "error 6:6 `in` must not be empty"),
        (
            "name = \"c\"\nequals = [1]",
            "error 6:10 `equals` must be a string, a number or a boolean, not a list",
        ),
        (
            "name = \"c\"\nat_least = nan",
            "error 6:12 `at_least` is not a number that a claim can have",
        ),
        (
            "name = \"c\"\nat_least = 2\nat_most = 1",
            "error 6:12 `at_least` is more than `at_most`: no number would be good",
        ),
        (
            "name = \"c\"\nmatches = \"(\"",
            "error 6:11 `matches` is not a regular expression that can be used",
        ),
        ("name = \"\"\nexists = true", "error 5:8 `name` is empty"),
    ] {
        assert_eq!(problems(&file(lines)), [expected], "{lines}");
    }
}

fn steps(lines: &str) -> Vec<StepUp> {
    let api = read(&format!("{USER}[api.main]\n{lines}"))
        .config
        .apis
        .remove(0);
    api.routes.into_iter().map(|route| route.step_up).collect()
}

fn step_up(acr: &[&str], seconds: Option<u64>) -> StepUp {
    StepUp {
        acr_values: acr.iter().copied().map(str::to_owned).collect(),
        max_age: seconds.map(Duration::from_secs),
    }
}

#[test]
fn a_route_asks_of_the_login_what_it_says_or_its_api() {
    let none = step_up(&[], None);
    for (lines, expected) in [
        (
            "auth = \"user\"\nroutes.\"GET /\" = { respond = \"\" }",
            none.clone(),
        ),
        (
            "auth = \"user\"\nacr = [\"mfa\"]\nmax_age = \"5m\"\nroutes.\"GET /\" = { respond = \"\" }",
            step_up(&["mfa"], Some(300)),
        ),
        (
            "auth = \"user\"\nacr = [\"mfa\"]\nroutes.\"GET /\" = { respond = \"\", acr = [\"hw\"], max_age = \"1s\" }",
            step_up(&["hw"], Some(1)),
        ),
        (
            "auth = \"user\"\nacr = [\"mfa\"]\nroutes.\"GET /\" = { respond = \"\", acr = [] }",
            none.clone(),
        ),
        (
            "auth = \"user\"\nacr = [\"mfa\"]\nroutes.\"GET /\" = { respond = \"\", auth = \"none\" }",
            none,
        ),
    ] {
        assert_eq!(steps(lines), [expected], "{lines}");
    }
    let implied = steps("auth = \"user\"\nacr = [\"mfa\"]\nupstream = \"http://localhost:1\"");
    assert_eq!(implied, [step_up(&["mfa"], None), step_up(&["mfa"], None)]);
}

#[test]
fn signed_requests_are_not_let_past_what_is_asked_of_a_login() {
    const POOL: &str = "[identity_pool.Auth]\nproviders = [{ domain = \"a.example\", client_id = \"web\" }]\n[authorizer.iam]\ntype = \"sigv4\"\npool = \"Auth\"\n";
    for (lines, place) in [
        (
            "auth = [\"iam\", \"user\"]\nacr = [\"mfa\"]\nroutes.\"GET /\" = { respond = \"\" }",
            "12:8: `GET /`",
        ),
        (
            "auth = \"user\"\nmax_age = \"5m\"\nroutes.\"GET /\" = { respond = \"\", auth = \"iam\" }",
            "12:8: `GET /`",
        ),
        (
            "auth = \"iam\"\nroutes.\"GET /\" = { respond = \"\", acr = [\"mfa\"] }",
            "11:8: `GET /`",
        ),
        (
            "auth = [\"iam\", \"user\"]\nacr = [\"mfa\"]\nupstream = \"http://localhost:1\"",
            "12:1: `upstream`",
        ),
    ] {
        let found = problems(&format!("{USER}{POOL}[api.main]\n{lines}"));
        let (place, route) = place.split_once(": ").unwrap();
        let expected = format!(
            "error {place} {route} takes signed requests, which `acr` and `max_age` are not about \
             (give signed requests a route of their own)"
        );
        assert_eq!(found, [expected], "{lines}");
    }
    let lines = "auth = [\"iam\", \"user\"]\nacr = [\"mfa\"]\nroutes.\"GET /\" = { respond = \"\", acr = [] }";
    assert_eq!(
        problems(&format!("{USER}{POOL}[api.main]\n{lines}")),
        [""; 0]
    );
}

#[test]
fn what_no_login_can_be_is_refused() {
    let route = |line: &str| {
        format!("[api.main]\nroutes.\"GET /\" = {{ respond = \"\", auth = \"none\", {line} }}")
    };
    for (line, expected) in [
        (
            "acr = [\"mfa\"]",
            "error 2:49 `acr` at a public route, which asks for no login (say by `auth` who may \
             call)",
        ),
        (
            "max_age = \"999ms\"",
            "error 2:59 `max_age` must be `1s` at least",
        ),
    ] {
        assert_eq!(problems(&route(line))[0], expected, "{line}");
    }
    let space = format!(
        "{USER}[api.main]\nauth = \"user\"\nacr = [\"a b\"]\nupstream = \"http://localhost:1\""
    );
    let expected =
        "error 6:8 an entry of `acr` is not printable ASCII without spaces, `\"` and `\\`";
    assert_eq!(problems(&space), [expected]);
}

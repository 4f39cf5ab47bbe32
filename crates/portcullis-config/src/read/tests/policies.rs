use std::num::NonZeroU32;
use std::time::Duration;

use super::*;
use crate::{
    Access, Amount, AuthorizerKind, LimitHeaders, LimitStore, Policy, PolicyChoice, Severity,
};

/// The guide with its policies, and the API that one of them is about.
const TYK: &str = r#"
[authorizer.tyk]
jwks     = "https://${AUTH0_DOMAIN}/.well-known/jwks.json"
issuer   = "any"
audience = "any"
identity = ["sub"]
policy   = { claim = "pol", default = ["standard"], scopes = { "read:reports" = "reports" } }

[policy.standard]
apis    = ["httpbin"]
rate    = "1000/1m"
quota   = "10000/24h"
expires = "30d"

[policy.reports]
apis = { expenses = ["GET /", "GET /reports/*"] }
rate = "10/1s"

[api.httpbin]
base       = "/httpbin/"
strip_base = true
upstream   = "http://httpbin.org/"
auth       = "tyk"
errors     = "tyk"

[api.expenses]
base     = "/expenses"
upstream = "http://localhost:3001"
auth     = "tyk"
"#;

fn choice(text: &str) -> (Option<PolicyChoice>, Vec<String>) {
    let config = read(text).config;
    let AuthorizerKind::Jwt(jwt) = &config.authorizers[0].kind;
    (jwt.policy.clone(), jwt.identity.clone())
}

fn endpoints(policy: &Policy) -> Vec<String> {
    let all = policy.apis.iter().flat_map(|access| &access.endpoints);
    all.flatten()
        .map(|endpoint| format!("{} {}", endpoint.methods, endpoint.path))
        .collect()
}

#[test]
fn the_policies_of_the_tyk_guide_are_read() {
    let config = read(TYK).config;
    let amount = |count, seconds| Amount {
        count: NonZeroU32::new(count).unwrap(),
        period: Duration::from_secs(seconds),
    };
    let [standard, reports] = &config.policies[..] else {
        panic!("{config:?}")
    };
    assert_eq!(
        (standard.name.as_str(), standard.rate, standard.quota),
        (
            "standard",
            Some(amount(1000, 60)),
            Some(amount(10000, 86400))
        )
    );
    assert_eq!(standard.expires, Some(Duration::from_hours(30 * 24)));
    let whole = Access {
        api: 0,
        endpoints: None,
    };
    assert_eq!(standard.apis, [whole]);
    assert_eq!((reports.rate, reports.quota), (Some(amount(10, 1)), None));
    assert_eq!((reports.expires, reports.apis[0].api), (None, 1));
    // The base is part of an endpoint, like of a route.
    let expected = ["GET /expenses", "GET /expenses/reports/{rest+}"];
    assert_eq!(endpoints(reports), expected);
    let expected = PolicyChoice {
        claim: Some("pol".to_owned()),
        default: vec![0],
        scopes: vec![("read:reports".to_owned(), 1)],
    };
    assert_eq!(choice(TYK), (Some(expected), vec!["sub".to_owned()]));
}

#[test]
fn without_any_word_of_them_there_are_no_policies() {
    let text = format!("{USER}[api.main]\nauth = \"user\"\nupstream = \"http://localhost:1\"\n");
    let config = read(&text).config;
    assert!(config.policies.is_empty());
    assert_eq!(choice(&text), (None, vec!["sub".to_owned()]));
    assert_eq!(config.store.limits, LimitStore::Memory);
    let both = [LimitHeaders::Ietf, LimitHeaders::Legacy];
    assert_eq!(config.server.limit_headers, both);
    let none = read(&format!("{text}[server]\nlimit_headers = []\n"));
    assert_eq!(none.config.server.limit_headers, []);
}

#[test]
fn endpoints_are_written_like_routes() {
    let file = |endpoint: &str| {
        format!(
            "[api.main]\nauth = \"none\"\nupstream = \"http://localhost:1\"\n\
             [policy.p]\napis = {{ main = [\"{endpoint}\"] }}\n"
        )
    };
    for (endpoint, expected) in [
        ("GET /", "GET /"),
        ("ANY /a/:id", "ANY /a/{id}"),
        ("PURGE /*", "PURGE /{rest+}"),
        ("GET /a/*", "GET /a/{rest+}"),
        ("GET /{rest+}", "GET /{rest+}"),
    ] {
        let policies = read(&file(endpoint)).config.policies;
        assert_eq!(endpoints(&policies[0]), [expected], "{endpoint}");
    }
    for (endpoint, expected) in [
        (
            "/a",
            "an entry of `main` is not an endpoint (write a method, a space and a path: `GET \
             /hello`)",
        ),
        ("get /a", "a method is written in upper case (write `GET`)"),
        (
            "GET /a/*/b",
            "an entry of `main`: `*` is not a wildcard (write `{name}` for one segment, `{rest+}` \
             for the remainder)",
        ),
        (
            "GET /{a+}/*",
            "an entry of `main` has a remainder before `/*`",
        ),
        ("GET a", "an entry of `main`: a path begins with `/`"),
    ] {
        let expected = format!("error 5:18 {expected}");
        assert_eq!(problems(&file(endpoint)), [expected], "{endpoint}");
    }
}

#[test]
fn an_amount_is_requests_in_a_time() {
    let file = |line: &str| {
        format!(
            "[api.main]\nauth = \"none\"\nupstream = \"http://localhost:1\"\n\
             [policy.p]\napis = [\"main\"]\n{line}\n"
        )
    };
    for line in [
        "rate = \"1/1ms\"",
        "rate = \"4294967295/366d\"",
        "quota = \"1/1s\"",
        "expires = \"1s\"",
    ] {
        assert_eq!(read(&file(line)).config.policies.len(), 1, "{line}");
    }
    let amount = "must be a whole number of requests, `/` and a duration (write for example \
                  `1000/1m`; the units are ms, s, m, h, d)";
    let period = "must have a time from `1ms` to `366d`";
    for (line, expected) in [
        ("rate = \"0/1s\"", format!("`rate` {amount}")),
        ("rate = \"-1/1s\"", format!("`rate` {amount}")),
        ("rate = \"+1/1s\"", format!("`rate` {amount}")),
        ("rate = \"0.5/1s\"", format!("`rate` {amount}")),
        ("rate = \"4294967296/1s\"", format!("`rate` {amount}")),
        ("rate = \"10\"", format!("`rate` {amount}")),
        ("rate = \"10/s\"", format!("`rate` {amount}")),
        ("quota = \"10/1w\"", format!("`quota` {amount}")),
        ("quota = \"10/0s\"", format!("`quota` {period}")),
        ("quota = \"10/367d\"", format!("`quota` {period}")),
        (
            "expires = \"999ms\"",
            "`expires` must be `1s` at least".to_owned(),
        ),
        (
            "expires = \"soon\"",
            "`expires` must be a duration (write for example `30d`; the units are ms, s, m, h, d)"
                .to_owned(),
        ),
    ] {
        let problems = problems(&file(line));
        let (_, message) = problems[0].split_once(':').unwrap();
        let (_, message) = message.split_once(' ').unwrap();
        assert_eq!((message, problems.len()), (expected.as_str(), 1), "{line}");
    }
}

#[test]
fn names_that_do_not_exist_are_refused_with_a_suggestion() {
    for (from, to, expected) in [
        (
            "[\"httpbin\"]",
            "[\"htpbin\"]",
            "error 10:12 there is no API `htpbin` (did you mean `httpbin`?)",
        ),
        (
            "expenses = [",
            "other = [",
            "error 16:10 there is no API `other` (add it as `[api.NAME]`)",
        ),
        (
            "[\"standard\"]",
            "[\"standart\"]",
            "error 7:40 there is no policy `standart` (did you mean `standard`?)",
        ),
        (
            "= \"reports\"",
            "= \"x\"",
            "error 7:81 there is no policy `x` (add it as `[policy.NAME]`)",
        ),
        (
            "[\"httpbin\"]",
            "[\"httpbin\", \"httpbin\"]",
            "error 10:11 `apis` names an API twice",
        ),
        (
            "[\"httpbin\"]",
            "[]",
            "error 10:11 `apis` must not be empty",
        ),
        (
            "{ expenses = [\"GET /\", \"GET /reports/*\"] }",
            "{}",
            "error 16:8 `apis` must not be empty",
        ),
        (
            "[\"GET /\", \"GET /reports/*\"]",
            "[]",
            "error 16:21 `expenses` must not be empty",
        ),
    ] {
        assert!(TYK.contains(from), "{from}");
        let text = TYK.replacen(from, to, 1);
        let errors: Vec<_> = problems(&text)
            .into_iter()
            .filter(|problem| problem.starts_with("error"))
            .collect();
        assert_eq!(errors, [expected], "{to}");
    }
}

#[test]
fn a_choice_that_chooses_nothing_is_refused() {
    for policy in ["{}", "{ default = [] }", "{ scopes = {} }"] {
        let text = format!("{USER}policy = {policy}\n");
        let expected = "error 4:10 `policy` chooses no policy (write for example `{ default = \
                        [\"standard\"] }`, or leave it out)";
        assert_eq!(problems(&text), [expected], "{policy}");
    }
}

#[test]
fn what_has_no_effect_is_warned_of() {
    let api = "[api.main]\nauth = \"user\"\nupstream = \"http://localhost:1\"\n\
               [policy.p]\napis = [\"main\"]\n";
    let identity = format!("{USER}identity = [\"sub\"]\n{api}");
    let parsed = read(&identity);
    let warnings = parsed.warnings.iter().map(|found| found.severity);
    assert!(warnings.eq([Severity::Warning; 2]));
    assert_eq!(
        problems(&identity),
        [
            "warning 4:1 `identity` has no effect without `policy`",
            "warning 8:9 no authorizer chooses the policy `p`",
        ]
    );
    for policy in [
        "claim = \"pol\"",
        "default = [\"p\"]",
        "scopes = { a = \"p\" }",
    ] {
        let text = format!("{USER}policy = {{ {policy} }}\nidentity = [\"sub\"]\n{api}");
        assert_eq!(problems(&text), [""; 0], "{policy}");
    }
}

#[test]
fn one_alternative_has_one_policy_at_most() {
    let file = |auth: &str| {
        format!(
            "{USER}policy = {{ claim = \"pol\" }}\n{}policy = {{ claim = \"pol\" }}\n{}\
             [api.main]\nauth = {auth}\nupstream = \"http://localhost:1\"\n",
            USER.replace("user", "second"),
            USER.replace("user", "third"),
        )
    };
    for auth in [
        "[\"user\", \"second\", \"third\"]",
        "[{ user = [], third = [] }, \"second\"]",
    ] {
        assert_eq!(problems(&file(auth)), [""; 0], "{auth}");
    }
    let expected = "error 13:8 two authorizers of one alternative have a `policy` (leave `policy` \
                    to one of them)";
    let auth = "{ user = [], second = [] }";
    let errors = problems(&file(auth));
    assert!(errors.contains(&expected.to_owned()), "{errors:?}");
}

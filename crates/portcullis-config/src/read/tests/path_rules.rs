use super::*;
use crate::path_rules::{DotSegments, EmptySegments, EncodedSlash, PathRules};

fn api(lines: &str) -> String {
    format!("{USER}[api.main]\nauth = \"user\"\nupstream = \"http://localhost:1\"\n{lines}\n")
}

#[test]
fn an_api_says_which_paths_it_takes() {
    let rules = |lines| read(&api(lines)).config.apis.remove(0).paths;
    assert_eq!(rules(""), PathRules::default());
    let all = "encoded_slash = \"keep\"\ndot_segments = \"resolve\"\nempty_segments = \"merge\"";
    let expected = PathRules {
        encoded_slash: EncodedSlash::Keep,
        dot_segments: DotSegments::Resolve,
        empty_segments: EmptySegments::Merge,
        raw: false,
    };
    assert_eq!(rules(all), expected);
    assert!(rules("raw = true").raw);
}

#[test]
fn a_path_as_it_was_received_needs_one_rule_for_all_of_the_api() {
    let routes = "routes = { \"GET /public\" = { auth = \"none\" } }";
    let narrowed = "[policy.p]\napis = { main = [\"GET /a\"] }";
    let chosen = "[authorizer.other]\nissuer = \"https://b.example/\"\naudience = [\"a\"]\n\
                  policy = { default = [\"p\"] }\n[api.own]\nbase = \"/own\"\nauth = \"other\"\n\
                  upstream = \"http://localhost:1\"";
    for (lines, expected) in [
        (
            format!("raw = true\n{routes}"),
            "error 7:1 `raw` needs one `auth` for every route of the API (give the routes with another `auth` an API of their own)",
        ),
        (
            format!("raw = true\n{narrowed}\n{chosen}"),
            "error 8:9 `p` names endpoints of `main`, whose paths are `raw` (give access to all of the API, or leave `raw` out)",
        ),
        (
            "raw = true\ndot_segments = \"resolve\"".to_owned(),
            "error 7:1 `raw` leaves nothing for `dot_segments` to say",
        ),
    ] {
        assert_eq!(problems(&api(&lines)), [expected], "{lines}");
    }
}

use super::*;

const GUESTS: &str = "[policy.guests]\napis = [\"main\"]\nrate = \"10/1m\"\n";

/// A file whose lines 7 and 8 are an API's own, and those after them its routes.
fn file(auth: &str, line: &str, routes: &str) -> String {
    format!(
        "{GUESTS}[api.main]\nupstream = \"http://localhost:1\"\nauth = {auth}\n{line}\n{routes}{USER}"
    )
}

#[test]
fn it_holds_where_callers_need_no_token() {
    let more = "[policy.more]\napis = [\"main\"]\n";
    let routes = "[api.main.routes]\n\"GET /a\" = {}\n\
                  \"GET /b\" = { anonymous_policy = \"more\" }\n\
                  \"GET /c\" = { auth = \"user\" }\n";
    for (auth, line, expected) in [
        ("\"none\"", "", [None, Some(1), None, None]),
        (
            "\"none\"",
            "anonymous_policy = \"guests\"",
            [Some(0), Some(1), None, Some(0)],
        ),
        (
            "[\"user\", \"none\"]",
            "anonymous_policy = \"guests\"",
            [Some(0), Some(1), None, Some(0)],
        ),
    ] {
        let text = file(auth, line, routes) + more;
        let config = read(&text).config;
        let routes = config.apis[0].routes.iter().take(4);
        let policies: Vec<_> = routes.map(|route| route.anonymous_policy).collect();
        assert_eq!(policies, expected, "{auth} {line}");
    }
}

#[test]
fn what_it_cannot_mean_is_refused() {
    let own = "anonymous_policy = \"guests\"";
    let hint = "(callers with a token have the policies that `policy` of their authorizer says)";
    for (text, expected) in [
        (
            file("\"user\"", own, ""),
            format!(
                "error 7:1 `anonymous_policy` at an API that nobody may call without a token {hint}"
            ),
        ),
        (
            file(
                "\"none\"",
                "",
                &format!("routes = {{ \"GET /\" = {{ auth = \"user\", {own} }} }}\n"),
            ),
            format!(
                "error 8:39 `anonymous_policy` at a route that nobody may call without a token {hint}"
            ),
        ),
        (
            file("\"none\"", "anonymous_policy = \"gests\"", ""),
            "error 7:20 there is no policy `gests` (did you mean `guests`?)".to_owned(),
        ),
        (
            file("\"none\"", own, "").replace("[\"main\"]", "{ main = [\"GET /\"] }"),
            "error 1:9 `guests` does not give access to all of `main` (add it to `apis`, without \
             endpoints: `auth` says what is public)"
                .to_owned(),
        ),
        (
            file(
                "\"none\"",
                &format!("raw = true\n{own}"),
                "routes = { \"GET /\" = { anonymous_policy = \"more\" } }\n",
            ) + "[policy.more]\napis = [\"main\"]\n",
            "error 7:1 `raw` needs one `auth` for every route of the API (give the routes with \
             another `auth` an API of their own)"
                .to_owned(),
        ),
    ] {
        let errors = problems(&text);
        let errors = errors.iter().filter(|found| found.starts_with("error"));
        assert_eq!(errors.collect::<Vec<_>>(), [&expected], "{text}");
    }
}

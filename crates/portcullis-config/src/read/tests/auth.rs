use super::{USER, problems, read};

/// The `auth` of a route, and what it must be: alternatives with scopes, and whether anonymous.
type Shape = (
    &'static str,
    &'static [&'static [(usize, &'static [&'static str])]],
    bool,
);

#[test]
fn auth_has_the_shape_of_security_in_openapi() {
    let shapes: &[Shape] = &[
        (r#""user""#, &[&[(0, &[])]], false),
        (r#""none""#, &[], true),
        (r#"["none"]"#, &[], true),
        ("{ user = [] }", &[&[(0, &[])]], false),
        (
            r#"{ user = ["read", "write"] }"#,
            &[&[(0, &["read", "write"])]],
            false,
        ),
        (
            r#"{ user = ["a"], admin = ["b"] }"#,
            &[&[(0, &["a"]), (1, &["b"])]],
            false,
        ),
        ("{ admin = [], user = [] }", &[&[(1, &[]), (0, &[])]], false),
        (r#"["user", "admin"]"#, &[&[(0, &[])], &[(1, &[])]], false),
        (
            r#"["user", { admin = ["b"] }]"#,
            &[&[(0, &[])], &[(1, &["b"])]],
            false,
        ),
        (r#"["none", "user"]"#, &[&[(0, &[])]], true),
        (r#""${USER}""#, &[&[(0, &[])]], false),
    ];
    for (text, alternatives, anonymous) in shapes {
        let file = format!(
            "{USER}{}[api.main]\nauth = {text}\nupstream = \"http://localhost:3001\"\n",
            USER.replace("user", "admin")
        );
        let auth = &read(&file).config.apis[0].routes[0].auth;
        let found: Vec<Vec<(usize, Vec<&str>)>> = auth
            .alternatives
            .iter()
            .map(|all| {
                all.iter()
                    .map(|one| {
                        (
                            one.authorizer,
                            one.scopes.iter().map(String::as_str).collect(),
                        )
                    })
                    .collect()
            })
            .collect();
        let expected: Vec<Vec<(usize, Vec<&str>)>> = alternatives
            .iter()
            .map(|all| {
                all.iter()
                    .map(|(authorizer, scopes)| (*authorizer, scopes.to_vec()))
                    .collect()
            })
            .collect();
        assert_eq!((found, auth.anonymous), (expected, *anonymous), "{text}");
    }
}

#[test]
fn an_auth_that_says_nothing_or_names_nobody_is_refused() {
    let public = "(`auth = \"none\"` makes it public)";
    let scope = "(a scope is printable ASCII without spaces, `\"` and `\\`; write each on its own)";
    let shapes = "an authorizer's name, `none`, a table `{ name = [scopes] }`, or a list of those";
    for (text, expected) in [
        ("[]", format!("`auth` must not be empty {public}")),
        ("{}", format!("`auth` must not be empty {public}")),
        (
            "[{}]",
            format!("an entry of `auth` must not be empty {public}"),
        ),
        (
            "[[\"user\"]]",
            format!("an entry of `auth` must be {shapes}, not a list"),
        ),
        ("true", format!("`auth` must be {shapes}, not a boolean")),
        (
            "\"usr\"",
            "there is no authorizer `usr` (did you mean `user`?)".to_owned(),
        ),
        (
            "\"nobody\"",
            "there is no authorizer `nobody` (add it as `[authorizer.NAME]`)".to_owned(),
        ),
        (
            "\"\"",
            "there is no authorizer `` (add it as `[authorizer.NAME]`)".to_owned(),
        ),
        (
            "\"non\"",
            "there is no authorizer `non` (did you mean `none`?)".to_owned(),
        ),
        (
            "{ usr = [] }",
            "there is no authorizer `usr` (did you mean `user`?)".to_owned(),
        ),
        // A variable cannot make a route public, and what it holds is not shown.
        (
            "\"${NONE}\"",
            "there is no authorizer `${NONE}` (add it as `[authorizer.NAME]`)".to_owned(),
        ),
        (
            "{ user = [], none = [] }",
            "`none` cannot be asked for with others \
             (write it on its own, or in a list: `[\"none\", { … }]`)"
                .to_owned(),
        ),
        (
            "{ user = \"read\" }",
            "`user` must be a list of scopes, not a string".to_owned(),
        ),
        (
            "{ user = [1] }",
            "an entry of `user` must be a string, not an integer".to_owned(),
        ),
        (
            "{ user = [\"\"] }",
            format!("an entry of `user` is not one scope {scope}"),
        ),
        (
            "{ user = [\"a b\"] }",
            format!("an entry of `user` is not one scope {scope}"),
        ),
        (
            "{ user = ['a\"b'] }",
            format!("an entry of `user` is not one scope {scope}"),
        ),
        (
            "{ user = ['a\\b'] }",
            format!("an entry of `user` is not one scope {scope}"),
        ),
        (
            "{ user = [\"\u{e9}\"] }",
            format!("an entry of `user` is not one scope {scope}"),
        ),
    ] {
        let file =
            format!("[api.main]\nauth = {text}\nupstream = \"http://localhost:3001\"\n{USER}");
        let found = problems(&file);
        let errors: Vec<_> = found
            .iter()
            .filter(|line| line.starts_with("error"))
            .collect();
        let [error] = errors[..] else {
            panic!("{text}: {found:?}")
        };
        let message = error.splitn(3, ' ').nth(2).unwrap_or_default();
        assert_eq!(message, expected, "{text}");
    }
}

#[test]
fn a_route_without_auth_is_an_error_at_the_route() {
    let text = "[api.main]\nupstream = \"http://localhost:1\"\n[api.main.routes]\n\
                \"GET /a\" = {}\n\"GET /b\" = { auth = \"none\" }\n";
    let hint = "(`auth = \"none\"` makes it public)";
    assert_eq!(
        problems(text),
        [
            format!("error 2:1 `upstream` has no `auth`, and neither has its API {hint}"),
            format!("error 4:1 `GET /a` has no `auth`, and neither has its API {hint}"),
        ]
    );
}

#[test]
fn a_mistake_in_an_authorizer_is_reported_once() {
    let text = "[authorizer.user]\nissuer = \"http://example.com\"\naudience = [\"a\"]\n\
                [api.main]\nauth = \"user\"\nupstream = \"http://localhost:1\"\n";
    let message =
        "error 2:10 `issuer` must be https: plain http is accepted on a loopback host only";
    assert_eq!(problems(text), [message]);
    let text = "authorizer = 1\n[api.main]\nauth = \"user\"\nupstream = \"http://localhost:1\"\n";
    assert_eq!(
        problems(text),
        ["error 1:14 `authorizer` must be a table, not an integer"]
    );
}

#[test]
fn an_authorizer_that_no_route_uses_is_a_warning() {
    let parsed = read(USER);
    assert_eq!(parsed.config.authorizers.len(), 1);
    assert_eq!(
        problems(USER),
        ["warning 1:13 no route uses the authorizer `user`"]
    );
}

use std::num::NonZeroUsize;
use std::time::Duration;

use portcullis_token::Secret;

use super::*;
use crate::{Function, Run, Target};

fn function(text: &str) -> Function {
    let routes = &read(text).config.apis[0].routes;
    match &routes[0].target {
        Target::Function(function) => (**function).clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_sst_guide_names_handlers_in_both_ways() {
    let text = r#"
[authorizer.auth0]
issuer   = "https://${AUTH0_DOMAIN}/"
audience = ["https://${AUTH0_DOMAIN}/api/v2/"]
[api.Api]
auth   = "auth0"
errors = "aws"
cors   = true
[api.Api.routes]
"GET /private" = "packages/functions/src/private.main"
"GET /public"  = { function = "packages/functions/src/public.main", auth = "none" }
"#;
    let routes = &read(text).config.apis[0].routes;
    for (route, name, anonymous) in [(&routes[0], "private", false), (&routes[1], "public", true)] {
        let handler = format!("packages/functions/src/{name}.main");
        let expected = Function {
            name: handler.clone(),
            run: Run::Handler(handler),
            directory: None,
            timeout: Duration::from_secs(6),
            concurrency: NonZeroUsize::new(4).unwrap(),
            environment: Vec::new(),
        };
        assert_eq!(route.target, Target::Function(Box::new(expected)), "{name}");
        assert_eq!(route.auth.anonymous, anonymous, "{name}");
    }
}

#[test]
fn a_function_with_a_table_is_named_by_it() {
    let run = |line: &str| {
        let rest = "directory = \"backend\"\ntimeout = \"30s\"\nconcurrency = 64\n\
                    environment = { WHO = \"${USER}\" }\n";
        function(&format!(
            "[function.hello]\n{line}\n{rest}[api.main]\nauth = \"none\"\n\
             routes = {{ \"GET /\" = \"hello\" }}\n"
        ))
    };
    for (line, expected) in [
        (
            "handler = \"hello.main\"",
            Run::Handler("hello.main".to_owned()),
        ),
        (
            "command = [\"./hello\", \"-v\"]",
            Run::Command(vec!["./hello".to_owned(), "-v".to_owned()]),
        ),
        ("binary = \"hello\"", Run::Binary("hello".to_owned())),
    ] {
        let function = run(line);
        assert_eq!(function.run, expected);
        assert_eq!(function.name, "hello");
        assert_eq!(function.directory.as_deref(), Some("backend"));
        assert_eq!(function.timeout, Duration::from_secs(30));
        assert_eq!(function.concurrency.get(), 64);
        let variable = ("WHO".to_owned(), Secret::new("user".to_owned()));
        assert_eq!(function.environment, [variable]);
        assert!(!format!("{function:?}").contains("user"), "{function:?}");
    }
}

#[test]
fn what_cannot_be_a_function_is_refused() {
    let table = |lines: &str| {
        format!(
            "[function.hello]\n{lines}\n[api.main]\nauth = \"none\"\n\
             routes = {{ \"GET /\" = \"hello\" }}\n"
        )
    };
    let route = |function: &str| {
        format!("[api.main]\nauth = \"none\"\nroutes = {{ \"GET /\" = {function} }}\n")
    };
    for (text, expected) in [
        (table(""), "nothing says what the function runs"),
        (
            table("handler = \"a.b\"\nbinary = \"c\""),
            "a function runs one thing, this one has two",
        ),
        (table("command = []"), "`command` names no program"),
        (
            table("binary = \"--release\""),
            "`binary` must be the name of a binary",
        ),
        (
            table("handler = \"hello\""),
            "`handler` must be a file without its ending, a dot and an export",
        ),
        (
            table("handler = \"../hello.main\""),
            "`handler` must be inside the project's folder",
        ),
        (
            table("handler = \"a.b\"\ndirectory = \"/tmp\""),
            "`directory` must be inside the project's folder",
        ),
        (
            table("handler = \"a.b\"\ntimeout = \"0s\""),
            "`timeout` must be more than nothing and at most 30s",
        ),
        (
            table("handler = \"a.b\"\ntimeout = \"31s\""),
            "`timeout` must be more than nothing and at most 30s",
        ),
        (
            table("handler = \"a.b\"\nconcurrency = 65"),
            "`concurrency` must be a whole number from 1 to 64",
        ),
        (
            table("handler = \"a.b\"\nenvironment = { \"A-B\" = \"\" }"),
            "`A-B` cannot be a variable: names are letters, digits, `_`",
        ),
        (
            table("handler = \"a.b\"\nenvironment = { AWS_LAMBDA_RUNTIME_API = \"a\" }"),
            "`AWS_LAMBDA_RUNTIME_API` is set by the gateway",
        ),
        (route("\"helo\""), "there is no function `helo`"),
        (
            route("\"functions/.main\""),
            "`GET /` must be a file without its ending, a dot and an export",
        ),
        (
            route("{ function = \"a/../../b.main\" }"),
            "`function` must be inside the project's folder",
        ),
        (
            route("{ function = \"a.b\", respond = \"\" }"),
            "a route has one target, this one has two",
        ),
        (route("1"), "`GET /` must be a table, not an integer"),
    ] {
        let page = page(&text);
        assert!(
            page.contains(&format!("error: {expected}")),
            "{text}\n{page}"
        );
    }
}

#[test]
fn a_name_that_is_nearly_right_is_suggested_and_one_that_nobody_uses_noted() {
    let text = "[function.hello]\nhandler = \"a.b\"\n[api.main]\nauth = \"none\"\n\
                routes = { \"GET /\" = \"helo\" }\n";
    assert!(page(text).contains("did you mean `hello`?"));
    let unused = read("[function.hello]\nhandler = \"a.b\"\n");
    assert_eq!(unused.warnings.len(), 1);
}

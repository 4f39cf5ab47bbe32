use serde_json::{Value, json};

use crate::program::{Output, World};
use crate::session::Session;

/// A file with a warning: `"any"` gives up a check.
const OPEN: &str = r#"
[authorizer.user]
issuer = "https://issuer.example/"
audience = "any"
[api.main]
auth = "user"
[api.main.routes]
"GET /hello" = { respond = "hello" }
"#;

#[tokio::test]
async fn check_shows_who_may_call_each_route() {
    let world = World::example("proxy");
    let output = world.run(&["check"]).await;
    assert_eq!(output.status, Some(0));
    insta::assert_snapshot!(output.stdout, @r"
    GET  /health           none (public)       → http://127.0.0.1:9000/  portcullis.toml:12
    GET  /reports/{rest+}  user: read:reports  → http://127.0.0.1:9000/  portcullis.toml:13
    ANY  /                 user                → http://127.0.0.1:9000/  portcullis.toml:8, auth from line 9
    ANY  /{rest+}          user                → http://127.0.0.1:9000/  portcullis.toml:8, auth from line 9
    ");
    assert_eq!(output.stderr, "\nportcullis.toml is valid: 4 routes\n");

    let from_elsewhere = world.project();
    let mut command = world.command(&["check", from_elsewhere.to_str().unwrap()]);
    let output = Output::of(command.current_dir(world.elsewhere())).await;
    assert_eq!(output.status, Some(0), "{output:?}");
    assert_eq!(output.stdout.lines().count(), 4, "{output:?}");
}

#[tokio::test]
async fn check_speaks_json() {
    let world = World::example("hello");
    let output = world.run(&["check", "--format", "json"]).await;
    let json: Value = serde_json::from_str(output.data()).unwrap();
    let route = json!({
        "api": "main",
        "method": "GET",
        "path": "/hello/{name}",
        "line": 10,
        "auth": "user",
        "public": false,
        "auth_from": { "said_at": "api", "line": 8 },
        "target": "“Hello {name}”",
    });
    assert_eq!(
        json,
        json!({
            "valid": true,
            "diagnostics": [],
            "warnings": [],
            "routes": [route],
            "policies": [],
        })
    );

    let world = World::with_file("[authorizer.user]\naudience = [\"testing\"]\n");
    let output = world.run(&["check", "--format", "json"]).await;
    assert_eq!((output.status, output.stderr.as_str()), (Some(1), ""));
    let json: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(json["valid"], false);
    assert_eq!(json["diagnostics"][0]["severity"], "error");
    assert_eq!(json["diagnostics"][0]["line"], 1);
}

#[tokio::test]
async fn check_shows_where_an_api_says_what_it_is() {
    let file = r#"
[api.main]
auth = "none"
resource = "https://api.example.com/v1"
[api.main.routes]
"GET /hello" = { respond = "hello" }
"#;
    let output = World::with_file(file).run(&["check"]).await;
    insta::assert_snapshot!(output.stdout, @r"
    GET  /hello                                    none (public)  “hello”                                 portcullis.toml:6, auth from line 3
    GET  /.well-known/oauth-protected-resource/v1  none (public)  what the API says of itself (RFC 9728)  portcullis.toml:2
    ");
    let json = World::with_file(file)
        .run(&["check", "--format", "json"])
        .await;
    let json: Value = serde_json::from_str(json.data()).unwrap();
    let path = "/.well-known/oauth-protected-resource/v1";
    assert_eq!(
        json["routes"][1],
        json!({
            "api": "main",
            "method": "GET",
            "path": path,
            "line": 2,
            "auth": "none (public)",
            "public": true,
            "auth_from": { "said_at": "api", "line": 2 },
            "target": "what the API says of itself (RFC 9728)",
        })
    );

    let own = format!("{file}\"GET {path}\" = {{ respond = \"own\" }}\n");
    let output = World::with_file(&own).run(&["check"]).await;
    assert_eq!(output.stdout.lines().count(), 2, "{}", output.stdout);
}

#[tokio::test]
async fn a_warning_fails_the_check_only_when_it_is_strict() {
    let world = World::with_file(OPEN);
    for (arguments, expected) in [
        (&["check"][..], 0),
        (&["check", "--strict"], 1),
        (&["check", "--format", "json"], 0),
        (&["check", "--format", "json", "--strict"], 1),
    ] {
        let output = world.run(arguments).await;
        assert_eq!(output.status, Some(expected), "{arguments:?}: {output:?}");
        let told = output.stderr.contains("warning: ") || output.stdout.contains("\"warning\"");
        assert!(told, "{arguments:?}: {output:?}");
    }
    let output = world.run(&["check", "--strict"]).await;
    insta::assert_snapshot!(output.stderr, @r#"
    warning: `audience = "any"`: tokens that are meant for other APIs pass
     --> portcullis.toml:4:12
      |
    4 | audience = "any"
      |            ^^^^^


    portcullis.toml is valid: 1 route, 1 warning
    "#);
}

#[tokio::test]
async fn the_schema_accepts_the_examples_and_no_unknown_key() {
    let output = World::empty().run(&["schema"]).await;
    let schema: Value = serde_json::from_str(output.data()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(schema["$schema"].is_string(), "{schema}");
    assert!(validator.is_valid(&json!({ "name": "a" })));
    assert!(!validator.is_valid(&json!({ "nam": "a" })));
}

#[tokio::test]
async fn each_shell_gets_its_completions() {
    let world = World::empty();
    for shell in ["bash", "zsh", "fish"] {
        let output = world.run(&["completions", shell]).await;
        for word in ["explain", "tenant-listen", "client-secret"] {
            assert!(output.data().contains(word), "{shell}: {word}");
        }
    }
}

#[tokio::test]
async fn the_help_of_each_command_names_its_flags() {
    let world = World::empty();
    for (command, flags) in [
        (
            "dev",
            "--listen --tenant-listen --issuer --format --verbose",
        ),
        ("serve", "--listen --log-format --format"),
        (
            "token",
            "--audience --scope --client --client-secret --tenant --format",
        ),
        ("explain", "--token --project --issuer --jwks --format"),
        ("check", "--strict --format"),
        ("export openapi", "--api"),
        ("schema", "--help"),
        ("completions", "--help"),
    ] {
        let words: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let output = world.run(&words).await;
        for flag in flags.split(' ') {
            assert!(
                output.data().contains(flag),
                "{command} {flag}: {}",
                output.stdout
            );
        }
    }
    let help = world.run(&["--help"]).await;
    for command in [
        "dev",
        "serve",
        "token",
        "explain",
        "check",
        "schema",
        "export",
        "completions",
    ] {
        assert!(
            help.data().contains(&format!("\n  {command} ")),
            "{command}"
        );
    }
    let version = world.run(&["--version"]).await;
    assert_eq!(
        version.data(),
        concat!("portcullis ", env!("CARGO_PKG_VERSION"))
    );
}

#[tokio::test]
async fn the_secret_in_the_environment_is_not_shown_by_the_help() {
    let world = World::empty();
    let mut command = world.command(&["token", "--help"]);
    let output = Output::of(command.env("PORTCULLIS_CLIENT_SECRET", "hunter2")).await;
    assert!(
        output.data().contains("PORTCULLIS_CLIENT_SECRET"),
        "{output:?}"
    );
    assert!(!output.stdout.contains("hunter2"), "{output:?}");
}

#[tokio::test]
async fn nothing_is_coloured_without_a_terminal() {
    let world = World::example("proxy");
    let broken = World::with_file("[authorizer.user]\n");
    let mut outputs = Vec::new();
    for arguments in [
        &["--help"][..],
        &["check"],
        &["explain", "/reports/1"],
        &["explain", "/health"],
        &["token"],
        &["fly"],
    ] {
        outputs.push(world.run(arguments).await);
    }
    outputs.push(broken.run(&["check"]).await);
    outputs.push(World::empty().run(&["dev"]).await);
    for output in outputs {
        assert!(!output.stdout.contains('\u{1b}'), "{output:?}");
        assert!(!output.stderr.contains('\u{1b}'), "{output:?}");
    }
}

#[tokio::test]
async fn a_session_for_people_tells_what_to_try_first() {
    let world = World::example("hello");
    let listen = [
        "dev",
        "--listen",
        "127.0.0.1:0",
        "--tenant-listen",
        "127.0.0.1:0",
    ];
    let page = Session::read_page(&mut world.command(&listen), "Ctrl-C").await;
    let without_ports = without_password(&without_ports(&page));
    insta::assert_snapshot!(without_ports, @r#"
    Portcullis portcullis.toml

      API main  http://127.0.0.1:PORT
      Tenant    http://localhost:PORT/  stands in for https://your-auth0-app.region.auth0.com
      User      user@example.com         password MADE-UP

    Routes
      GET  /hello/{name}  user  “Hello {name}”

    Try it
      curl -i http://127.0.0.1:PORT/hello/world
      curl -i -H "Authorization: Bearer $(portcullis token)" http://127.0.0.1:PORT/hello/world

    Ctrl-C stops everything.
    "#);
}

/// `page` without the password that is made from the tenant's keys.
fn without_password(page: &str) -> String {
    let (before, after) = page
        .split_once("password ")
        .expect("the page tells a password");
    let (password, after) = after.split_at(12);
    assert!(!password.contains(char::is_whitespace), "{password}");
    format!("{before}password MADE-UP{after}")
}

/// `page` with `PORT` for each port.
fn without_ports(page: &str) -> String {
    let mut parts = page.split(':');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |page, part| {
        let rest = part.trim_start_matches(|character: char| character.is_ascii_digit());
        let port = if rest.len() < part.len() { "PORT" } else { "" };
        format!("{page}:{port}{rest}")
    })
}

#[tokio::test]
async fn a_reader_that_leaves_early_is_no_failure() {
    let world = World::empty();
    for arguments in [&["schema"][..], &["completions", "bash"]] {
        let mut child = world.command(arguments).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().await.unwrap();
        let output = Output::new(output.status, output.stdout, output.stderr);
        assert_eq!(
            (output.status, output.stderr.as_str()),
            (Some(0), ""),
            "{arguments:?}"
        );
    }
}

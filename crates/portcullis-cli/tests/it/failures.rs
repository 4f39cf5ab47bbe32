use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::program::World;

const DEV: [&str; 5] = [
    "dev",
    "--listen",
    "127.0.0.1:0",
    "--tenant-listen",
    "127.0.0.1:0",
];

#[tokio::test]
async fn a_taken_port_is_named_with_the_flag_that_chooses_another() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (what, flag, other) in [
        ("gateway", "--listen", "--tenant-listen"),
        ("tenant", "--tenant-listen", "--listen"),
    ] {
        let world = World::example("hello");
        let output = world
            .run(&["dev", flag, &address, other, "127.0.0.1:0"])
            .await;
        let expected = format!(
            "error: the {what} cannot listen on {address}: the port is taken\n\
             hint: stop what listens there, or choose another port: `{flag} 127.0.0.1:0`"
        );
        assert_eq!(output.failure(), expected);
        assert!(!has_notes(&world), "{what}");
    }
}

#[tokio::test]
async fn a_port_in_the_file_that_is_taken_is_named_too() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let world = World::example("hello");
    world.append(&format!("[server]\nlisten = \"{address}\"\n"));
    let output = world.run(&["dev", "--tenant-listen", "127.0.0.1:0"]).await;
    let expected = format!("error: the gateway cannot listen on {address}: the port is taken\n");
    assert!(output.failure().starts_with(&expected), "{output:?}");
}

#[tokio::test]
async fn an_address_of_another_machine_is_no_place_to_listen() {
    let world = World::example("hello");
    let output = world
        .run(&["dev", "--listen", "192.0.2.1:8080", "--tenant-listen", ":0"])
        .await;
    let expected = "error: the gateway cannot listen on 192.0.2.1:8080: \
                    Cannot assign requested address (os error 99)";
    assert_eq!(output.failure(), expected);
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_an_error_in_one_line() {
    let none = World::empty();
    let binary = World::with_file("");
    binary.write("portcullis.toml", b"name = \"\xff\"\n");
    let folder = World::empty();
    fs::create_dir(folder.project().join("portcullis.toml")).unwrap();
    for (name, world, expected) in [
        (
            "none",
            &none,
            "error: there is no portcullis.toml\n\
             hint: name the folder that has one, as in `portcullis {}examples/hello`"
                .to_owned(),
        ),
        (
            "binary",
            &binary,
            "error: portcullis.toml is not UTF-8 text".to_owned(),
        ),
        (
            "folder",
            &folder,
            "error: portcullis.toml cannot be read: Is a directory (os error 21)".to_owned(),
        ),
    ] {
        for (arguments, typed) in [
            (&DEV[..], "dev "),
            (&["check"], "check "),
            (&["explain", "GET /"], "explain 'GET /' --project "),
        ] {
            let output = world.run(arguments).await;
            let expected = expected.replace("{}", typed);
            assert_eq!(output.failure(), expected, "{name}: {arguments:?}");
        }
    }
}

#[tokio::test]
async fn a_variable_that_is_not_set_is_named_with_its_place() {
    let world = World::example("proxy");
    fs::remove_file(world.project().join(".env")).unwrap();
    let output = world.run(&DEV).await;
    insta::assert_snapshot!(output.failure(), @r#"
    error: `UPSTREAM` is not set
     --> portcullis.toml:8:12
      |
    8 | upstream = "${UPSTREAM}"                               # in .env: http://127.0.0.1:9000
      |            ^^^^^^^^^^^^^
      |
      = hint: set it in the environment or in `.env`
    "#);
}

#[tokio::test]
async fn a_list_of_variables_that_cannot_be_read_is_not_shown() {
    let world = World::example("proxy");
    world.write(
        ".env",
        "UPSTREAM=http://127.0.0.1:9000\nthe secret = is 'not closed\n",
    );
    let failure = world.run(&DEV).await.failure().to_owned();
    assert!(
        failure.ends_with("/project/.env is not a list of NAME=VALUE"),
        "{failure}"
    );
    assert_eq!(failure.lines().count(), 1, "{failure}");
}

#[tokio::test]
async fn a_syntax_error_is_shown_where_it_is() {
    let world = World::with_file("name = \"a\"\n[authorizer.user\n");
    let output = world.run(&DEV).await;
    insta::assert_snapshot!(output.failure(), @r"
    error: not TOML: unclosed table, expected `]`
     --> portcullis.toml:2:17
      |
    2 | [authorizer.user
      |                 ^
    ");
}

#[tokio::test]
async fn all_errors_are_shown_at_once() {
    let world = World::with_file(
        r#"
[authorizer.user]
issuer = "${NOT_SET}"
audiense = ["testing"]
[api.main]
auth = "usr"
[api.main.routes]
"GET /hello/{name}" = { respond = "Hello {nam}" }
"#,
    );
    let output = world.run(&DEV).await;
    insta::assert_snapshot!(output.failure(), @r#"
    error: `audience` is missing
     --> portcullis.toml:2:1
      |
    2 | [authorizer.user]
      | ^^^^^^^^^^^^^^^^^
      |
      = hint: write for example `audience = ["https://expenses-api"]`

    error: `NOT_SET` is not set
     --> portcullis.toml:3:10
      |
    3 | issuer = "${NOT_SET}"
      |          ^^^^^^^^^^^^
      |
      = hint: set it in the environment or in `.env`

    error: unknown key `audiense`
     --> portcullis.toml:4:1
      |
    4 | audiense = ["testing"]
      | ^^^^^^^^
      |
      = hint: did you mean `audience`?

    error: there is no authorizer `usr`
     --> portcullis.toml:6:8
      |
    6 | auth = "usr"
      |        ^^^^^
      |
      = hint: did you mean `user`?

    error: the path has no parameter `nam`
     --> portcullis.toml:8:35
      |
    8 | "GET /hello/{name}" = { respond = "Hello {nam}" }
      |                                   ^^^^^^^^^^^^^
      |
      = hint: the parameters of the path are `name`
    "#);
}

#[tokio::test]
async fn damaged_signing_keys_are_named_and_left_alone() {
    let world = World::example("hello");
    fs::create_dir_all(world.project().join(".portcullis/tenant")).unwrap();
    let keys = ".portcullis/tenant/signing-keys.pem";
    world.write(keys, "not keys");
    fs::set_permissions(world.project().join(keys), Permissions::from_mode(0o600)).unwrap();
    let failure = world.run(&DEV).await.failure().to_owned();
    let (error, hint) = failure.split_once('\n').unwrap();
    assert!(
        error.starts_with("error: ") && error.contains(keys),
        "{error}"
    );
    let problem = "does not hold a pair of signing keys: \
                   the file is not a sequence of PEM blocks labelled PRIVATE KEY";
    assert!(error.ends_with(problem), "{error}");
    assert_eq!(
        hint,
        "hint: restore the file, or remove it to have keys made; tokens of the old ones are void then"
    );
    assert_eq!(fs::read(world.project().join(keys)).unwrap(), b"not keys");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named() {
    let world = World::example("hello");
    // Not even the superuser, whom a container may run tests as, makes files there.
    symlink("/proc/self", world.project().join(".portcullis")).unwrap();
    let failure = world.run(&DEV).await.failure().to_owned();
    assert!(
        failure.contains("/project/.portcullis cannot be written: "),
        "{failure}"
    );
    assert_eq!(failure.lines().count(), 1, "{failure}");
    assert!(!has_notes(&world));
}

#[tokio::test]
async fn wrong_usage_ends_with_2() {
    let world = World::example("hello");
    for arguments in [
        &[][..],
        &["fly"],
        &["dev", "--fly"],
        &["dev", "--listen", "somewhere"],
        &["dev", "one", "two"],
        &["dev", "--format", "xml"],
        &["token", "--tenant", "not a url"],
        &["explain"],
        &["explain", "hello"],
        &["explain", "GET hello"],
        &["completions", "cmd"],
    ] {
        let output = world.run(arguments).await;
        assert_eq!(output.status, Some(2), "{arguments:?}: {output:?}");
        assert_eq!(output.stdout, "", "{arguments:?}");
        assert!(
            output.stderr.contains("Usage: ") || output.stderr.contains("--help"),
            "{output:?}"
        );
    }
}

fn has_notes(world: &World) -> bool {
    fs::read_dir(world.notes()).is_ok_and(|mut notes| notes.next().is_some())
}

//! What others on this machine, and pages in its browser, may try.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpListener;

use crate::program::{Output, World};
use crate::session::{Session, token};
use crate::web::{client, get_as, send};

const TENANT: [&str; 7] = [
    "dev",
    "--format",
    "json",
    "--listen",
    "127.0.0.1:0",
    "--tenant-listen",
    "127.0.0.1:0",
];

/// Listens on `address`, and counts the connections, which it ends.
async fn count_connections(address: &str) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(address).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::<AtomicUsize>::default();
    let counter = Arc::clone(&count);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    });
    (port, count)
}

#[tokio::test]
async fn what_else_bears_the_name_localhost_is_never_asked() {
    // Which of the two a resolver gives first depends on the machine.
    for (tenant, neighbour) in [("127.0.0.1", "[::1]"), ("[::1]", "127.0.0.1")] {
        let world = World::example("hello");
        let (port, connections) = count_connections(&format!("{neighbour}:0")).await;
        let listen = format!("{tenant}:{port}");
        let session = Session::start_with(&world, &["--tenant-listen", &listen]).await;
        let token = token(&world, &[]).await;
        let answer = get_as(&token, &session.url("/hello/world")).await;
        assert_eq!(answer.status, 200, "{listen}: {answer:?}");
        assert_eq!(connections.load(Ordering::Relaxed), 0, "{listen}");
    }
}

/// Has `dev` fail to leave a note, and `token` say why it finds no session.
async fn check_unnoted(name: &str, world: &World, reason: &str) {
    let session = Session::start(world).await;
    let expected = format!(
        "error: running sessions cannot be looked for: {reason}\n\
         hint: mend that, or ask the tenant as an application: add `--tenant URL --client \
         CLIENT_ID`, and set PORTCULLIS_CLIENT_SECRET"
    );
    assert_eq!(world.run(&["token"]).await.failure(), expected, "{name}");
    let said = session.stop().await.stderr;
    let expected = format!("warning: `portcullis token` will not find this session: {reason}\n");
    assert_eq!(said, expected, "{name}");
}

#[tokio::test]
async fn notes_are_left_and_believed_only_in_a_folder_of_one_s_own() {
    let shared = World::example("hello");
    fs::create_dir(shared.notes()).unwrap();
    fs::set_permissions(shared.notes(), Permissions::from_mode(0o770)).unwrap();
    let reason = format!("others may write in {}", shared.notes().display());
    check_unnoted("shared", &shared, &reason).await;

    let linked = World::example("hello");
    symlink(linked.elsewhere(), linked.notes()).unwrap();
    let reason = format!("{} is not a folder", linked.notes().display());
    check_unnoted("link", &linked, &reason).await;
    assert_eq!(fs::read_dir(linked.elsewhere()).unwrap().count(), 0);

    let occupied = World::example("hello");
    fs::write(occupied.notes(), "").unwrap();
    let reason = format!("{} is not a folder", occupied.notes().display());
    check_unnoted("file", &occupied, &reason).await;
}

#[tokio::test]
async fn without_a_folder_of_the_user_dev_goes_on_and_token_says_why_it_cannot() {
    let world = World::example("hello");
    let homeless = |arguments: &[&str]| {
        let mut command = world.command(arguments);
        command.env_remove("HOME").env_remove("XDG_RUNTIME_DIR");
        command
    };
    let session = Session::spawn(&mut homeless(&TENANT)).await;
    let output = Output::of(&mut homeless(&["token"])).await;
    let reason = "none of XDG_RUNTIME_DIR, XDG_STATE_HOME and HOME is set";
    let expected = format!("error: running sessions cannot be looked for: {reason}\n");
    assert!(output.failure().starts_with(&expected), "{output:?}");
    let said = session.stop().await.stderr;
    let expected = format!("warning: `portcullis token` will not find this session: {reason}\n");
    assert_eq!(said, expected);
}

#[tokio::test]
async fn a_note_of_nobody_is_removed_and_a_link_is_not_believed() {
    let world = World::example("hello");
    let session = Session::start(&world).await;
    let note = fs::read_dir(world.notes()).unwrap().next().unwrap();
    let note = note.unwrap().path();
    let moved = world.elsewhere().join("note");
    fs::copy(&note, world.notes().join("dev-1.json")).unwrap();
    fs::rename(&note, &moved).unwrap();
    symlink(&moved, world.notes().join("dev-2.json")).unwrap();

    let failure = world.run(&["token"]).await.failure().to_owned();
    let expected = "error: no `portcullis dev` runs in this folder\n";
    assert!(failure.starts_with(expected), "{failure}");
    assert_eq!(fs::read_dir(world.notes()).unwrap().count(), 0);
    assert!(moved.exists());
    drop(session);
}

#[tokio::test]
async fn only_names_of_this_machine_reach_the_tenant() {
    let world = World::example("hello");
    let session = Session::start(&world).await;
    let url = format!("{}.well-known/jwks.json", session.issuer());
    let url = url.replace("localhost", "127.0.0.1");
    for (host, status) in [
        ("localhost:4000", 200),
        ("LOCALHOST", 200),
        ("tenant.localhost:1", 200),
        ("127.0.0.1", 200),
        ("127.1.2.3:4000", 200),
        ("[::1]:4000", 200),
        ("evil.example", 421),
        ("evil.example:4000", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("evillocalhost", 421),
        ("192.0.2.1", 421),
        ("[2001:db8::1]", 421),
        ("local host", 421),
        ("", 421),
    ] {
        let answer = send(client().get(&url).header("host", host)).await;
        assert_eq!(answer.status, status, "{host}");
        if status == 421 {
            assert_eq!(answer.json()["statusCode"], 421, "{host}: {answer:?}");
        }
    }

    let everywhere = Session::start_with(&world, &["--tenant-listen", "0.0.0.0:0"]).await;
    let url = format!("{}.well-known/jwks.json", everywhere.issuer());
    let url = url.replace("localhost", "127.0.0.1");
    let answer = send(client().get(&url).header("host", "laptop.example")).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_link_in_the_project_s_state_is_not_followed() {
    let world = World::example("hello");
    let victim = world.elsewhere().join("victim");
    fs::create_dir(world.project().join(".portcullis")).unwrap();
    symlink(&victim, world.project().join(".portcullis/.gitignore")).unwrap();
    drop(Session::start(&world).await);
    assert!(!victim.exists());
}

#[tokio::test]
async fn signing_keys_that_others_can_read_are_not_used() {
    let world = World::example("hello");
    drop(Session::start(&world).await);
    let keys = world.project().join(".portcullis/tenant/signing-keys.pem");
    fs::set_permissions(&keys, Permissions::from_mode(0o640)).unwrap();
    let keys = keys.display();
    let expected = format!(
        "error: {keys} is not safe to use: its mode is 640, which lets others have the keys\n\
         hint: if nobody has read it: `chmod 600 {keys}`; else remove it to have keys made"
    );
    for arguments in [&TENANT[..], &["explain", "GET /hello/world"]] {
        assert_eq!(world.run(arguments).await.failure(), expected);
    }
}

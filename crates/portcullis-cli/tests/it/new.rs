//! `portcullis new`, to the request that the made project answers.

use std::fs;

use crate::program::World;
use crate::session::{Session, token};
use crate::web::{get, get_as};

#[tokio::test]
async fn a_made_project_runs_at_once() {
    let world = World::empty();
    let output = world.run(&["new", ".", "--template", "hello"]).await;
    assert_eq!((output.status, output.stdout.as_str()), (Some(0), ""));
    let ignored = fs::read_to_string(world.project().join(".gitignore")).unwrap();
    assert_eq!(ignored, "/.portcullis/\n");

    let session = Session::start(&world).await;
    let url = session.url("/hello/world");
    assert_eq!(get(&url).await.status, 401);
    let answer = get_as(&token(&world, &[]).await, &url).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "Hello world"));
}

#[tokio::test]
async fn every_template_makes_a_valid_project() {
    for template in ["hello", "gateway", "expenses"] {
        let world = World::empty();
        let output = world
            .run(&["new", "made/app", "--template", template])
            .await;
        assert_eq!(output.status, Some(0), "{template}: {output:?}");
        assert!(output.stderr.contains("    cd made/app\n"), "{output:?}");
        let output = world.run(&["check", "made/app"]).await;
        assert_eq!(output.status, Some(0), "{template}: {output:?}");
    }
}

#[tokio::test]
async fn what_is_there_stays_as_it_is() {
    let world = World::empty();
    world.write(".hidden", "mine");
    let output = world.run(&["new", ".", "--template", "hello"]).await;
    assert_eq!(output.status, Some(1));
    assert_eq!(
        output.stderr,
        "error: . is not empty\nhint: name a folder that is empty, or not there yet\n"
    );
    let output = world.run(&["new", ".hidden", "--template", "hello"]).await;
    assert_eq!(output.status, Some(1));
    assert!(
        output.stderr.starts_with("error: cannot read .hidden: "),
        "{output:?}"
    );
    assert_eq!(fs::read_dir(world.project()).unwrap().count(), 1);
    let kept = fs::read_to_string(world.project().join(".hidden")).unwrap();
    assert_eq!(kept, "mine");
}

#[tokio::test]
async fn without_a_terminal_nothing_is_asked() {
    let world = World::empty();
    let output = world.run(&["new", "app"]).await;
    assert_eq!(output.status, Some(1));
    assert_eq!(
        output.stderr,
        "error: there is no terminal to ask for a template at\n\
         hint: say `--template` with one of `hello`, `gateway`, `expenses`\n"
    );
    assert!(!world.project().join("app").exists());

    let output = world.run(&["new", "app", "--template", "unheard-of"]).await;
    assert_eq!(output.status, Some(2), "{output:?}");
}

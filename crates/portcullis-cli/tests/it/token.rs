use std::net::TcpListener;

use serde_json::Value;

use crate::program::{Output, World};
use crate::session::{Session, token};
use crate::web::get_as;

const NONE_HERE: &str = "error: no `portcullis dev` runs in this folder\n";

#[tokio::test]
async fn without_a_session_it_says_how_to_start_one() {
    let world = World::example("hello");
    let expected = format!("{NONE_HERE}hint: start one in another terminal: `portcullis dev`");
    assert_eq!(world.run(&["token"]).await.failure(), expected);
}

#[tokio::test]
async fn a_session_elsewhere_is_named() {
    let world = World::example("hello");
    let session = Session::start(&world).await;
    let mut command = world.command(&["token"]);
    let output = Output::of(command.current_dir(world.elsewhere())).await;
    let hint = format!(
        "hint: one runs elsewhere: add `--tenant {}`",
        session.issuer()
    );
    assert_eq!(output.failure(), format!("{NONE_HERE}{hint}"));
}

#[tokio::test]
async fn one_of_several_audiences_has_to_be_chosen() {
    let world = World::example("hello");
    world
        .append("[authorizer.other]\nissuer = \"https://o.example/\"\naudience = [\"a\", \"b\"]\n");
    let session = Session::start(&world).await;
    let output = world.run(&["token"]).await;
    let expected = "error: there are several APIs to get a token for\n\
                    hint: add one of: --audience a, --audience b, --audience testing";
    assert_eq!(output.failure(), expected);

    for (audience, status) in [("testing", 200), ("a", 401)] {
        let token = token(&world, &["--audience", audience]).await;
        let answer = get_as(&token, &session.url("/hello/world")).await;
        assert_eq!(answer.status, status, "{audience}");
    }
}

#[tokio::test]
async fn the_whole_answer_is_there_for_programs() {
    let world = World::example("hello");
    let _session = Session::start(&world).await;
    let output = world.run(&["token", "--format", "json"]).await;
    let answer: Value = serde_json::from_str(output.data()).unwrap();
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["expires_in"], 86_400);
    assert!(
        answer["access_token"].as_str().unwrap().starts_with("ey"),
        "{answer}"
    );
}

#[tokio::test]
async fn the_tenant_on_this_machine_is_never_asked_by_way_of_a_proxy() {
    let world = World::example("hello");
    let session = Session::start(&world).await;
    let mut command = world.command(&["token"]);
    let proxy = "http://127.0.0.1:1";
    let output = Output::of(command.env("http_proxy", proxy).env("ALL_PROXY", proxy)).await;
    let answer = get_as(output.data(), &session.url("/hello/world")).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_session_is_found_on_whatever_address_its_tenant_listens() {
    let world = World::example("hello");
    for listen in ["127.0.0.2:0", "0.0.0.0:0"] {
        let arguments = ["--tenant-listen", listen];
        let session = Session::start_with(&world, &arguments).await;
        let output = world.run(&["token", "--format", "json"]).await;
        assert_eq!(output.status, Some(0), "{listen}: {output:?}");
        session.stop().await;
    }
}

#[tokio::test]
async fn a_session_that_was_killed_is_not_taken_for_a_running_one() {
    let world = World::example("hello");
    // An address of its own, so that nobody but this test takes the port.
    let session = Session::start_with(&world, &["--tenant-listen", "127.0.0.4:0"]).await;
    let issuer: url::Url = session.issuer().parse().unwrap();
    let address = issuer.socket_addrs(|| None).unwrap();
    session.signal("KILL").await;
    session.end().await;
    // Somebody else has its port by now.
    let _other = TcpListener::bind(address.as_slice()).unwrap();
    let expected = format!("{NONE_HERE}hint: start one in another terminal: `portcullis dev`");
    assert_eq!(world.run(&["token"]).await.failure(), expected);
}

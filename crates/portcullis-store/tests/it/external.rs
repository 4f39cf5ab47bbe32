//! The suite on PostgreSQL, with one server for all of it.

use portcullis_store::tenant::Database;

use crate::fixture::{Fixture, at_once};
use crate::postgres::PostgresServer;
use crate::suite;

/// Starts a server, or says that there is nothing to start.
#[expect(clippy::print_stderr, reason = "who reads the tests' output must know")]
pub(crate) fn start_server() -> Option<PostgresServer> {
    let server = PostgresServer::start();
    if server.is_none() {
        eprintln!("not tested: PostgreSQL is not installed (Debian's package `postgresql`)");
    }
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_suite_holds_on_postgresql() {
    let Some(server) = start_server() else {
        return;
    };
    // Bringing a schema up to date takes longer than copying it; and many may do it at once.
    let template = server.create_database("template_of_cases");
    let opened = at_once(8, |_| {
        let url = template.clone();
        async move { Database::open(&url).await.unwrap() }
    })
    .await;
    for database in opened {
        database.close().await;
    }
    let mut failures = Vec::new();
    for (number, (name, case)) in suite::ALL.into_iter().flatten().enumerate() {
        let url = server.copy_database("template_of_cases", &format!("case_{number}"));
        let fixture = Fixture::open(&url).await;
        let database = fixture.database.clone();
        // As a task, so that a case that panics does not keep the next ones from being seen.
        if tokio::spawn(case(fixture)).await.is_err() {
            failures.push(name);
        }
        database.close().await;
    }
    assert!(
        failures.is_empty(),
        "these fail on PostgreSQL: {failures:#?}"
    );
}

use std::error::Error as _;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use portcullis_store::tenant::{Database, DatabaseError, OpenError};
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;

use crate::fixture::{SqliteFile, at_once, client};

#[tokio::test]
async fn the_files_are_their_owners_alone_even_where_they_were_not() {
    let file = SqliteFile::create();
    let path = file.directory.path().join("tenant.db");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let fixture = file.open().await;
    fixture.seed().await;
    let mut names = Vec::new();
    for entry in fs::read_dir(file.directory.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort_unstable();
    assert_eq!(names, ["tenant.db", "tenant.db-shm", "tenant.db-wal"]);
}

#[tokio::test]
async fn what_was_written_is_there_when_it_is_opened_again() {
    let file = SqliteFile::create();
    let fixture = file.open().await;
    fixture.seed().await;
    fixture.database.close().await;
    let database = file.open().await.database;
    let client = database.clients().find("web").await.unwrap();
    assert_eq!(client.unwrap().name, "The web");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_open_an_empty_database_at_once_none_fails() {
    let file = SqliteFile::create();
    let databases = at_once(8, |_| {
        let url = file.url();
        async move { Database::open(&url).await.unwrap() }
    })
    .await;
    for database in databases {
        assert_eq!(database.clients().find("web").await.unwrap(), None);
        database.close().await;
    }
}

#[tokio::test]
async fn a_schema_of_a_later_version_is_refused() {
    let file = SqliteFile::create();
    file.open().await.database.close().await;
    let mut connection = SqliteConnection::connect(&file.url()).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (99, 'later', TRUE, x'00', 0)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
    let error = Database::open(&file.url()).await.unwrap_err();
    assert!(
        matches!(
            error,
            OpenError::NewerSchema {
                found: 99,
                known: 2
            }
        ),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        "the database has schema 99, of a later version of the program; this one knows 2"
    );
}

#[tokio::test]
async fn a_url_that_names_no_database_is_refused() {
    for url in ["", "tenant.db", "sqlite://", "mysql://localhost/tenant"] {
        let error = Database::open(url).await.unwrap_err();
        assert!(matches!(error, OpenError::Url), "{url}: {error:?}");
    }
    let error = Database::open("postgres://ada:hunter2@localhost:port/tenant")
        .await
        .unwrap_err();
    assert!(matches!(error, OpenError::PostgresUrl { .. }), "{error:?}");
    let mut told = format!("{error:?} {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        told.push_str(&error.to_string());
        cause = error.source();
    }
    assert!(!told.contains("hunter2"), "{told}");
}

#[tokio::test]
async fn a_file_that_is_something_else_is_refused_and_left_as_it_is() {
    let file = SqliteFile::create();
    let path = file.directory.path().join("tenant.db");
    let text = "This is a letter, and no database at all. ".repeat(50);
    fs::write(&path, &text).unwrap();
    let error = Database::open(&file.url()).await.unwrap_err();
    assert!(matches!(error, OpenError::Connect { .. }), "{error:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);

    let missing = format!("sqlite://{}/no/tenant.db", file.directory.path().display());
    let error = Database::open(&missing).await.unwrap_err();
    assert!(matches!(error, OpenError::File { .. }), "{error:?}");
}

#[tokio::test]
async fn who_cannot_write_because_another_does_is_told_after_a_while() {
    let file = SqliteFile::create();
    let database = file.open().await.database;
    let mut other = SqliteConnection::connect(&file.url()).await.unwrap();
    let held = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let clients = database.clients();
    let error = clients.insert(&client("web")).await.unwrap_err();
    assert!(matches!(error, DatabaseError::Busy { .. }), "{error:?}");
    assert_eq!(error.to_string(), "the database is too busy");
    // Reading goes on meanwhile, and writing afterwards.
    assert_eq!(clients.find("web").await.unwrap(), None);
    held.rollback().await.unwrap();
    clients.insert(&client("web")).await.unwrap();
}

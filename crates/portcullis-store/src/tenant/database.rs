use std::fmt;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, PgPool, Postgres, Sqlite, SqlitePool};

use super::sql::{FromRecord, Record, Statement};
use super::{DatabaseError, OpenError, migrations};

/// How long a caller waits for a connection, a lock of a row or the lock of the file.
const WAIT: Duration = Duration::from_secs(5);
/// How long PostgreSQL works at one statement.
const STATEMENT_TIMEOUT: &str = "10s";
const READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 16;

/// The tenant's database, of one tenant, in a file or on a server.
///
/// Clones share their connections. Every method is one transaction: when it fails, or its future is
/// dropped before the end, nothing of it is kept; what it has answered survives the process.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use portcullis_store::tenant::{Database, Role};
///
/// # let directory = tempfile::tempdir().unwrap();
/// # let url = format!("sqlite://{}/tenant.db", directory.path().display());
/// let database = Database::open(&url).await?;
/// let role = Role {
///     id: "rol_1".into(),
///     name: "accountant".into(),
///     description: String::new(),
///     created_at: 1_800_000_000,
/// };
/// database.roles().insert(&role).await?;
/// assert_eq!(database.roles().find("rol_1").await?, Some(role));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Database(Pools);

#[derive(Clone)]
enum Pools {
    /// SQLite has one writer at a time: one connection, so that they wait here and not by polling.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
    Postgres(PgPool),
}

impl Database {
    /// Opens a database and brings its schema up to date.
    ///
    /// `sqlite://PATH` is a file, absolute with three slashes and taken as it is written; it is made when
    /// missing, for this user alone. `postgres://USER:PASSWORD@HOST/NAME` is a database that exists.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        match url.split_once("://") {
            Some(("sqlite", path)) if !path.is_empty() => open_sqlite(Path::new(path)).await,
            Some(("postgres" | "postgresql", _)) => open_postgres(url).await,
            _ => Err(OpenError::Url),
        }
        .map(Self)
    }

    /// Waits for what is under way and closes every connection.
    pub async fn close(&self) {
        match &self.0 {
            Pools::Sqlite { writer, readers } => {
                // The writer last: it is who copies the log into the file.
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }

    pub(super) async fn read_one<T: FromRecord>(
        &self,
        statement: Statement,
    ) -> Result<Option<T>, DatabaseError> {
        let record = match &self.0 {
            Pools::Sqlite { readers, .. } => statement
                .for_sqlite()?
                .fetch_optional(readers)
                .await
                .map(|row| row.map(Record::Sqlite)),
            Pools::Postgres(pool) => statement
                .for_postgres()?
                .fetch_optional(pool)
                .await
                .map(|row| row.map(Record::Postgres)),
        };
        read_optional(record)
    }

    /// Reads every row: the statement has a limit, or what it lists is bounded.
    pub(super) async fn read_all<T: FromRecord>(
        &self,
        statement: Statement,
    ) -> Result<Vec<T>, DatabaseError> {
        let records: Result<Vec<Record>, _> = match &self.0 {
            Pools::Sqlite { readers, .. } => statement
                .for_sqlite()?
                .fetch_all(readers)
                .await
                .map(|rows| rows.into_iter().map(Record::Sqlite).collect()),
            Pools::Postgres(pool) => statement
                .for_postgres()?
                .fetch_all(pool)
                .await
                .map(|rows| rows.into_iter().map(Record::Postgres).collect()),
        };
        records
            .map_err(DatabaseError::from_driver)?
            .iter()
            .map(T::from_record)
            .collect()
    }

    /// Reads the column `count` of the one row that the statement gives.
    pub(super) async fn count(&self, statement: Statement) -> Result<i64, DatabaseError> {
        let count: Option<Count> = self.read_one(statement).await?;
        Ok(count.map_or(0, |Count(count)| count))
    }

    /// Runs one statement that writes and gives a row where it did.
    pub(super) async fn write_one<T: FromRecord>(
        &self,
        statement: Statement,
    ) -> Result<Option<T>, DatabaseError> {
        // All rows are fetched though there is at most one: the row comes before the commit, and what
        // is not kept must not be acknowledged.
        let record = match &self.0 {
            Pools::Sqlite { writer, .. } => statement
                .for_sqlite()?
                .fetch_all(writer)
                .await
                .map(|rows| rows.into_iter().next().map(Record::Sqlite)),
            Pools::Postgres(pool) => statement
                .for_postgres()?
                .fetch_all(pool)
                .await
                .map(|rows| rows.into_iter().next().map(Record::Postgres)),
        };
        read_optional(record)
    }

    /// Runs one statement that writes, and says to how many rows.
    pub(super) async fn write(&self, statement: Statement) -> Result<u64, DatabaseError> {
        match &self.0 {
            Pools::Sqlite { writer, .. } => statement
                .for_sqlite()?
                .execute(writer)
                .await
                .map(|done| done.rows_affected()),
            Pools::Postgres(pool) => statement
                .for_postgres()?
                .execute(pool)
                .await
                .map(|done| done.rows_affected()),
        }
        .map_err(DatabaseError::from_driver)
    }

    /// Starts a transaction that writes. It is rolled back unless it is committed.
    pub(super) async fn begin(&self) -> Result<Transaction, DatabaseError> {
        match &self.0 {
            // Immediate: one that reads before it writes could otherwise not go on to write.
            Pools::Sqlite { writer, .. } => writer
                .begin_with("BEGIN IMMEDIATE")
                .await
                .map(Transaction::Sqlite),
            Pools::Postgres(pool) => pool.begin().await.map(Transaction::Postgres),
        }
        .map_err(DatabaseError::from_driver)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Pools::Sqlite { .. } => "Database(sqlite)",
            Pools::Postgres(_) => "Database(postgres)",
        })
    }
}

/// Several statements of which all are kept or none.
pub(super) enum Transaction {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Transaction {
    pub(super) async fn one<T: FromRecord>(
        &mut self,
        statement: Statement,
    ) -> Result<Option<T>, DatabaseError> {
        let record = match self {
            Self::Sqlite(transaction) => statement
                .for_sqlite()?
                .fetch_optional(&mut **transaction)
                .await
                .map(|row| row.map(Record::Sqlite)),
            Self::Postgres(transaction) => statement
                .for_postgres()?
                .fetch_optional(&mut **transaction)
                .await
                .map(|row| row.map(Record::Postgres)),
        };
        read_optional(record)
    }

    pub(super) async fn run(&mut self, statement: Statement) -> Result<u64, DatabaseError> {
        match self {
            Self::Sqlite(transaction) => statement
                .for_sqlite()?
                .execute(&mut **transaction)
                .await
                .map(|done| done.rows_affected()),
            Self::Postgres(transaction) => statement
                .for_postgres()?
                .execute(&mut **transaction)
                .await
                .map(|done| done.rows_affected()),
        }
        .map_err(DatabaseError::from_driver)
    }

    pub(super) async fn commit(self) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await,
            Self::Postgres(transaction) => transaction.commit().await,
        }
        .map_err(DatabaseError::from_driver)
    }
}

struct Count(i64);

impl FromRecord for Count {
    fn from_record(record: &Record) -> Result<Self, DatabaseError> {
        record.read("count").map(Self)
    }
}

fn read_optional<T: FromRecord>(
    record: Result<Option<Record>, sqlx::Error>,
) -> Result<Option<T>, DatabaseError> {
    record
        .map_err(DatabaseError::from_driver)?
        .as_ref()
        .map(T::from_record)
        .transpose()
}

async fn open_sqlite(path: &Path) -> Result<Pools, OpenError> {
    keep_private(path).map_err(|cause| OpenError::File {
        path: path.to_owned(),
        cause,
    })?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // Not `Normal`: after a power cut, what was spent must not be unspent.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(WAIT)
        .disable_statement_logging();
    let connect = |cause| OpenError::Connect { cause };
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(WAIT)
        .connect_with(options.clone())
        .await
        .map_err(connect)?;
    migrate_sqlite(&writer).await.map_err(migration_error)?;
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(WAIT)
        .connect_with(options.pragma("query_only", "ON"))
        .await
        .map_err(connect)?;
    Ok(Pools::Sqlite { writer, readers })
}

/// Makes the file if it is missing, and takes it from everybody else: it holds hashes of passwords.
fn keep_private(path: &Path) -> io::Result<()> {
    // A file that is there is not opened: to close it would end the locks that SQLite has on it for
    // another `Database` of this process.
    let created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match created {
        Err(cause) if cause.kind() != ErrorKind::AlreadyExists => Err(cause),
        // SQLite gives the files beside it the same mode.
        _ => fs::set_permissions(path, Permissions::from_mode(0o600)),
    }
}

/// Brings a file's schema up to date, though another process may do so at the same time.
async fn migrate_sqlite(writer: &SqlitePool) -> Result<(), MigrateError> {
    let migrator = migrations::for_sqlite();
    for _ in migrator.iter() {
        match migrator.run(writer).await {
            // sqlx locks nothing in SQLite. The other's step is there by the time that ours fails.
            Err(MigrateError::Execute(_) | MigrateError::ExecuteMigration(..)) => {}
            outcome => return outcome,
        }
    }
    migrator.run(writer).await
}

async fn open_postgres(url: &str) -> Result<Pools, OpenError> {
    let timeout = STATEMENT_TIMEOUT;
    let lock_timeout = WAIT.as_millis().to_string();
    let options = PgConnectOptions::from_str(url)
        .map_err(|cause| OpenError::PostgresUrl { cause })?
        .application_name("portcullis")
        .options([
            ("statement_timeout", timeout),
            ("lock_timeout", &lock_timeout),
        ])
        .disable_statement_logging();
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(WAIT)
        .connect_with(options)
        .await
        .map_err(|cause| OpenError::Connect { cause })?;
    migrations::for_postgres()
        .run(&pool)
        .await
        .map_err(migration_error)?;
    Ok(Pools::Postgres(pool))
}

fn migration_error(cause: MigrateError) -> OpenError {
    match cause {
        MigrateError::VersionMissing(found) => OpenError::NewerSchema {
            found,
            known: migrations::latest(),
        },
        cause => OpenError::Migrate { cause },
    }
}

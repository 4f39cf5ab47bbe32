use std::path::PathBuf;

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL is neither `sqlite://PATH` nor `postgres://…`. It may hold a password: it is not shown.
    #[error("the database URL must be `sqlite://PATH` or `postgres://USER@HOST/NAME`")]
    Url,
    /// What follows `postgres://` cannot be read.
    #[error("the PostgreSQL URL cannot be read")]
    PostgresUrl {
        /// What is wrong with it.
        #[source]
        cause: sqlx::Error,
    },
    /// The file could not be made, or its mode not be changed.
    #[error("cannot use `{}` as a database file", path.display())]
    File {
        /// The file of the URL.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: std::io::Error,
    },
    /// The server did not answer, or refused us; or the file is no SQLite database.
    #[error("cannot connect to the database")]
    Connect {
        /// What the driver says.
        #[source]
        cause: sqlx::Error,
    },
    /// A later version of the program has written here; this one could destroy what it wrote.
    #[error(
        "the database has schema {found}, of a later version of the program; this one knows {known}"
    )]
    NewerSchema {
        /// A migration in the database that this program does not have.
        found: i64,
        /// The highest migration of this program.
        known: i64,
    },
    /// The schema could not be brought up to date.
    #[error("cannot bring the database's schema up to date")]
    Migrate {
        /// What the migration says.
        #[source]
        cause: sqlx::migrate::MigrateError,
    },
}

/// Why an operation on the database failed. Nothing of it is kept then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// There is a row with the same id, name or pair already: HTTP 409.
    #[error("there is already one with this id or name")]
    Duplicate {
        /// What the database says.
        #[source]
        cause: sqlx::Error,
    },
    /// The row names another, as a client, a user or an API, that does not exist.
    #[error("what the row refers to does not exist")]
    Reference {
        /// What the database says.
        #[source]
        cause: sqlx::Error,
    },
    /// No connection became free in time.
    #[error("the database is too busy")]
    Busy {
        /// What the driver says.
        #[source]
        cause: sqlx::Error,
    },
    /// A column holds what this program does not write.
    #[error("the database's column `{column}` cannot be read")]
    Damaged {
        /// The column, without its table.
        column: &'static str,
    },
    /// A list or an object could not be written as JSON.
    #[error("a value cannot be written as JSON")]
    Json {
        /// What is wrong with the value.
        #[source]
        cause: serde_json::Error,
    },
    /// The database failed otherwise.
    #[error("the database failed")]
    Query {
        /// What the database says.
        #[source]
        cause: sqlx::Error,
    },
}

impl DatabaseError {
    /// Sorts an error by what its caller can do about it.
    pub(super) fn from_driver(cause: sqlx::Error) -> Self {
        match &cause {
            sqlx::Error::PoolTimedOut => Self::Busy { cause },
            sqlx::Error::Database(error) if error.is_unique_violation() => {
                Self::Duplicate { cause }
            }
            sqlx::Error::Database(error) if error.is_foreign_key_violation() => {
                Self::Reference { cause }
            }
            _ => Self::Query { cause },
        }
    }
}

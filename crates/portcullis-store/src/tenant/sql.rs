//! Statements and rows that do not know which database they are for.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::postgres::PgRow;
use sqlx::query::Query;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Postgres, Row as _, Sqlite, Type};

use super::{DatabaseError, Hash};

/// What stands in the place of a `$N`. Each has its type when it is null: PostgreSQL asks for it.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(Option<String>),
    Integer(Option<i64>),
    Boolean(Option<bool>),
    Bytes(Option<Vec<u8>>),
}

/// A fixed text with its values, which serves both databases.
#[derive(Debug)]
pub(super) struct Statement {
    text: &'static str,
    values: Vec<Value>,
    /// The first value that could not be written.
    failure: Option<serde_json::Error>,
}

/// A statement without values.
pub(super) const fn sql(text: &'static str) -> Statement {
    Statement {
        text,
        values: Vec::new(),
        failure: None,
    }
}

impl Statement {
    /// Gives the next `$N` its value.
    pub(super) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Gives the next `$N` a value as JSON.
    pub(super) fn json(mut self, value: &impl Serialize) -> Self {
        match serde_json::to_string(value) {
            Ok(text) => self.values.push(text.into()),
            Err(cause) => self.failure = Some(cause),
        }
        self
    }

    pub(super) fn for_sqlite(
        self,
    ) -> Result<Query<'static, Sqlite, sqlx::sqlite::SqliteArguments>, DatabaseError> {
        self.check()?;
        let query = sqlx::query::<Sqlite>(self.text);
        Ok(self
            .values
            .into_iter()
            .fold(query, |query, value| match value {
                Value::Text(text) => query.bind(text),
                Value::Integer(number) => query.bind(number),
                Value::Boolean(boolean) => query.bind(boolean),
                Value::Bytes(bytes) => query.bind(bytes),
            }))
    }

    pub(super) fn for_postgres(
        self,
    ) -> Result<Query<'static, Postgres, sqlx::postgres::PgArguments>, DatabaseError> {
        self.check()?;
        let query = sqlx::query::<Postgres>(self.text);
        Ok(self
            .values
            .into_iter()
            .fold(query, |query, value| match value {
                Value::Text(text) => query.bind(text),
                Value::Integer(number) => query.bind(number),
                Value::Boolean(boolean) => query.bind(boolean),
                Value::Bytes(bytes) => query.bind(bytes),
            }))
    }
}

impl Statement {
    fn check(&self) -> Result<(), DatabaseError> {
        // A JSON error cannot be cloned; its text says the same.
        match &self.failure {
            Some(cause) => Err(DatabaseError::Json {
                cause: serde::ser::Error::custom(cause),
            }),
            None => Ok(()),
        }
    }
}

/// A row of a result.
pub(super) enum Record {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// A type that a column of both databases can be read as.
pub(super) trait Column:
    for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

impl<T> Column for T where
    T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

impl Record {
    pub(super) fn read<T: Column>(&self, column: &'static str) -> Result<T, DatabaseError> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
        .map_err(|_| DatabaseError::Damaged { column })
    }

    /// Reads a column that holds JSON.
    pub(super) fn json<T: DeserializeOwned>(
        &self,
        column: &'static str,
    ) -> Result<T, DatabaseError> {
        let text: String = self.read(column)?;
        serde_json::from_str(&text).map_err(|_| DatabaseError::Damaged { column })
    }

    pub(super) fn hash(&self, column: &'static str) -> Result<Hash, DatabaseError> {
        self.find_hash(column)?
            .ok_or(DatabaseError::Damaged { column })
    }

    pub(super) fn find_hash(&self, column: &'static str) -> Result<Option<Hash>, DatabaseError> {
        let bytes: Option<Vec<u8>> = self.read(column)?;
        bytes
            .map(|bytes| Hash::try_from(bytes.as_slice()))
            .transpose()
            .map_err(|_| DatabaseError::Damaged { column })
    }

    /// Reads a column that holds one of a few words.
    pub(super) fn word<T>(
        &self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, DatabaseError> {
        let word: String = self.read(column)?;
        parse(&word).ok_or(DatabaseError::Damaged { column })
    }
}

/// A type that a row can be read as.
pub(super) trait FromRecord: Sized {
    fn from_record(record: &Record) -> Result<Self, DatabaseError>;
}

impl Value {
    /// PostgreSQL's texts cannot hold the character NUL, which a request can: it becomes U+FFFD, in
    /// SQLite too, so that it finds nothing rather than fails.
    fn text(text: &str) -> Self {
        Self::Text(Some(text.replace('\0', "\u{fffd}")))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::text(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::text(&text)
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        text.map_or(Self::Text(None), Self::text)
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        text.as_deref().into()
    }
}

impl From<&Option<String>> for Value {
    fn from(text: &Option<String>) -> Self {
        text.as_deref().into()
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(Some(number))
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for Value {
    fn from(boolean: bool) -> Self {
        Self::Boolean(Some(boolean))
    }
}

impl From<Option<bool>> for Value {
    fn from(boolean: Option<bool>) -> Self {
        Self::Boolean(boolean)
    }
}

impl From<&Hash> for Value {
    fn from(hash: &Hash) -> Self {
        Self::Bytes(Some(hash.to_vec()))
    }
}

impl From<Option<&Hash>> for Value {
    fn from(hash: Option<&Hash>) -> Self {
        Self::Bytes(hash.map(|hash| hash.to_vec()))
    }
}

impl From<&Vec<u8>> for Value {
    fn from(bytes: &Vec<u8>) -> Self {
        Self::Bytes(Some(bytes.clone()))
    }
}

impl From<&Option<Vec<u8>>> for Value {
    fn from(bytes: &Option<Vec<u8>>) -> Self {
        Self::Bytes(bytes.clone())
    }
}

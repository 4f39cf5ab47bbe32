use serde_json::Value as Json;

use super::listing::Listed;
use super::sql::{FromRecord, Record, Statement, sql};
use super::{Database, DatabaseError, Listing, Slice};

/// A store of users.
#[derive(Debug, Clone, PartialEq)]
pub struct Connection {
    /// `con_…`.
    pub id: String,
    /// `Username-Password-Authentication`. Unique, and never changed.
    pub name: String,
    /// `auth0` for users with a password here.
    pub strategy: String,
    /// The clients whose users may come from it.
    pub enabled_clients: Vec<String>,
    /// Auth0's `options`.
    pub options: Json,
    /// Every other member of Auth0's object.
    pub other: Json,
    /// When it was made. Updates leave it.
    pub created_at: i64,
    /// When it was last changed.
    pub updated_at: i64,
}

/// The stores of users.
#[derive(Debug)]
pub struct Connections<'d>(&'d Database);

impl Database {
    /// The stores of users.
    pub const fn connections(&self) -> Connections<'_> {
        Connections(self)
    }
}

impl Connections<'_> {
    /// Adds a connection. [`DatabaseError::Duplicate`] when its id or name is taken.
    pub async fn insert(&self, connection: &Connection) -> Result<(), DatabaseError> {
        let statement = sql(
            "INSERT INTO connections (id, name, strategy, enabled_clients, options,
                 other, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        );
        self.0.write(bound(statement, connection)).await.map(drop)
    }

    /// Adds a connection, or gives the one with its name these values; id and creation stay.
    pub async fn upsert(&self, connection: &Connection) -> Result<(), DatabaseError> {
        let statement = sql(
            "INSERT INTO connections (id, name, strategy, enabled_clients, options,
                 other, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (name) DO UPDATE SET strategy = excluded.strategy,
                 enabled_clients = excluded.enabled_clients, options = excluded.options,
                 other = excluded.other, updated_at = excluded.updated_at",
        );
        self.0.write(bound(statement, connection)).await.map(drop)
    }

    /// Replaces every value but name and `created_at`. False when there is no such id.
    pub async fn update(&self, connection: &Connection) -> Result<bool, DatabaseError> {
        Ok(self.0.write(bound(sql(UPDATE), connection)).await? == 1)
    }

    /// Changes a connection by `change`, which sees it while nobody else changes it; gives what is then.
    ///
    /// Absent when there is no such connection. What `change` refuses is not kept.
    pub async fn change<E: From<DatabaseError>>(
        &self,
        id: &str,
        change: impl FnOnce(&mut Connection) -> Result<(), E> + Send,
    ) -> Result<Option<Connection>, E> {
        let mut transaction = self.0.begin().await?;
        // To write the row, whatever is in it, is what makes others wait in both databases.
        let lock = sql("UPDATE connections SET updated_at = updated_at WHERE id = $1 RETURNING *");
        let Some(mut row) = transaction.one::<Connection>(lock.bind(id)).await? else {
            return Ok(None);
        };
        change(&mut row)?;
        transaction.run(bound(sql(UPDATE), &row)).await?;
        transaction.commit().await?;
        Ok(Some(row))
    }

    /// The connection with this id.
    pub async fn find(&self, id: &str) -> Result<Option<Connection>, DatabaseError> {
        let statement = sql("SELECT * FROM connections WHERE id = $1");
        self.0.read_one(statement.bind(id)).await
    }

    /// The connection with this name.
    pub async fn find_by_name(&self, name: &str) -> Result<Option<Connection>, DatabaseError> {
        let statement = sql("SELECT * FROM connections WHERE name = $1");
        self.0.read_one(statement.bind(name)).await
    }

    /// Connections by their ids, all or those of one strategy.
    pub async fn list(
        &self,
        strategy: Option<&str>,
        slice: &Slice,
    ) -> Result<Listing<Connection>, DatabaseError> {
        let rows = sql("SELECT * FROM connections
             WHERE ($1 IS NULL OR strategy = $1) AND ($2 IS NULL OR id > $2)
             ORDER BY id LIMIT $3 OFFSET $4");
        let count = sql("SELECT COUNT(*) AS count FROM connections
             WHERE ($1 IS NULL OR strategy = $1)");
        self.0
            .list(rows.bind(strategy), count.bind(strategy), slice)
            .await
    }

    /// Deletes a connection; its users stay. False when there is none.
    pub async fn delete(&self, id: &str) -> Result<bool, DatabaseError> {
        let statement = sql("DELETE FROM connections WHERE id = $1");
        Ok(self.0.write(statement.bind(id)).await? == 1)
    }
}

// `$7`, the creation, is bound like the others and must be mentioned: PostgreSQL counts.
const UPDATE: &str = "UPDATE connections SET strategy = $3, enabled_clients = $4, options = $5, \
    other = $6, updated_at = $8 WHERE id = $1 AND name = $2 AND $7 IS NOT NULL";

fn bound(statement: Statement, connection: &Connection) -> Statement {
    statement
        .bind(&connection.id)
        .bind(&connection.name)
        .bind(&connection.strategy)
        .json(&connection.enabled_clients)
        .json(&connection.options)
        .json(&connection.other)
        .bind(connection.created_at)
        .bind(connection.updated_at)
}

impl FromRecord for Connection {
    fn from_record(record: &Record) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: record.read("id")?,
            name: record.read("name")?,
            strategy: record.read("strategy")?,
            enabled_clients: record.json("enabled_clients")?,
            options: record.json("options")?,
            other: record.json("other")?,
            created_at: record.read("created_at")?,
            updated_at: record.read("updated_at")?,
        })
    }
}

impl Listed for Connection {
    fn id(&self) -> &str {
        &self.id
    }
}

use serde_json::Value as Json;

use super::listing::{Listed, MAX_ROWS};
use super::sql::{FromRecord, Record, Statement, sql};
use super::{Database, DatabaseError, Listing, Slice};

/// Something that happened, for those who run the tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct LogEntry {
    /// In the order of time, so that lists are: a time and a number, say.
    pub id: String,
    /// When it happened.
    pub at: i64,
    /// Auth0's event code: `s`, `fp`, `ferrt`, ….
    pub event: String,
    /// The client that took part.
    pub client_id: Option<String>,
    /// The user who took part.
    pub user_id: Option<String>,
    /// Where it came from.
    pub ip: Option<String>,
    /// What happened, for people.
    pub description: Option<String>,
    /// Whatever else there is to say. No secrets.
    pub details: Json,
}

/// Which entries are listed.
#[derive(Debug, Clone, Default)]
pub struct LogFilter {
    /// Only those with this event code.
    pub event: Option<String>,
    /// Only those of this user.
    pub user_id: Option<String>,
}

/// What happened in the tenant.
#[derive(Debug)]
pub struct Logs<'d>(&'d Database);

impl Database {
    /// What happened in the tenant.
    pub const fn logs(&self) -> Logs<'_> {
        Logs(self)
    }
}

impl Logs<'_> {
    /// Adds an entry.
    pub async fn insert(&self, entry: &LogEntry) -> Result<(), DatabaseError> {
        let statement = sql("INSERT INTO logs (id, at, event, client_id, user_id, ip,
                 description, details)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(&entry.id)
        .bind(entry.at)
        .bind(&entry.event)
        .bind(&entry.client_id)
        .bind(&entry.user_id)
        .bind(&entry.ip)
        .bind(&entry.description)
        .json(&entry.details);
        self.0.write(statement).await.map(drop)
    }

    /// The entry with this id.
    pub async fn find(&self, id: &str) -> Result<Option<LogEntry>, DatabaseError> {
        let statement = sql("SELECT * FROM logs WHERE id = $1");
        self.0.read_one(statement.bind(id)).await
    }

    /// Entries from the oldest on: for who reads on from where they were.
    pub async fn list(
        &self,
        filter: &LogFilter,
        slice: &Slice,
    ) -> Result<Listing<LogEntry>, DatabaseError> {
        let rows = sql("SELECT * FROM logs
             WHERE ($1 IS NULL OR event = $1) AND ($2 IS NULL OR user_id = $2)
               AND ($3 IS NULL OR id > $3)
             ORDER BY id LIMIT $4 OFFSET $5");
        self.0
            .list(filter.bound(rows), filter.bound(sql(COUNT)), slice)
            .await
    }

    /// Page `page`, counted from 0, from the newest on, with at most [`MAX_ROWS`] entries.
    pub async fn newest(
        &self,
        filter: &LogFilter,
        page: u32,
        per_page: u32,
    ) -> Result<Listing<LogEntry>, DatabaseError> {
        let limit = i64::from(per_page.min(MAX_ROWS));
        let statement = sql("SELECT * FROM logs
             WHERE ($1 IS NULL OR event = $1) AND ($2 IS NULL OR user_id = $2)
             ORDER BY id DESC LIMIT $3 OFFSET $4");
        let statement = filter
            .bound(statement)
            .bind(limit)
            .bind(i64::from(page) * limit);
        Ok(Listing {
            rows: self.0.read_all(statement).await?,
            total: Some(self.0.count(filter.bound(sql(COUNT))).await?),
            next: None,
        })
    }
}

const COUNT: &str = "SELECT COUNT(*) AS count FROM logs \
    WHERE ($1 IS NULL OR event = $1) AND ($2 IS NULL OR user_id = $2)";

impl LogFilter {
    fn bound(&self, statement: Statement) -> Statement {
        statement.bind(&self.event).bind(&self.user_id)
    }
}

impl FromRecord for LogEntry {
    fn from_record(record: &Record) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: record.read("id")?,
            at: record.read("at")?,
            event: record.read("event")?,
            client_id: record.read("client_id")?,
            user_id: record.read("user_id")?,
            ip: record.read("ip")?,
            description: record.read("description")?,
            details: record.json("details")?,
        })
    }
}

impl Listed for LogEntry {
    fn id(&self) -> &str {
        &self.id
    }
}

use serde_json::Value as Json;

use super::sql::{FromRecord, Record, sql};
use super::{Database, DatabaseError};

/// The tenant's own settings: Auth0's `tenants/settings`.
#[derive(Debug)]
pub struct Settings<'d>(&'d Database);

impl Database {
    /// The tenant's own settings.
    pub const fn settings(&self) -> Settings<'_> {
        Settings(self)
    }
}

impl Settings<'_> {
    /// The settings as they were last saved. Absent before that.
    pub async fn load(&self) -> Result<Option<Json>, DatabaseError> {
        let saved: Option<Saved> = self
            .0
            .read_one(sql("SELECT settings FROM tenant_settings WHERE id = 1"))
            .await?;
        Ok(saved.map(|Saved(settings)| settings))
    }

    /// Replaces the settings.
    pub async fn save(&self, settings: &Json, now: i64) -> Result<(), DatabaseError> {
        let statement = sql(
            "INSERT INTO tenant_settings (id, settings, updated_at) VALUES (1, $1, $2)
             ON CONFLICT (id) DO UPDATE SET settings = excluded.settings,
                 updated_at = excluded.updated_at",
        );
        self.0
            .write(statement.json(settings).bind(now))
            .await
            .map(drop)
    }
}

struct Saved(Json);

impl FromRecord for Saved {
    fn from_record(record: &Record) -> Result<Self, DatabaseError> {
        record.json("settings").map(Self)
    }
}

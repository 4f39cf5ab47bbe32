//! What an earlier file named and the settings do not name any more.
//!
//! Only that goes: what came by the management API, or by signing up, was never the file's.

use std::collections::BTreeSet;

use portcullis_store::tenant::{Database, DatabaseError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{CONNECTION, people};
use crate::settings::Settings;

/// Where the names are kept among the tenant's settings, which do not show them.
pub(crate) const RECORD: &str = "portcullis_file";

/// What settings name.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Named {
    applications: BTreeSet<String>,
    apis: BTreeSet<String>,
    roles: BTreeSet<String>,
    /// Addresses in lower case.
    users: BTreeSet<String>,
}

impl Named {
    pub(super) fn by(settings: &Settings) -> Self {
        let applications = settings.applications.iter();
        let users = settings.people.users.iter();
        let roles = settings.people.roles.iter();
        let apis = settings.apis.iter();
        Self {
            applications: applications.map(|one| one.client_id.clone()).collect(),
            apis: apis.map(|one| one.identifier.clone()).collect(),
            roles: roles.map(|one| one.name.clone()).collect(),
            users: users.map(|one| one.email.to_lowercase()).collect(),
        }
    }

    /// What was kept; nothing where nothing can be read.
    pub(super) fn kept(saved: &Map<String, Value>) -> Self {
        let kept = saved.get(RECORD).cloned().unwrap_or_default();
        serde_json::from_value(kept).unwrap_or_default()
    }

    /// Keeps the names in the place of earlier ones.
    pub(super) fn keep(&self, saved: &mut Map<String, Value>) {
        let names = serde_json::to_value(self).expect("lists of strings are always JSON");
        saved.insert(RECORD.to_owned(), names);
    }

    /// Deletes what `now` does not name, with all that hangs on it.
    pub(super) async fn remove_all_but(
        &self,
        now: &Self,
        database: &Database,
    ) -> Result<(), DatabaseError> {
        for client_id in self.applications.difference(&now.applications) {
            database.clients().delete(client_id).await?;
        }
        close_connection(self, now, database).await?;
        for email in self.users.difference(&now.users) {
            let user = database.users().find_by_email(CONNECTION, email).await?;
            if let Some(user) = user {
                database.users().delete(&user.user_id).await?;
            }
        }
        for name in self.roles.difference(&now.roles) {
            if let Some(id) = people::find_role(database, name).await? {
                database.roles().delete(&id).await?;
            }
        }
        for identifier in self.apis.difference(&now.apis) {
            let apis = database.resource_servers();
            let api = apis.find_by_identifier(identifier).await?;
            if let Some(api) = api.filter(|api| !api.is_system) {
                apis.delete(&api.id).await?;
            }
        }
        Ok(())
    }
}

/// Forgets that people logged in at applications that are gone.
async fn close_connection(
    before: &Named,
    now: &Named,
    database: &Database,
) -> Result<(), DatabaseError> {
    let connections = database.connections();
    let Some(mut connection) = connections.find_by_name(CONNECTION).await? else {
        return Ok(());
    };
    let is_gone = |id: &String| before.applications.contains(id) && !now.applications.contains(id);
    if connection.enabled_clients.iter().any(is_gone) {
        connection.enabled_clients.retain(|id| !is_gone(id));
        connections.upsert(&connection).await?;
    }
    Ok(())
}

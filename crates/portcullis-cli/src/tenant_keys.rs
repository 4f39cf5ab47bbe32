//! The keys that the tenant of a project signs with.

use anyhow::Context as _;
use portcullis::Chain;
use portcullis_store::tenant::Database;
use portcullis_tenant::{KeptError, KeyRing, KeyRingError, RecordsError, Sealer};

use crate::project::{Project, no_keys};
use crate::terminal::Failure;

/// Those of the project's database; before it has any, those of the project's folder.
///
/// Nothing is made or changed.
///
/// # Errors
/// When the tenant never ran here, and when its keys cannot be read.
pub(crate) async fn load(project: &Project, database: &Database) -> anyhow::Result<KeyRing> {
    let directory = project.tenant_directory();
    let first = KeyRing::load(&directory).map_err(no_keys)?;
    let sealer = match Sealer::load(&directory) {
        Err(KeyRingError::Absent { .. }) => return Ok(first),
        found => found.map_err(no_keys)?,
    };
    let kept = KeyRing::kept(database, &sealer).await;
    Ok(kept.map_err(not_kept)?.unwrap_or(first))
}

/// The project's database, opened.
pub(crate) async fn database(project: &Project) -> anyhow::Result<Database> {
    Database::open(project.tenant_database().expose())
        .await
        .context("the tenant's database cannot be used")
}

/// The failure to have the keys of the database, and what to do about it.
pub(crate) fn not_kept(error: KeptError) -> anyhow::Error {
    match &error {
        KeptError::Records(RecordsError::Sealed { .. }) => Failure::with_hint(
            Chain(&error).to_string(),
            "restore .portcullis/tenant/sealing-key as it was when the keys were made, or use another \
             database",
        ),
        _ => error.into(),
    }
}

//! The snapshot of an issuer's keys, as the background task reads and writes it.

use std::sync::Arc;
use std::time::Duration;

use portcullis_token::UnixTime;

use super::provider::NewKeys;
use super::snapshot::Snapshot;
use super::{Origin, Shared, SnapshotError, SnapshotFile};
use crate::Chain;

/// What a restart would begin with: nothing where the configuration names no file.
#[derive(Debug, Default)]
pub(super) struct Restart {
    file: Option<SnapshotFile>,
    last: Option<Snapshot>,
}

impl Restart {
    /// Puts the keys of an earlier run in place, as old as they are.
    pub(super) async fn restore(shared: &Shared) -> Self {
        let Some(file) = shared.settings.snapshot.clone() else {
            return Self::default();
        };
        if let Err(error) = restore(shared, &file).await {
            tracing::warn!(source = %shared.source, error = %Chain(&error), "could not use the snapshot of keys");
        }
        Self {
            file: Some(file),
            last: None,
        }
    }

    /// Takes the keys for the next snapshot.
    pub(super) fn keep(&mut self, shared: &Shared, keys: &NewKeys, now: UnixTime) {
        if self.file.is_none() {
            return;
        }
        // A key set that was read is JSON, and so UTF-8.
        let text = String::from_utf8(keys.body.clone()).ok();
        self.last = text.map(|text| Snapshot {
            source: shared.source.to_string(),
            issuer: keys.set.issuer().map(str::to_owned),
            fetched_at: now.0,
            keys: text,
        });
    }

    /// The provider still vouches for the same keys.
    pub(super) fn renew(&mut self, now: UnixTime) {
        if let Some(last) = &mut self.last {
            last.fetched_at = now.0;
        }
    }

    /// Writes the snapshot. A failure is logged: the keys in memory are what counts.
    pub(super) async fn save(&self) {
        let (Some(file), Some(snapshot)) = (self.file.clone(), self.last.clone()) else {
            return;
        };
        let saved = tokio::task::spawn_blocking(move || file.save(snapshot)).await;
        if let Ok(Err(error)) = saved {
            tracing::warn!(error = %Chain(&error), "could not write the snapshot of keys");
        }
    }
}

async fn restore(shared: &Shared, file: &SnapshotFile) -> Result<(), SnapshotError> {
    let (file, source) = (file.clone(), shared.source.to_string());
    let read = move || -> Result<_, SnapshotError> {
        match file.load(&source)? {
            Some(snapshot) => file.keys(snapshot).map(Some),
            None => Ok(None),
        }
    };
    // The runtime ends: nobody needs the keys any more.
    let Ok(result) = tokio::task::spawn_blocking(read).await else {
        return Ok(());
    };
    if let Some((set, fetched_at)) = result? {
        let now = shared.clock.now();
        // A clock that was set back does not make keys younger than new.
        let at = fetched_at.min(now);
        shared.store(Arc::new(set), Origin::Snapshot, at, Duration::ZERO);
        tracing::info!(source = %shared.source, age_seconds = now.since(at).as_secs(), "using the snapshot of keys");
    }
    Ok(())
}

//! The document in which an issuer publishes its keys.

use portcullis_token::{Algorithm, KeySet, KeySetError, Reason};

/// Reads a key set.
///
/// # Panics
/// When a set has no keys, or a key that is in it cannot be found by its name.
pub fn run(data: &[u8]) -> &'static str {
    let set = match KeySet::parse(data) {
        Ok(set) => set,
        Err(error) => return name(&error),
    };
    assert!(!set.is_empty());
    assert!(set.keys().len() <= 100 * Algorithm::ALL.len());
    for key in set.keys() {
        match set.find(key.kid(), key.algorithm()) {
            Ok(found) => assert_eq!(found.thumbprint(), key.thumbprint()),
            Err(reason) => assert_eq!(reason, Reason::KeyAmbiguous),
        }
    }
    "ok"
}

fn name(error: &KeySetError) -> &'static str {
    match error {
        KeySetError::Json { .. } => "json",
        KeySetError::NotASet => "not_a_set",
        KeySetError::TooMany => "too_many",
        KeySetError::Empty(_) => "empty",
        _ => "other",
    }
}

use std::collections::HashMap;
use std::ops::Range;

use crate::diagnostic::Diagnostic;
use crate::read::fields::Entry;
use crate::read::reader::{Reader, Reported};

/// Values that only one entry of a list may have.
#[derive(Default)]
pub(super) struct Unique(HashMap<String, Range<usize>>);

impl Unique {
    pub(super) fn has(&self, value: &str) -> bool {
        self.0.contains_key(value)
    }

    pub(super) fn check(
        &mut self,
        reader: &mut Reader<'_>,
        entry: &Entry<'_>,
        value: String,
        message: &str,
    ) -> Result<(), Reported> {
        let Some(first) = self.0.insert(value, entry.span()) else {
            return Ok(());
        };
        let problem = Diagnostic::new(entry.span(), message).secondary(first, "the other one");
        Err(reader.refuse(problem))
    }
}

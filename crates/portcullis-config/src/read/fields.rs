use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::reader::{Reader, Reported};
use crate::diagnostic::{Diagnostic, Quoted};
use crate::keys::{Key, Table};

/// A value of the file, and how messages call it.
#[derive(Clone, Debug)]
pub(super) struct Entry<'t> {
    /// The key; for an element of a list, the list's key.
    pub(super) name: &'t str,
    /// The key's bytes; for an element of a list, the element's.
    pub(super) key: Range<usize>,
    pub(super) value: &'t Spanned<DeValue<'t>>,
    element: bool,
}

impl<'t> Entry<'t> {
    pub(super) fn span(&self) -> Range<usize> {
        self.value.span()
    }

    /// The elements of the list that this is, each called by the list's name.
    pub(super) fn elements(&self) -> Option<Vec<Self>> {
        let element = |value: &'t Spanned<DeValue<'t>>| Entry {
            name: self.name,
            key: value.span(),
            value,
            element: true,
        };
        self.value
            .get_ref()
            .as_array()
            .map(|array| array.iter().map(element).collect())
    }
}

/// How a message calls the entry.
impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = if self.element { "an entry of " } else { "" };
        write!(f, "{prefix}{}", Quoted(self.name))
    }
}

/// The entries of a table in the order of the file.
pub(super) fn entries<'t>(table: &'t DeTable<'t>) -> Vec<Entry<'t>> {
    let mut entries: Vec<_> = table
        .iter()
        .map(|(key, value)| Entry {
            name: key.get_ref(),
            key: key.span(),
            value,
            element: false,
        })
        .collect();
    entries.sort_by_key(|entry| entry.key.start);
    entries
}

/// A table of the file with the keys it may hold.
pub(super) struct Fields<'t> {
    known: &'static Table,
    table: &'t DeTable<'t>,
    span: Range<usize>,
    refused: Option<Reported>,
}

impl<'t> Fields<'t> {
    pub(super) const fn new(
        known: &'static Table,
        table: &'t DeTable<'t>,
        span: Range<usize>,
    ) -> Self {
        Self {
            known,
            table,
            span,
            refused: None,
        }
    }

    /// Reads `entry` as such a table, and reports the keys that it must not hold.
    pub(super) fn open(
        reader: &mut Reader<'_>,
        known: &'static Table,
        entry: &Entry<'t>,
    ) -> Result<Self, Reported> {
        let table = reader.table(entry)?;
        let mut fields = Self::new(known, table, entry.span());
        fields.check_keys(reader);
        Ok(fields)
    }

    /// Where the table begins: its header, or all of an inline table.
    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    pub(super) fn find(&self, name: &str) -> Option<Entry<'t>> {
        debug_assert!(
            self.known.find(name).is_some(),
            "{name} is not in the list of keys"
        );
        let (key, value) = self.table.get_key_value(name)?;
        Some(Entry {
            name: key.get_ref(),
            key: key.span(),
            value,
            element: false,
        })
    }

    /// Reads the key with `read` if it is there.
    pub(super) fn optional<T>(
        &self,
        name: &str,
        read: impl FnOnce(Entry<'t>) -> Result<T, Reported>,
    ) -> Result<Option<T>, Reported> {
        self.find(name).map(read).transpose()
    }

    /// The entry of a key that must be there.
    pub(super) fn required(
        &self,
        reader: &mut Reader<'_>,
        name: &str,
    ) -> Result<Entry<'t>, Reported> {
        self.find(name).ok_or_else(|| {
            let example = self.known.find(name).map_or("", |key| key.example);
            let problem = Diagnostic::new(self.span(), format!("{} is missing", Quoted(name)))
                .hint(format!("write for example `{name} = {example}`"));
            reader.refuse(problem)
        })
    }

    /// Whether the table holds a key that it must not hold, perhaps meant to be a missing one.
    pub(super) const fn refused(&self) -> Option<Reported> {
        self.refused
    }

    /// Reports the keys that the table must not hold.
    pub(super) fn check_keys(&mut self, reader: &mut Reader<'_>) {
        for entry in entries(self.table) {
            if self.known.find(entry.name).is_some() {
                continue;
            }
            let name = Quoted(entry.name);
            let problem = if self.known.later.contains(&entry.name) {
                Diagnostic::new(
                    entry.key,
                    format!("{name} is not available in this version"),
                )
            } else {
                let known = || self.known.keys.iter().map(|key: &Key| key.name);
                let hint = reader.suggestion(entry.name, known()).unwrap_or_else(|| {
                    let list: Vec<_> = known().map(|name| format!("`{name}`")).collect();
                    format!("the keys of {} are {}", self.known.title, list.join(", "))
                });
                Diagnostic::new(entry.key, format!("unknown key {name}")).hint(hint)
            };
            self.refused = Some(reader.refuse(problem));
        }
    }
}

//! JSON as tokens may carry it: read once and strictly, then kept small and looked into in place.

mod scan;
mod value;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use self::scan::Scanner;
pub use self::value::ClaimValue;
use self::value::Members;

/// Deeper than any key set, and shallow enough for any stack.
const MAX_DEPTH: usize = 64;

/// How large an object may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Arrays and objects within one another, the outermost included.
    pub(crate) depth: usize,
    /// Members of the outermost object.
    pub(crate) members: usize,
}

/// The bytes are not one JSON object, or go beyond a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAnObject;

/// The bytes are not one JSON value: here they end to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotJson {
    pub(crate) at: usize,
}

/// A JSON object whose names are all different, in one piece of memory of about its text's size.
///
/// Each value is a tag and what it holds, with its length in front of it; strings are without
/// escapes. [`ClaimValue`] reads it in place. Clones share that memory.
#[derive(Clone)]
pub(crate) struct Object {
    members: Arc<str>,
    /// A bit for each name, several of which may share one: most absent names have none.
    names: u64,
}

impl Object {
    /// Reads one JSON object (RFC 8259), nothing before or after it but white space.
    ///
    /// A name that stands twice is refused, at the top and inside `cnf` and `jwk`: parsers differ
    /// in which of the two they believe (RFC 7519 section 4), and what one checks another would
    /// forward.
    pub(crate) fn parse(json: &[u8], limits: Limits) -> Result<Self, NotAnObject> {
        let members = Scanner::new(json, limits.depth)
            .whole_object()
            .map_err(|_| NotAnObject)?;
        let mut object = Self { members, names: 0 };
        require_unique(object.members(), limits.members)?;
        for (name, value) in Members::new(&object.members) {
            object.names |= name_bit(name);
            if matches!(name, "cnf" | "jwk") {
                require_unique(value.members(), limits.members)?;
            }
        }
        Ok(object)
    }

    /// Reads the same, but of members of one name keeps the last, as most parsers do.
    ///
    /// All of them count for the limits.
    pub(crate) fn parse_last(json: &[u8], limits: Limits) -> Result<Self, NotAnObject> {
        let all = Scanner::new(json, limits.depth)
            .whole_object()
            .map_err(|_| NotAnObject)?;
        let members = last_of_each(&all, limits.members)?;
        let names = Members::new(&members).fold(0, |names, (name, _)| names | name_bit(name));
        Ok(Self { members, names })
    }

    pub(crate) fn find(&self, name: &str) -> Option<ClaimValue<'_>> {
        if self.names & name_bit(name) == 0 {
            return None;
        }
        self.members().find(name)
    }

    pub(crate) fn members(&self) -> Members<'_> {
        Members::new(&self.members)
    }

    pub(crate) fn to_map(&self) -> Map<String, Value> {
        self.members()
            .map(|(name, value)| (name.to_owned(), value.to_value()))
            .collect()
    }

    /// What it takes, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.members.len()
    }
}

impl PartialEq for Object {
    /// In whichever order the members are written.
    fn eq(&self, other: &Self) -> bool {
        self.to_map() == other.to_map()
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.members()).finish()
    }
}

/// Reads any JSON value, at most 64 deep, nothing before or after it but white space.
///
/// A name that stands twice has its last value.
pub(crate) fn parse_value(json: &[u8]) -> Result<Value, NotJson> {
    let value = Scanner::new(json, MAX_DEPTH).whole_value()?;
    Ok(ClaimValue::first(&value).map_or(Value::Null, ClaimValue::to_value))
}

fn name_bit(name: &str) -> u64 {
    let end = |byte: Option<&u8>| usize::from(*byte.unwrap_or(&0));
    let bytes = name.as_bytes();
    let hash = bytes.len() + 5 * end(bytes.first()) + 11 * end(bytes.last());
    1 << (hash % 64)
}

/// What is kept of an object, without the members that another one of their name follows.
fn last_of_each(all: &str, most: usize) -> Result<Arc<str>, NotAnObject> {
    let mut members = Members::new(all);
    let mut places = Vec::new();
    let mut start = members.place();
    while let Some((name, _)) = members.next() {
        places.push((name, start..members.place()));
        start = members.place();
    }
    if places.len() > most {
        return Err(NotAnObject);
    }
    let last: HashMap<_, _> = places.iter().map(|(name, at)| (*name, at.start)).collect();
    let kept = places.iter().filter(|(name, at)| last[name] == at.start);
    let kept: String = kept.filter_map(|(_, at)| all.get(at.clone())).collect();
    Ok(kept.into())
}

fn require_unique(members: Members<'_>, most: usize) -> Result<(), NotAnObject> {
    let mut names: Vec<&str> = members
        .take(most.saturating_add(1))
        .map(|(name, _)| name)
        .collect();
    names.sort_unstable();
    let is_unique = names.windows(2).all(|pair| pair[0] != pair[1]);
    if is_unique && names.len() <= most {
        Ok(())
    } else {
        Err(NotAnObject)
    }
}

#[cfg(test)]
mod tests;

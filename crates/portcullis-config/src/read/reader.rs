use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::LARGEST_FILE;
use super::fields::Entry;
use super::text::Text;
use crate::Severity;
use crate::diagnostic::{Diagnostic, Diagnostics, Quoted, SHOWN};
use crate::environment::{Part, Piece, split};
use crate::position::{Origin, Positions};

/// Proof that an error was reported: nothing is ever left out in silence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reported(());

/// Reads values, and remembers what was wrong with them.
pub(super) struct Reader<'a> {
    env: &'a dyn Fn(&str) -> Option<String>,
    positions: Positions<'a>,
    diagnostics: Vec<Diagnostic>,
    /// How many bytes the environment may still put into the file.
    insertable: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, env: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            env,
            positions: Positions::new(text),
            diagnostics: Vec::new(),
            insertable: LARGEST_FILE,
        }
    }

    pub(super) fn finish(self) -> Diagnostics {
        Diagnostics::new(self.diagnostics)
    }

    pub(super) fn refuse(&mut self, problem: Diagnostic) -> Reported {
        self.diagnostics.push(problem);
        Reported(())
    }

    pub(super) fn warn(&mut self, mut problem: Diagnostic) {
        problem.severity = Severity::Warning;
        self.diagnostics.push(problem);
    }

    pub(super) fn has_refused(&self) -> bool {
        self.diagnostics
            .iter()
            .any(|found| found.severity == Severity::Error)
    }

    pub(super) fn origin(&self, span: &Range<usize>) -> Origin {
        self.positions.origin(span.start)
    }

    /// Asks whether `name` was meant to be one of `known`.
    pub(super) fn suggestion<'k>(
        &self,
        name: &str,
        known: impl Iterator<Item = &'k str>,
    ) -> Option<String> {
        // Nobody sees more, and a file of wrong names must not cost a comparison of all of them.
        if self.diagnostics.len() >= SHOWN || name.len() > 64 {
            return None;
        }
        let farthest = (name.chars().count() / 3).max(1);
        known
            .map(|candidate| (strsim::osa_distance(name, candidate), candidate))
            .filter(|(distance, _)| *distance <= farthest)
            .min()
            .map(|(_, candidate)| format!("did you mean `{candidate}`?"))
    }

    /// A value must be something else.
    pub(super) fn mismatch(&mut self, entry: &Entry<'_>, expected: &str) -> Reported {
        let found = match entry.value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let message = format!("{entry} must be {expected}, not {found}");
        self.refuse(Diagnostic::new(entry.span(), message).label(format!("expected {expected}")))
    }

    pub(super) fn table<'t>(&mut self, entry: &Entry<'t>) -> Result<&'t DeTable<'t>, Reported> {
        entry
            .value
            .get_ref()
            .as_table()
            .ok_or_else(|| self.mismatch(entry, "a table"))
    }

    pub(super) fn elements<'t>(
        &mut self,
        entry: &Entry<'t>,
        expected: &str,
    ) -> Result<Vec<Entry<'t>>, Reported> {
        entry
            .elements()
            .ok_or_else(|| self.mismatch(entry, expected))
    }

    pub(super) fn flag(&mut self, entry: &Entry<'_>) -> Result<bool, Reported> {
        entry
            .value
            .get_ref()
            .as_bool()
            .ok_or_else(|| self.mismatch(entry, "`true` or `false`"))
    }

    /// A whole number of this range, both ends included.
    pub(super) fn count(&mut self, entry: &Entry<'_>, range: (i64, i64)) -> Result<i64, Reported> {
        let (least, most) = range;
        let expected = format!("a whole number from {least} to {most}");
        let Some(integer) = entry.value.get_ref().as_integer() else {
            return Err(self.mismatch(entry, &expected));
        };
        i64::from_str_radix(integer.as_str(), integer.radix())
            .ok()
            .filter(|count| (least..=most).contains(count))
            .ok_or_else(|| self.bad(entry, format!("must be {expected}")))
    }

    /// A string with its variables filled in.
    pub(super) fn text<'t>(&mut self, entry: &Entry<'t>) -> Result<Text<'t>, Reported> {
        let Some(written) = entry.value.get_ref().as_str() else {
            return Err(self.mismatch(entry, "a string"));
        };
        let parts = split(written).map_err(|error| {
            let problem = Diagnostic::new(entry.span(), error.to_string());
            self.refuse(problem.hint("write `$${` for a literal `${`"))
        })?;
        let pieces = parts
            .into_iter()
            .map(|part| self.piece(entry, part))
            .collect();
        Ok(Text {
            pieces: all(pieces)?,
            written,
        })
    }

    /// A string that is not empty.
    pub(super) fn nonempty(&mut self, entry: &Entry<'_>) -> Result<String, Reported> {
        let text = self.text(entry)?.value();
        if text.is_empty() {
            Err(self.bad(entry, "is empty"))
        } else {
            Ok(text)
        }
    }

    /// A list of strings that are not empty.
    pub(super) fn texts(&mut self, entry: &Entry<'_>) -> Result<Vec<String>, Reported> {
        self.list(entry, "a list of strings", Self::nonempty)
    }

    /// A list, each element of which `read` understands.
    pub(super) fn list<'t, T>(
        &mut self,
        entry: &Entry<'t>,
        expected: &str,
        mut read: impl FnMut(&mut Self, &Entry<'t>) -> Result<T, Reported>,
    ) -> Result<Vec<T>, Reported> {
        let elements = self.elements(entry, expected)?;
        all(elements.iter().map(|element| read(self, element)).collect())
    }

    /// One of these words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        entry: &Entry<'_>,
        choices: &[(&str, T)],
    ) -> Result<T, Reported> {
        let text = self.text(entry)?;
        let value = text.value();
        if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == value) {
            return Ok(*choice);
        }
        let names: Vec<_> = choices
            .iter()
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        let message = format!("{entry} must be {}", names.join(" or "));
        let mut problem = Diagnostic::new(entry.span(), message);
        problem.hint = self.suggestion(text.written, choices.iter().map(|(name, _)| *name));
        Err(self.refuse(problem))
    }

    /// The value is not good; the message never holds the value.
    pub(super) fn bad(&mut self, entry: &Entry<'_>, why: impl std::fmt::Display) -> Reported {
        self.refuse(Diagnostic::new(entry.span(), format!("{entry} {why}")))
    }

    fn piece(&mut self, entry: &Entry<'_>, part: Part<'_>) -> Result<Piece, Reported> {
        let name = match part {
            Part::Text(text) => return Ok(Piece::Written(text)),
            Part::Variable(name) => name,
        };
        let Some(value) = (self.env)(name) else {
            let problem = Diagnostic::new(entry.span(), format!("{} is not set", Quoted(name)));
            return Err(self.refuse(problem.hint("set it in the environment or in `.env`")));
        };
        let Some(left) = self.insertable.checked_sub(value.len()) else {
            let message = "the environment makes the file larger than 1 MiB";
            return Err(self.refuse(Diagnostic::new(entry.span(), message)));
        };
        self.insertable = left;
        Ok(Piece::Inserted(value))
    }
}

/// All values, or none if one of them was refused. All of them have been read by then.
pub(super) fn all<T>(values: Vec<Result<T, Reported>>) -> Result<Vec<T>, Reported> {
    values.into_iter().collect()
}

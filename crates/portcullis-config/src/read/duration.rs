use std::time::Duration;

use super::fields::Entry;
use super::reader::{Reader, Reported};
use crate::diagnostic::Diagnostic;
use crate::quantity::parse_duration;

/// A duration of whatever length; `example` is what messages advise to write.
pub(super) fn read(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    example: &str,
) -> Result<Duration, Reported> {
    let text = reader.text(entry)?.value();
    parse_duration(&text).map_err(|_| {
        let problem = Diagnostic::new(entry.span(), format!("{entry} must be a duration"));
        let hint = format!("write for example `{example}`; the units are ms, s, m, h, d");
        reader.refuse(problem.hint(hint))
    })
}

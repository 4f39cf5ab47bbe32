use super::fields::Entry;
use super::reader::{Reader, Reported};

const LONGEST: usize = 100;

/// Reads what a quoted string can hold without escapes (RFC 9110 section 5.6.4).
pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<String, Reported> {
    let realm = reader.nonempty(entry)?;
    let fits = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    if realm.len() <= LONGEST && realm.bytes().all(fits) {
        Ok(realm)
    } else {
        let rule = "must be at most 100 printable ASCII characters without `\"` and `\\`";
        Err(reader.bad(entry, rule))
    }
}

use serde_json::{Map, Number, Value};
use toml::de::DeValue;

use crate::read::fields::{Entry, entries};
use crate::read::reader::{Reader, Reported, all};

const EXPECTED: &str = "a value that JSON has";

/// Reads a table of anything that JSON has; strings have their variables filled in.
pub(super) fn object(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
) -> Result<Map<String, Value>, Reported> {
    let members = entries(reader.table(entry)?);
    let members = members
        .iter()
        .map(|member| Ok((member.name.to_owned(), value(reader, member)?)))
        .collect();
    all(members).map(|members| members.into_iter().collect())
}

/// The parser of TOML bounds how deep values lie in each other.
fn value(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Value, Reported> {
    let number = match entry.value.get_ref() {
        DeValue::String(_) => return Ok(reader.text(entry)?.value().into()),
        DeValue::Boolean(flag) => return Ok((*flag).into()),
        DeValue::Array(_) => return reader.list(entry, "a list", value).map(Value::from),
        DeValue::Table(_) => return object(reader, entry).map(Value::from),
        DeValue::Integer(integer) => {
            let integer = i64::from_str_radix(integer.as_str(), integer.radix());
            integer.ok().map(Number::from)
        }
        DeValue::Float(float) => float.as_str().parse().ok().and_then(Number::from_f64),
        DeValue::Datetime(_) => return Err(reader.mismatch(entry, EXPECTED)),
    };
    number
        .map(Value::from)
        .ok_or_else(|| reader.bad(entry, format!("must be {EXPECTED}")))
}

use url::Url;

use super::fields::{Entry, Fields};
use super::reader::{Reader, Reported};
use crate::address::parse_url;
use crate::diagnostic::Diagnostic;
use crate::keys::{LOG, TELEMETRY};
use crate::observe::{Log, LogFormat, LoggedSubject, Telemetry};

const SUBJECTS: [(&str, LoggedSubject); 3] = [
    ("plain", LoggedSubject::Plain),
    ("hash", LoggedSubject::Hash),
    ("none", LoggedSubject::None),
];

const REFUSALS: [(&str, bool); 2] = [("sampled", true), ("off", false)];

const FORMATS: [(&str, LogFormat); 2] = [("json", LogFormat::Json), ("text", LogFormat::Text)];

pub(super) fn read_log(reader: &mut Reader<'_>, root: &Fields<'_>) -> Result<Log, Reported> {
    let default = Log::default();
    let Some(fields) = root.optional("log", |entry| Fields::open(reader, &LOG, &entry))? else {
        return Ok(default);
    };
    let access = fields.optional("access", |entry| reader.flag(&entry));
    let subject = fields.optional("subject", |entry| reader.choice(&entry, &SUBJECTS));
    let refusals = fields.optional("refusals", |entry| reader.choice(&entry, &REFUSALS));
    let format = fields.optional("format", |entry| reader.choice(&entry, &FORMATS));
    Ok(Log {
        access: access?.unwrap_or(default.access),
        subject: subject?.unwrap_or(default.subject),
        refusals: refusals?.unwrap_or(default.refusals),
        format: format?,
    })
}

pub(super) fn read_telemetry(
    reader: &mut Reader<'_>,
    root: &Fields<'_>,
) -> Result<Telemetry, Reported> {
    let open = |entry| Fields::open(reader, &TELEMETRY, &entry);
    let Some(fields) = root.optional("telemetry", open)? else {
        return Ok(Telemetry::default());
    };
    let otlp = fields.optional("otlp", |entry| read_collector(reader, &entry));
    let sample = fields.optional("sample_percent", |entry| read_percent(reader, &entry));
    Ok(Telemetry {
        otlp: otlp?,
        sample_percent: sample?.unwrap_or(100),
    })
}

fn read_collector(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<Url, Reported> {
    let text = reader.text(entry)?.value();
    parse_url(&text).map_err(|error| {
        let problem = Diagnostic::new(entry.span(), format!("{entry} {error}"));
        reader.refuse(problem.hint("write for example `http://127.0.0.1:4318`"))
    })
}

fn read_percent(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Result<u8, Reported> {
    let percent = reader.count(entry, (0, 100))?;
    u8::try_from(percent).map_err(|_| reader.bad(entry, "is out of range"))
}

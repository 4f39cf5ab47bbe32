//! What a running gateway tells: one line for each request, and whatever needs a person's eye.

mod queue;
mod refused;

use std::fmt;
use std::io;

use anstyle::Style;
use jiff::Zoned;
use portcullis_gateway::ACCESS;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

pub(crate) use self::queue::Queue;
use self::refused::Refused;
use crate::arguments::Format;
use crate::terminal::{BAD, DIM, GOOD, NOTE, harmless, styled};

/// The target of lines about refused tokens, which are samples; the access log has each request.
const REFUSALS: &str = "portcullis::observe::denial";

/// The parts of the tenant that tell why somebody could not log in, or out.
const LOGINS: [&str; 4] = [
    "portcullis_tenant::accounts",
    "portcullis_tenant::authorize",
    "portcullis_tenant::login",
    "portcullis_tenant::logout",
];

/// Has events written to stderr from here on, as lines for a person.
pub(crate) fn start(verbose: bool) {
    let level = if verbose { Level::DEBUG } else { Level::WARN };
    let logins = LOGINS.map(|target| (target, Level::DEBUG));
    let filter = filter(level).with_targets(logins);
    start_lines(filter, || anstream::stderr().lock());
}

/// The same in production, where what the parts do is told too, and where no request waits for
/// whoever reads the log.
///
/// # Errors
/// When no thread can be started.
pub(crate) fn start_in_production(format: Format) -> io::Result<Queue> {
    let filter = filter(Level::INFO);
    let queue = match format {
        Format::Text => Queue::start(anstream::stderr())?,
        Format::Json => Queue::start(io::stderr())?,
    };
    let lines = queue.lines();
    match format {
        Format::Text => start_lines(filter, move || lines.clone()),
        Format::Json => {
            let objects = tracing_subscriber::fmt::layer()
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .with_span_list(false)
                .with_writer(move || lines.clone());
            tracing_subscriber::registry()
                .with(filter)
                .with(objects)
                .init();
        }
    }
    Ok(queue)
}

fn filter(own: Level) -> Targets {
    Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("portcullis", own)
        .with_target(ACCESS, Level::DEBUG)
        .with_target(REFUSALS, Level::DEBUG)
}

fn start_lines<W>(filter: Targets, writer: W)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer()
        .event_format(Lines)
        .with_writer(writer);
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .init();
}

/// `14:13:20 401 GET /hello/world  missing  0.1 ms`, or `14:13:20 warn …`.
struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        write!(
            writer,
            "{} ",
            styled(DIM, Zoned::now().strftime("%H:%M:%S"))
        )?;
        if event.metadata().target() == ACCESS {
            let mut access = Access::default();
            event.record(&mut access);
            return writeln!(writer, "{access}");
        }
        if event.metadata().target() == REFUSALS {
            let mut refused = Refused::default();
            event.record(&mut refused);
            return writeln!(writer, "{refused}");
        }
        let level = *event.metadata().level();
        write!(
            writer,
            "{} ",
            styled(level_style(level), level.as_str().to_ascii_lowercase())
        )?;
        // Whatever a field holds, it stays on its line.
        let mut fields = String::new();
        context.format_fields(Writer::new(&mut fields), event)?;
        writeln!(writer, "{}", harmless(&fields))
    }
}

const fn level_style(level: Level) -> Style {
    match level {
        Level::ERROR => BAD,
        Level::WARN => NOTE,
        _ => DIM,
    }
}

/// One answered request.
#[derive(Debug, Default)]
struct Access {
    method: String,
    path: String,
    status: u64,
    reason: Option<String>,
    duration_us: u64,
}

impl Visit for Access {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "status" => self.status = value,
            "duration_us" => self.duration_us = value,
            _ => {}
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            // A path is a stranger's text: it must not write on the terminal as it likes.
            "path" => self.path = harmless(value),
            "reason" => self.reason = Some(harmless(value)),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "method" {
            self.method = harmless(&format!("{value:?}"));
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let style = match self.status {
            0..400 => GOOD,
            400..500 => NOTE,
            _ => BAD,
        };
        write!(
            f,
            "{} {} {}",
            styled(style, self.status),
            self.method,
            self.path
        )?;
        if let Some(reason) = &self.reason {
            write!(f, "  {}", styled(style, reason))?;
        }
        let tenths = self.duration_us.div_ceil(100);
        write!(
            f,
            "  {}",
            styled(DIM, format_args!("{}.{} ms", tenths / 10, tenths % 10))
        )
    }
}

//! Spans, and their form on the way to a collector: OTLP over HTTP, in JSON.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Spans that wait to be sent; more are lost.
const QUEUE: usize = 2_048;
const BATCH: usize = 512;
/// How long the first span of a batch waits for others.
const LINGER: Duration = Duration::from_secs(1);

/// Whose part in a request a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SpanKind {
    Server,
    Client,
}

/// A part of a request's way.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) trace: u128,
    pub(super) id: u64,
    pub(super) parent: Option<u64>,
    pub(super) kind: SpanKind,
    pub(super) name: String,
    pub(super) began: SystemTime,
    pub(super) took: Duration,
    pub(super) attributes: Vec<(&'static str, Attribute)>,
    pub(super) failed: bool,
}

#[derive(Debug)]
pub(super) enum Attribute {
    Text(String),
    Number(u16),
}

/// The finished spans of a gateway. Dropped, none is kept.
#[derive(Debug)]
pub struct Spans {
    queue: mpsc::Receiver<Span>,
    /// The next batch, as far as it has come.
    batch: Vec<Span>,
    lost: Arc<AtomicU64>,
}

/// Some spans, as a collector takes them.
pub struct Batch {
    /// An `ExportTraceServiceRequest` in JSON, for `POST /v1/traces`.
    pub body: Vec<u8>,
    spans: u64,
}

pub(super) fn queue(lost: Arc<AtomicU64>) -> (mpsc::Sender<Span>, Spans) {
    let (sender, queue) = mpsc::channel(QUEUE);
    let batch = Vec::new();
    (sender, Spans { queue, batch, lost })
}

impl Spans {
    /// Waits for spans; none when the gateway has ended and all were returned.
    ///
    /// # Cancel safety
    /// Safe: what has come is part of the next batch.
    pub async fn next_batch(&mut self) -> Option<Batch> {
        if self.batch.is_empty() {
            self.batch.push(self.queue.recv().await?);
        }
        let filling = async {
            while self.batch.len() < BATCH
                && let Some(span) = self.queue.recv().await
            {
                self.batch.push(span);
            }
        };
        // Late or full, it is a batch.
        drop(timeout(LINGER, filling).await);
        let spans = std::mem::take(&mut self.batch);
        Some(Batch {
            body: export(&spans).to_string().into_bytes(),
            spans: spans.len() as u64,
        })
    }

    /// Takes no more; what waits is still returned.
    pub fn close(&mut self) {
        self.queue.close();
    }

    /// The collector did not take these.
    pub fn count_lost(&self, batch: &Batch) {
        self.lost.fetch_add(batch.spans, Ordering::Relaxed);
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("spans", &self.spans)
            .finish_non_exhaustive()
    }
}

fn export(spans: &[Span]) -> Value {
    let service = [("service.name", Attribute::Text("portcullis".to_owned()))];
    json!({
        "resourceSpans": [{
            "resource": { "attributes": attributes(&service) },
            "scopeSpans": [{
                "scope": { "name": "portcullis", "version": env!("CARGO_PKG_VERSION") },
                "spans": spans.iter().map(Span::to_json).collect::<Vec<_>>(),
            }],
        }],
    })
}

fn attributes(attributes: &[(&'static str, Attribute)]) -> Value {
    let pair = |(key, value): &(&'static str, Attribute)| {
        let value = match value {
            Attribute::Text(text) => json!({ "stringValue": text }),
            // 64-bit integers are strings in the JSON of protobuf.
            Attribute::Number(number) => json!({ "intValue": number.to_string() }),
        };
        json!({ "key": key, "value": value })
    };
    attributes.iter().map(pair).collect()
}

impl Span {
    /// Ids are hexadecimal here, other than in the JSON of other protobuf messages.
    fn to_json(&self) -> Value {
        let began = self.began.duration_since(SystemTime::UNIX_EPOCH);
        let began = began.unwrap_or_default();
        let ended = began + self.took;
        let mut span = json!({
            "traceId": format!("{:032x}", self.trace),
            "spanId": format!("{:016x}", self.id),
            "name": self.name,
            "kind": match self.kind { SpanKind::Server => 2, SpanKind::Client => 3 },
            "startTimeUnixNano": began.as_nanos().to_string(),
            "endTimeUnixNano": ended.as_nanos().to_string(),
            "attributes": attributes(&self.attributes),
            "status": if self.failed { json!({ "code": 2 }) } else { json!({}) },
        });
        if let Some(parent) = self.parent {
            span["parentSpanId"] = format!("{parent:016x}").into();
        }
        span
    }
}

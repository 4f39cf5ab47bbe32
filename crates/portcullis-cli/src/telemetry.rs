//! Sends the gateway's spans to a collector: OTLP over HTTP, in JSON.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use portcullis::Chain;
use portcullis_config::Telemetry;
use portcullis_gateway::{Batch, Gateway, Spans};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, redirect};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use url::Url;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long the last spans may take at the end.
const FAREWELL: Duration = Duration::from_secs(2);

/// The task that sends spans; there is none where the file names no collector.
#[derive(Debug)]
pub(crate) struct Exporter {
    running: Option<(JoinHandle<()>, Arc<Notify>)>,
}

impl Exporter {
    /// Takes the gateway's spans, to send them or to have none kept.
    pub(crate) fn start(gateway: &mut Gateway, telemetry: &Telemetry) -> anyhow::Result<Self> {
        let spans = gateway.take_spans();
        let (Some(spans), Some(otlp)) = (spans, &telemetry.otlp) else {
            return Ok(Self { running: None });
        };
        let client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .build()
            .context("TLS cannot be set up")?;
        let end = Arc::new(Notify::new());
        let collector = Collector {
            client,
            url: format!("{}/v1/traces", otlp.as_str().trim_end_matches('/')).parse()?,
            fails: false,
        };
        let task = tokio::spawn(run(spans, collector, Arc::clone(&end)));
        Ok(Self {
            running: Some((task, end)),
        })
    }

    /// Sends what is left, for a short while.
    pub(crate) async fn finish(self) {
        if let Some((task, end)) = self.running {
            end.notify_one();
            let in_time = tokio::time::timeout(FAREWELL, task).await.is_ok();
            if !in_time {
                tracing::warn!("the last spans could not be sent in time");
            }
        }
    }
}

struct Collector {
    client: Client,
    url: Url,
    /// Whether it did not take the last batch.
    fails: bool,
}

async fn run(mut spans: Spans, mut collector: Collector, end: Arc<Notify>) {
    loop {
        tokio::select! {
            batch = spans.next_batch() => {
                let Some(batch) = batch else { return };
                if !collector.take(&batch).await {
                    spans.count_lost(&batch);
                }
            }
            () = end.notified() => spans.close(),
        }
    }
}

impl Collector {
    /// Sends the batch, and tells whether it was taken. A person hears of the first failure only.
    async fn take(&mut self, batch: &Batch) -> bool {
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(batch.body.clone());
        let answer = request.send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status);
        match answer {
            Ok(_) => {
                if self.fails {
                    tracing::info!(collector = %self.url, "the collector takes spans again");
                }
                self.fails = false;
                true
            }
            Err(error) => {
                if !self.fails {
                    let error = error.without_url();
                    tracing::warn!(
                        collector = %self.url,
                        error = %Chain(&error),
                        "the collector does not take spans"
                    );
                }
                self.fails = true;
                false
            }
        }
    }
}

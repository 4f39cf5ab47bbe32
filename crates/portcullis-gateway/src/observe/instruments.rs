//! What a running gateway counts, whatever plan it serves by.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::render;
use super::span::{self, Span, Spans};
use crate::plan::Plan;

/// Counters of the whole gateway, and where spans go.
#[derive(Debug)]
pub(crate) struct Instruments {
    pub(super) connections: AtomicU64,
    pub(super) generation: AtomicU64,
    pub(super) reload_failed: AtomicBool,
    ending: AtomicBool,
    pub(super) lost_spans: Arc<AtomicU64>,
    pub(super) lost_lines: OnceLock<Arc<AtomicU64>>,
    spans: mpsc::Sender<Span>,
}

/// A connection that counts as open until this is dropped.
#[derive(Debug)]
pub(crate) struct OpenConnection(Arc<Instruments>);

/// The metrics of a running gateway, for whoever shows them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    instruments: Arc<Instruments>,
    plan: Arc<ArcSwap<Plan>>,
}

impl Instruments {
    /// Counters at nought, and the other end of the queue of spans.
    pub(crate) fn new() -> (Arc<Self>, Spans) {
        let lost = Arc::new(AtomicU64::new(0));
        let (sender, spans) = span::queue(Arc::clone(&lost));
        let instruments = Self {
            connections: AtomicU64::new(0),
            generation: AtomicU64::new(1),
            reload_failed: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            lost_spans: lost,
            lost_lines: OnceLock::new(),
            spans: sender,
        };
        (Arc::new(instruments), spans)
    }

    pub(crate) fn open_connection(self: &Arc<Self>) -> OpenConnection {
        self.connections.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(self))
    }

    /// Another plan serves.
    pub(crate) fn reloaded(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
        self.reload_failed.store(false, Ordering::Relaxed);
    }

    /// Another plan should have served, and could not be had.
    pub(crate) fn reload_failed(&self) {
        self.reload_failed.store(true, Ordering::Relaxed);
    }

    /// No more requests should be sent.
    pub(crate) fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    /// Hands the span on, or counts it as lost where too many wait. Nobody is waited for.
    pub(super) fn send(&self, span: Span) {
        if let Err(TrySendError::Full(_)) = self.spans.try_send(span) {
            self.lost_spans.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    /// The `Content-Type` of what [`Metrics::render`] returns.
    pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

    pub(crate) fn new(instruments: Arc<Instruments>, plan: Arc<ArcSwap<Plan>>) -> Self {
        Self { instruments, plan }
    }

    /// Everything at this moment, in the text format of Prometheus, version 0.0.4.
    pub fn render(&self) -> String {
        render::text(&self.instruments, &self.plan.load())
    }

    /// Shows this counter of log lines that were thrown away, too. Only the first one is taken.
    pub fn show_lost_lines(&self, counter: Arc<AtomicU64>) {
        drop(self.instruments.lost_lines.set(counter));
    }
}

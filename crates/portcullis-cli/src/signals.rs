//! Ctrl-C and SIGTERM, which do not end the process once somebody listens.

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals to end.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

/// Which of them came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Ctrl-C: a person waits.
    Interrupt,
    /// SIGTERM: a supervisor does.
    Terminate,
}

impl Signals {
    pub(crate) fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Waits for Ctrl-C alone.
    pub(crate) async fn interrupted(&mut self) {
        self.interrupt.recv().await;
    }

    /// Waits for either.
    pub(crate) async fn end(&mut self) -> End {
        tokio::select! {
            _ = self.interrupt.recv() => End::Interrupt,
            _ = self.terminate.recv() => End::Terminate,
        }
    }
}

/// Listens to one signal, which has no other effect from here on.
pub(crate) fn listen(kind: SignalKind) -> anyhow::Result<Signal> {
    signal(kind).context("signals cannot be received")
}

//! Log lines on their way to whoever reads them, for whom no request waits.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

/// Bytes of lines that wait to be written; lines beyond are thrown away, and counted.
const MOST_WAITING: usize = 8 << 20;
/// Bytes that are written at once.
const WRITE: usize = 64 << 10;
/// How long the writer lets lines gather after a batch. A writer that waits for each line has to be
/// woken for each, which costs whoever sends it more than the line itself.
const GATHER: Duration = Duration::from_millis(5);
/// How long the last lines may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// Writes lines on a thread of its own; dropped, it waits a while for those that are left.
#[derive(Debug)]
pub(crate) struct Queue {
    lines: Lines,
}

/// The near end of the queue. Cheap to clone; writing to it never waits and never fails.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    messages: Sender<Message>,
    waiting: Arc<AtomicUsize>,
    lost: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Message {
    Line(Vec<u8>),
    /// Everything before this is to be written, and then this is to be dropped.
    Flush(Sender<()>),
}

impl Queue {
    /// Starts the thread that writes to `output`.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(crate) fn start(output: impl Write + Send + 'static) -> io::Result<Self> {
        let (messages, receiver) = mpsc::channel();
        let lines = Lines {
            messages,
            waiting: Arc::default(),
            lost: Arc::default(),
        };
        let (waiting, lost) = (Arc::clone(&lines.waiting), lines.lost());
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write_all(&receiver, output, &waiting, &lost))?;
        Ok(Self { lines })
    }

    pub(crate) fn lines(&self) -> Lines {
        self.lines.clone()
    }

    /// The counter of lines that were thrown away.
    pub(crate) fn lost(&self) -> Arc<AtomicU64> {
        self.lines.lost()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let (flush, flushed) = mpsc::channel();
        if self.lines.messages.send(Message::Flush(flush)).is_ok() {
            // An error either way: it is dropped when all is written, or it takes too long.
            flushed.recv_timeout(FAREWELL).unwrap_or_default();
        }
    }
}

impl Lines {
    fn lost(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.lost)
    }
}

/// One call is one line.
impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let before = self.waiting.fetch_add(line.len(), Ordering::Relaxed);
        let fits = before.saturating_add(line.len()) <= MOST_WAITING;
        if !fits || self.messages.send(Message::Line(line.to_vec())).is_err() {
            self.waiting.fetch_sub(line.len(), Ordering::Relaxed);
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_all(
    messages: &Receiver<Message>,
    mut output: impl Write,
    waiting: &AtomicUsize,
    lost: &AtomicU64,
) {
    let (mut text, mut flushes, mut told) = (Vec::new(), Vec::new(), 0);
    let take = |message, text: &mut Vec<u8>, flushes: &mut Vec<_>| match message {
        Message::Line(line) => text.extend(line),
        Message::Flush(flush) => flushes.push(flush),
    };
    while let Ok(message) = messages.recv() {
        take(message, &mut text, &mut flushes);
        while text.len() < WRITE
            && let Ok(message) = messages.try_recv()
        {
            take(message, &mut text, &mut flushes);
        }
        // Where nobody reads any more, there is nobody to tell.
        drop(output.write_all(&text).and_then(|()| output.flush()));
        waiting.fetch_sub(text.len(), Ordering::Relaxed);
        text.clear();
        if flushes.is_empty() {
            gather();
        }
        flushes.clear();
        let lines = lost.load(Ordering::Relaxed);
        if lines > told {
            told = lines;
            tracing::warn!(lines, "log lines were thrown away: they came too fast");
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the writer's own thread, where nothing is served"
)]
fn gather() {
    thread::sleep(GATHER);
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(text);
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_line_is_written_in_its_turn_before_the_end() {
        let page = Page::default();
        let queue = Queue::start(page.clone()).unwrap();
        let mut lines = queue.lines();
        let expected = (0..10_000).fold(String::new(), |page, number| format!("{page}{number}\n"));
        for line in expected.split_inclusive('\n') {
            lines.write_all(line.as_bytes()).unwrap();
        }
        drop(queue);
        assert_eq!(*page.0.lock().unwrap(), expected.into_bytes());
    }

    #[test]
    fn a_reader_who_does_not_read_costs_lines_and_never_time_or_memory() {
        let page = Page::default();
        let queue = Queue::start(page.clone()).unwrap();
        let (mut lines, lost) = (queue.lines(), queue.lost());
        let line = vec![b'x'; 1 << 20];
        let stuck = page.0.lock().unwrap();
        for _ in 0..8 {
            lines.write_all(&line).unwrap();
        }
        assert_eq!(lost.load(Ordering::Relaxed), 0);
        lines.write_all(b"too much").unwrap();
        assert_eq!(lost.load(Ordering::Relaxed), 1);
        drop(stuck);
        drop(queue);
        assert_eq!(page.0.lock().unwrap().len(), 8 << 20);
    }
}

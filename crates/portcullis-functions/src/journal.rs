//! What functions write: by invocation for the terminal, and the last of it for whoever asks later.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::mask::masked;

/// The longest line that is kept, in bytes; the rest of it is the next line.
pub(crate) const LONGEST_LINE: usize = 16 << 10;

/// What is kept of one invocation.
const MOST_LINES: usize = 1000;
const MOST_BYTES: usize = 256 << 10;

/// What is kept of all.
const LOG_LINES: usize = 10_000;
const LOG_BYTES: usize = 2 << 20;

/// Where a line was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// One line that a function wrote, tokens masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The function.
    pub function: Arc<str>,
    /// The request during which, or after which, it was written; empty before the first.
    pub request_id: Arc<str>,
    /// Where it was written to.
    pub stream: Stream,
    /// The line, without its end.
    pub text: String,
}

/// One invocation that has ended.
#[derive(Clone, Debug)]
pub struct Invoked {
    /// The function.
    pub function: Arc<str>,
    /// The request.
    pub request_id: Arc<str>,
    /// What it wrote.
    pub lines: Vec<Line>,
    /// How many lines more it wrote.
    pub left_out: usize,
    /// How long it took.
    pub duration: Duration,
    /// Why it gave no answer; absent where it did.
    pub error: Option<String>,
}

/// What those who run functions are told.
#[derive(Clone, Debug)]
pub enum Report {
    /// An invocation has ended.
    Invoked(Invoked),
    /// The function is made of what its files say at this moment.
    Built {
        /// The function.
        function: Arc<str>,
        /// How long that took.
        duration: Duration,
    },
    /// It cannot be: what ran before still does, but answers nothing.
    NotBuilt {
        /// The function.
        function: Arc<str>,
        /// What its builder says.
        message: String,
    },
    /// It does not start, or has ended where it should not.
    Failed {
        /// The function.
        function: Arc<str>,
        /// Why.
        message: String,
        /// The last that it wrote.
        lines: Vec<Line>,
    },
}

/// The last lines of all functions, bounded in number and size.
#[derive(Default)]
pub struct Log(Mutex<Lines>);

#[derive(Default)]
struct Lines {
    lines: VecDeque<Line>,
    bytes: usize,
}

impl Log {
    fn push(&self, line: Line) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += line.text.len();
        kept.lines.push_back(line);
        while kept.lines.len() > LOG_LINES || kept.bytes > LOG_BYTES {
            let Some(oldest) = kept.lines.pop_front() else {
                break;
            };
            kept.bytes -= oldest.text.len();
        }
    }

    /// The lines from the oldest on.
    pub fn lines(&self) -> Vec<Line> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.lines.iter().cloned().collect()
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").finish_non_exhaustive()
    }
}

/// What one worker writes during the invocation that it has.
#[derive(Debug)]
pub(crate) struct Journal {
    function: Arc<str>,
    log: Arc<Log>,
    page: Mutex<Page>,
}

/// The lines of one invocation.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) request_id: Arc<str>,
    pub(crate) lines: Vec<Line>,
    bytes: usize,
    pub(crate) left_out: usize,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            request_id: Arc::from(""),
            lines: Vec::new(),
            bytes: 0,
            left_out: 0,
        }
    }
}

impl Journal {
    pub(crate) fn new(function: Arc<str>, log: Arc<Log>) -> Self {
        Self {
            function,
            log,
            page: Mutex::default(),
        }
    }

    /// Writes down a line, which may be any bytes.
    pub(crate) fn write(&self, stream: Stream, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let text = masked(text.trim_end_matches(['\r', '\n'])).into_owned();
        let mut page = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        let line = Line {
            function: Arc::clone(&self.function),
            request_id: Arc::clone(&page.request_id),
            stream,
            text,
        };
        if page.lines.len() < MOST_LINES && page.bytes < MOST_BYTES {
            page.bytes += line.text.len();
            page.lines.push(line.clone());
        } else {
            page.left_out += 1;
        }
        drop(page);
        self.log.push(line);
    }

    /// Has the lines from here on belong to this request.
    pub(crate) fn assign(&self, request_id: Arc<str>) {
        let mut page = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        page.request_id = request_id;
    }

    /// Begins the page of this request, and returns the one before.
    pub(crate) fn turn(&self, request_id: Arc<str>) -> Page {
        let mut page = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        let next = Page {
            request_id,
            ..Page::default()
        };
        std::mem::replace(&mut *page, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_belong_to_the_request_and_are_masked_and_bounded() {
        let log = Arc::new(Log::default());
        let journal = Journal::new(Arc::from("hello"), Arc::clone(&log));
        journal.write(Stream::Err, b"starting\r\n");
        let before = journal.turn(Arc::from("request-1"));
        assert_eq!(before.lines[0].text, "starting");
        assert_eq!(&*before.lines[0].request_id, "");

        journal.write(Stream::Out, b"Bearer abc\xff");
        for _ in 0..MOST_LINES {
            journal.write(Stream::Out, b"more");
        }
        let page = journal.turn(Arc::from("request-2"));
        assert_eq!(page.lines.len(), MOST_LINES);
        assert_eq!(page.left_out, 1);
        assert_eq!(page.lines[0].text, "Bearer [token]\u{fffd}");
        assert_eq!(&*page.lines[0].request_id, "request-1");
        assert_eq!(log.lines().len(), MOST_LINES + 2);
    }

    #[test]
    fn the_log_loses_its_oldest_lines() {
        let log = Arc::new(Log::default());
        let journal = Journal::new(Arc::from("hello"), Arc::clone(&log));
        for number in 0..=LOG_LINES {
            journal.write(Stream::Out, number.to_string().as_bytes());
        }
        let lines = log.lines();
        assert_eq!((lines.len(), lines[0].text.as_str()), (LOG_LINES, "1"));
        let long = vec![b'a'; LOG_BYTES];
        journal.write(Stream::Out, &long);
        assert_eq!(log.lines().len(), 1);
    }
}

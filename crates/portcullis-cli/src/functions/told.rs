//! What happens to functions, in the terminal and in the log.

use std::time::Duration;

use portcullis_functions::{Line, Report, Stream};

use crate::terminal::{self, BAD, DIM, GOOD, LINK, harmless, styled};

/// Writes it as a person reads it: the name, the lines, how long it took.
pub(super) fn show(report: &Report) {
    terminal::say(page(report));
}

fn page(report: &Report) -> String {
    match report {
        Report::Invoked(invoked) => {
            let mut page = title(&invoked.function);
            page += &lines(&invoked.lines);
            if invoked.left_out > 0 {
                let rest = format!("… and {} lines more", invoked.left_out);
                page += &format!("   {}\n", styled(DIM, rest));
            }
            let took = milliseconds(invoked.duration);
            page + &match &invoked.error {
                None => format!("   {}\n", styled(DIM, format!("Done in {took}"))),
                Some(error) => {
                    let error = styled(BAD, indented(error));
                    format!(
                        "   {error}\n   {}\n",
                        styled(DIM, format!("Failed in {took}"))
                    )
                }
            }
        }
        Report::Built { function, duration } => {
            let built = styled(GOOD, format!("built in {}", milliseconds(*duration)));
            format!("{} {built}\n", title(function).trim_end())
        }
        Report::NotBuilt { function, message } => {
            format!("{}   {}\n", title(function), styled(BAD, indented(message)))
        }
        Report::Failed {
            function,
            message,
            lines: written,
        } => {
            let message = styled(BAD, indented(message));
            format!("{}{}   {message}\n", title(function), lines(written))
        }
    }
}

fn title(function: &str) -> String {
    format!("{} {}\n", styled(LINK, "➜"), harmless(function))
}

fn lines(lines: &[Line]) -> String {
    lines.iter().fold(String::new(), |shown, line| {
        shown + "   " + &harmless(&line.text) + "\n"
    })
}

fn indented(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(harmless).collect();
    lines.join("\n   ")
}

fn milliseconds(duration: Duration) -> String {
    format!("{} ms", duration.as_millis())
}

/// Writes it as a program reads it.
pub(super) fn log(report: &Report) {
    match report {
        Report::Invoked(invoked) => {
            let (function, request_id) = (&*invoked.function, &*invoked.request_id);
            log_lines(&invoked.lines);
            let (duration_ms, left_out) = (invoked.duration.as_millis(), invoked.left_out);
            match &invoked.error {
                None => tracing::debug!(function, request_id, duration_ms, left_out, "invoked"),
                Some(error) => {
                    tracing::warn!(
                        function,
                        request_id,
                        duration_ms,
                        left_out,
                        error,
                        "a function has failed"
                    );
                }
            }
        }
        Report::Built { function, duration } => {
            let (function, duration_ms) = (&**function, duration.as_millis());
            tracing::info!(function, duration_ms, "a function is ready to start");
        }
        Report::NotBuilt { function, message } => {
            tracing::error!(
                function = &**function,
                error = message,
                "a function cannot be built"
            );
        }
        Report::Failed {
            function,
            message,
            lines,
        } => {
            log_lines(lines);
            tracing::error!(
                function = &**function,
                error = message,
                "a function does not start"
            );
        }
    }
}

fn log_lines(lines: &[Line]) {
    for line in lines {
        let (function, request_id) = (&*line.function, &*line.request_id);
        let stream = match line.stream {
            Stream::Out => "stdout",
            Stream::Err => "stderr",
        };
        let line = line.text.as_str();
        tracing::info!(function, request_id, stream, line, "a function writes");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use portcullis_functions::Invoked;

    use super::*;

    #[test]
    fn an_invocation_is_shown_with_its_lines_and_how_it_ended() {
        let line = |text: &str| Line {
            function: Arc::from("hello.main"),
            request_id: Arc::from("request-1"),
            stream: Stream::Out,
            text: text.to_owned(),
        };
        let invoked = |error: Option<&str>, left_out| {
            Report::Invoked(Invoked {
                function: Arc::from("hello.main"),
                request_id: Arc::from("request-1"),
                lines: vec![line("one"), line("\u{1b}[2Jtwo")],
                left_out,
                duration: Duration::from_micros(12_345),
                error: error.map(str::to_owned),
            })
        };
        for (report, expected) in [
            (
                invoked(None, 0),
                "➜ hello.main\n   one\n   \\u{1b}[2Jtwo\n   Done in 12 ms\n",
            ),
            (
                invoked(Some("TypeError: x"), 7),
                "➜ hello.main\n   one\n   \\u{1b}[2Jtwo\n   … and 7 lines more\n   \
                 TypeError: x\n   Failed in 12 ms\n",
            ),
            (
                Report::NotBuilt {
                    function: Arc::from("hello.main"),
                    message: "✘ [ERROR]\n  here".to_owned(),
                },
                "➜ hello.main\n   ✘ [ERROR]\n     here\n",
            ),
            (
                Report::Built {
                    function: Arc::from("hello.main"),
                    duration: Duration::from_millis(40),
                },
                "➜ hello.main built in 40 ms\n",
            ),
        ] {
            let page = anstream::adapter::strip_str(&page(&report)).to_string();
            assert_eq!(page, expected);
        }
    }
}

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use crate::answer::AnswerError;

/// Why a function gave no answer.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvokeError {
    /// There is no such handler, or it cannot be built.
    #[error("the function cannot be built: {0}")]
    Build(String),
    /// It did not start.
    #[error("the function does not start: {0}")]
    Init(ErrorReport),
    /// The handler failed.
    #[error("{0}")]
    Handler(ErrorReport),
    /// Its process ended before it had answered.
    #[error("the function's process ended before it answered: {0}")]
    Exited(String),
    /// It took longer than it may, and its process was killed.
    #[error("Task timed out after {:.2} seconds", .0.as_secs_f64())]
    TimedOut(Duration),
    /// What it returned is no response.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// What it returned is larger than 6 MiB.
    #[error("the function returned more than 6 MiB")]
    AnswerTooLarge,
    /// The event is larger than 6 MiB.
    #[error("the request is larger than the 6 MiB that a function takes")]
    EventTooLarge,
    /// Too many requests wait for it, or this one did for too long.
    #[error("the function is busy with other requests")]
    Busy,
    /// The gateway ends.
    #[error("the gateway is ending")]
    Ending,
}

/// What a function says about its own failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorReport {
    /// `errorType`: the class of the exception.
    pub kind: String,
    /// `errorMessage`.
    pub message: String,
    /// The stack, a line each.
    pub trace: Vec<String>,
}

impl std::fmt::Display for ErrorReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.kind.as_str() {
            "" => f.write_str(&self.message),
            kind => write!(f, "{kind}: {}", self.message),
        }
    }
}

impl ErrorReport {
    /// How many lines of a stack are kept.
    const MOST_LINES: usize = 64;

    /// Reads `{errorMessage, errorType, stackTrace}`, of which anything may be missing.
    pub(crate) fn read(payload: &[u8]) -> Self {
        let value: Value = serde_json::from_slice(payload).unwrap_or_default();
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let trace = [&value["stackTrace"], &value["trace"]];
        let lines = trace.into_iter().filter_map(Value::as_array).flatten();
        let lines = lines.filter_map(Value::as_str).take(Self::MOST_LINES);
        Self {
            kind: text("errorType"),
            message: text("errorMessage"),
            trace: lines.map(|line| line.trim_end().to_owned()).collect(),
        }
    }
}

impl InvokeError {
    /// The HTTP status, as API Gateway answers.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::TimedOut(_) | Self::Busy | Self::Ending => StatusCode::SERVICE_UNAVAILABLE,
            Self::EventTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What a developer needs to see, which is not for callers in production.
    pub fn to_json(&self) -> Value {
        let report = match self {
            Self::Init(report) | Self::Handler(report) => report,
            other => return json!({ "message": other.to_string() }),
        };
        let mut shown = json!({ "message": self.to_string() });
        if !report.trace.is_empty() {
            shown["trace"] = report.trace.clone().into();
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_with_whatever_it_has() {
        for (payload, expected) in [
            (
                r#"{"errorType":"TypeError","errorMessage":"x","stackTrace":["a\n","b"]}"#,
                ("TypeError: x", 2),
            ),
            (r#"{"errorMessage":"x","trace":["a"]}"#, ("x", 1)),
            ("rubbish", ("", 0)),
            (r#"{"errorMessage":7,"stackTrace":"a"}"#, ("", 0)),
        ] {
            let report = ErrorReport::read(payload.as_bytes());
            assert_eq!(
                (report.to_string().as_str(), report.trace.len()),
                expected,
                "{payload}"
            );
        }
    }

    #[test]
    fn a_slow_function_is_told_as_on_lambda() {
        let error = InvokeError::TimedOut(Duration::from_secs(6));
        assert_eq!(error.to_string(), "Task timed out after 6.00 seconds");
        assert_eq!(error.status(), 503);
        assert_eq!(InvokeError::Exited("signal 9".to_owned()).status(), 500);
    }
}

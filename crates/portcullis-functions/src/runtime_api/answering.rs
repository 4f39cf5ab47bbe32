//! How a worker answers: at once, piece by piece, or with an error.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::mpsc;

use super::registry::Seat;
use super::{Answer, Gone, accepted, gone, refuse, wrong};
use crate::MAX_PAYLOAD;
use crate::answer::{self, AnswerError};
use crate::invoke_error::{ErrorReport, InvokeError};
use crate::output::{Output, OutputBroken};
use crate::runner::{Claim, Message, Outcome};

/// The largest description of an error.
const MAX_ERROR: usize = 256 << 10;

/// How much of what is too large is still read, so that its sender learns of it.
const MAX_DRAINED: usize = 64 << 20;

/// The largest streamed response, as on Lambda.
const MAX_STREAMED: usize = 200 << 20;

/// The largest head of a streamed response.
const MAX_PRELUDE: usize = 64 << 10;

/// What ends that head.
const PRELUDE_END: [u8; 8] = [0; 8];

/// How many pieces wait for a slow caller.
const PIECES: usize = 16;

const WITH_PRELUDE: &str = "application/vnd.awslambda.http-integration-response";
const MODE: &str = "lambda-runtime-function-response-mode";
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";

/// Why a body was not had.
enum Unread {
    TooLarge,
    Broken,
}

pub(super) async fn response(seat: &Seat, id: &str, request: Request<Incoming>) -> Answer {
    let claim = match claim(seat, id).await {
        Ok(claim) => claim,
        Err(refusal) => return refusal,
    };
    let (head, body) = request.into_parts();
    let is_streamed = text(&head.headers, MODE).eq_ignore_ascii_case("streaming");
    if is_streamed {
        let has_prelude = text(&head.headers, "content-type").starts_with(WITH_PRELUDE);
        let content_type = head.headers.get("content-type").cloned();
        let mut head = Response::new(());
        if let Some(content_type) = content_type {
            head.headers_mut().insert("content-type", content_type);
        }
        let error = stream(claim, body, (!has_prelude).then_some(head)).await;
        return finish(seat, error.map(|error| error.to_string()), accepted()).await;
    }
    let (outcome, answer) = match collect(body, MAX_PAYLOAD).await {
        Ok(payload) => (read(&payload), accepted()),
        Err(Unread::TooLarge) => (
            Err(InvokeError::AnswerTooLarge),
            refuse(
                StatusCode::PAYLOAD_TOO_LARGE,
                "Function.ResponseSizeTooLarge",
                "a response has at most 6 MiB",
            ),
        ),
        Err(Unread::Broken) => (Err(fate(&claim)), accepted()),
    };
    let error = outcome.as_ref().err().map(ToString::to_string);
    // Whoever has asked may be gone.
    drop(claim.answer.send(outcome));
    finish(seat, error, answer).await
}

pub(super) async fn error(seat: &Seat, id: &str, request: Request<Incoming>) -> Answer {
    let claim = match claim(seat, id).await {
        Ok(claim) => claim,
        Err(refusal) => return refusal,
    };
    let report = report(request).await;
    let error = InvokeError::Handler(report);
    let words = error.to_string();
    // Whoever has asked may be gone.
    drop(claim.answer.send(Err(error)));
    finish(seat, Some(words), accepted()).await
}

pub(super) async fn init_error(seat: &Seat, request: Request<Incoming>) -> Answer {
    let report = report(request).await;
    let asked = seat.ask(|worker, give| Message::InitError {
        worker,
        report,
        give,
    });
    match asked.await {
        Ok(Ok(())) => accepted(),
        Ok(Err(error)) => wrong(error),
        Err(Gone) => gone(),
    }
}

async fn claim(seat: &Seat, id: &str) -> Result<Claim, Answer> {
    let id = id.to_owned();
    let asked = seat.ask(|worker, give| Message::Claim { worker, id, give });
    match asked.await {
        Ok(claim) => claim.map_err(wrong),
        Err(Gone) => Err(gone()),
    }
}

/// Tells the runner before the worker, which then asks for more.
async fn finish(seat: &Seat, error: Option<String>, answer: Answer) -> Answer {
    let worker = seat.worker;
    let sent = seat
        .messages
        .send(Message::Answered { worker, error })
        .await;
    if sent.is_ok() { answer } else { gone() }
}

async fn report(request: Request<Incoming>) -> ErrorReport {
    let kind = text(request.headers(), ERROR_TYPE).to_owned();
    let payload = collect(request.into_body(), MAX_ERROR).await;
    let mut report = ErrorReport::read(&payload.unwrap_or_default());
    if report.kind.is_empty() {
        report.kind = kind;
    }
    report
}

fn read(payload: &[u8]) -> Outcome {
    Ok(answer::read(payload)?.map(Output::full))
}

/// Why a worker has stopped in the middle of an answer.
fn fate(claim: &Claim) -> InvokeError {
    let known = claim.fate.get().cloned();
    known.unwrap_or_else(|| InvokeError::Exited("in the middle of its answer".to_owned()))
}

async fn collect(mut body: Incoming, limit: usize) -> Result<Vec<u8>, Unread> {
    let mut bytes = Vec::new();
    let mut size = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Unread::Broken)?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        size += data.len();
        if size > MAX_DRAINED {
            break;
        }
        if size <= limit {
            bytes.extend_from_slice(data);
        }
    }
    if size > limit {
        Err(Unread::TooLarge)
    } else {
        Ok(bytes)
    }
}

/// Passes pieces on as they come, the first of them in a response with `head`, or with the one
/// that they begin with; tells what went wrong.
async fn stream(
    claim: Claim,
    mut body: Incoming,
    head: Option<Response<()>>,
) -> Option<InvokeError> {
    let (head, first) = match head {
        Some(head) => (head, Bytes::new()),
        None => match prelude(&mut body).await {
            Ok(parts) => parts,
            Err(error) => {
                let error = error.unwrap_or_else(|| fate(&claim));
                // Whoever has asked may be gone.
                drop(claim.answer.send(Err(error.clone())));
                return Some(error);
            }
        },
    };
    let (pieces, output) = mpsc::channel(PIECES);
    let response = head.map(|()| Output::stream(output));
    let Claim { answer, fate } = claim;
    // A caller who has gone is noticed by the pieces, too.
    drop(answer.send(Ok(response)));
    if !first.is_empty() {
        drop(pieces.send(Ok(first)).await);
    }
    let error = pump(&mut body, &pieces).await?;
    drop(pieces.send(Err(OutputBroken)).await);
    Some(fate.get().cloned().unwrap_or(error))
}

/// What is sent to nobody is read all the same: the worker is to go on.
async fn pump(
    body: &mut Incoming,
    pieces: &mpsc::Sender<Result<Bytes, OutputBroken>>,
) -> Option<InvokeError> {
    let mut size = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Some(InvokeError::Exited(
                "in the middle of its answer".to_owned(),
            ));
        };
        match frame.into_data() {
            Ok(data) => {
                size += data.len();
                if size > MAX_STREAMED {
                    return Some(InvokeError::AnswerTooLarge);
                }
                drop(pieces.send(Ok(data)).await);
            }
            Err(frame) => {
                let kind = frame
                    .trailers_ref()
                    .map(|trailers| text(trailers, ERROR_TYPE));
                if let Some(kind) = kind.filter(|kind| !kind.is_empty()) {
                    return Some(InvokeError::Handler(ErrorReport {
                        kind: kind.to_owned(),
                        message: "failed in the middle of a streamed response".to_owned(),
                        trace: Vec::new(),
                    }));
                }
            }
        }
    }
    None
}

/// The head of a streamed response, and what came behind it; no error where the body broke off.
async fn prelude(body: &mut Incoming) -> Result<(Response<()>, Bytes), Option<InvokeError>> {
    let mut read = BytesMut::new();
    while !body.is_end_stream() {
        let Some(frame) = body.frame().await else {
            break;
        };
        let frame = frame.map_err(|_| None)?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        // The end may lie on both sides of a border.
        let from = read.len().saturating_sub(PRELUDE_END.len() - 1);
        read.extend_from_slice(data);
        let mut windows = read[from..].windows(PRELUDE_END.len());
        if let Some(at) = windows.position(|window| window == PRELUDE_END) {
            let head = read.split_to(from + at);
            let head = answer::read_prelude(&head).map_err(|error| Some(error.into()))?;
            return Ok((head, read.freeze().slice(PRELUDE_END.len()..)));
        }
        if read.len() > MAX_PRELUDE {
            break;
        }
    }
    Err(Some(AnswerError::Prelude.into()))
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

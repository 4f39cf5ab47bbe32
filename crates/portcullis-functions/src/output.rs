use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use tokio::sync::mpsc::Receiver;

/// A streamed body broke off: its function failed or was killed.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the function's response broke off")]
pub struct OutputBroken;

/// What a function answers with: whole, or piece by piece as it comes.
#[derive(Debug)]
pub struct Output(Kind);

#[derive(Debug)]
enum Kind {
    Full(Full<Bytes>),
    Stream(Receiver<Result<Bytes, OutputBroken>>),
}

impl Output {
    pub(crate) fn full(bytes: Bytes) -> Self {
        Self(Kind::Full(Full::new(bytes)))
    }

    pub(crate) const fn stream(pieces: Receiver<Result<Bytes, OutputBroken>>) -> Self {
        Self(Kind::Stream(pieces))
    }
}

impl Body for Output {
    type Data = Bytes;
    type Error = OutputBroken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, OutputBroken>>> {
        match &mut self.0 {
            Kind::Full(body) => Pin::new(body)
                .poll_frame(context)
                .map_err(|never| match never {}),
            Kind::Stream(pieces) => pieces
                .poll_recv(context)
                .map(|piece| piece.map(|piece| piece.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Full(body) => body.is_end_stream(),
            Kind::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Full(body) => body.size_hint(),
            Kind::Stream(_) => SizeHint::default(),
        }
    }
}

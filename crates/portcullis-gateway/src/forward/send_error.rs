use std::error::Error;
use std::io;
use std::num::NonZeroUsize;
use std::time::Duration;

use crate::body::BodyError;
use crate::refuse::Refusal;

/// Why no answer came from an upstream.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error("could not connect")]
    Connect(#[source] io::Error),
    #[error("TLS could not be agreed on")]
    Tls(#[source] io::Error),
    #[error("could not connect in {} ms", .0.as_millis())]
    ConnectTimeout(Duration),
    #[error("the upstream does not speak HTTP/2")]
    NotHttp2,
    #[error("the connection broke before an answer came")]
    Broken(#[source] hyper::Error),
    #[error("no answer in {} ms", .0.as_millis())]
    AnswerTimeout(Duration),
    #[error("no answer in the {} ms that all of it may take", .0.as_millis())]
    TotalTimeout(Duration),
    #[error("the upstream switched to a protocol that nobody asked for")]
    Switched,
    #[error("{0} WebSockets are open on this thread")]
    TooManyWebSockets(usize),
    #[error("{0} connections are open, and none became free in time")]
    NoPlace(NonZeroUsize),
}

impl SendError {
    /// Whether the connection ended where an answer should begin.
    pub(super) fn is_end(&self) -> bool {
        matches!(self, Self::Broken(error) if !error.is_parse())
    }

    /// Whether it speaks against the connection that was used, if not the whole address.
    pub(super) fn blames_upstream(&self) -> bool {
        match self {
            Self::Connect(_)
            | Self::Tls(_)
            | Self::ConnectTimeout(_)
            | Self::NotHttp2
            | Self::AnswerTimeout(_)
            | Self::Switched => true,
            // Bodies come from the caller.
            Self::Broken(_) => BodyError::find_in(self).is_none(),
            Self::TotalTimeout(_) | Self::TooManyWebSockets(_) | Self::NoPlace(_) => false,
        }
    }

    /// Whether it tells that the whole address is not well, and not one connection or one request.
    ///
    /// One slow request says nothing of others, and callers can provoke it: checks tell of an
    /// address that takes requests and answers none.
    pub(super) fn blames_address(&self) -> bool {
        self.blames_upstream() && !matches!(self, Self::AnswerTimeout(_))
    }

    /// What the caller is told.
    pub(super) fn refusal(&self) -> Refusal {
        // Whatever is wrong with a caller's body is not the upstream's fault.
        match BodyError::find_in(self) {
            Some(BodyError::TooLarge) => return Refusal::BodyTooLarge,
            Some(BodyError::Idle) => return Refusal::BodyTimeout,
            Some(BodyError::Broken(_) | BodyError::Function(_)) => return Refusal::Body,
            None => {}
        }
        match self {
            Self::Tls(_) => Refusal::UpstreamTls,
            Self::Broken(error) if is_by_tls(error) => Refusal::UpstreamTls,
            Self::NoPlace(_) => Refusal::UpstreamFull,
            Self::AnswerTimeout(_) | Self::TotalTimeout(_) | Self::ConnectTimeout(_) => {
                Refusal::UpstreamTimeout
            }
            Self::Connect(_)
            | Self::NotHttp2
            | Self::Broken(_)
            | Self::Switched
            | Self::TooManyWebSockets(_) => Refusal::UpstreamUnreachable,
        }
    }
}

/// Whether TLS has found the fault, as a certificate that is not good; here or at the other end.
pub(super) fn is_by_tls(error: &(dyn Error + 'static)) -> bool {
    // What an I/O error wraps is not its source, but that one's source is.
    let wrapped = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    wrapped.is_some_and(|wrapped| wrapped.downcast_ref::<rustls::Error>().is_some())
        || error.source().is_some_and(is_by_tls)
}

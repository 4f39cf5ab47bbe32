use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_EXPOSE_HEADERS, CONTENT_LENGTH, CONTENT_TYPE, ORIGIN, WWW_AUTHENTICATE,
};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};

use super::Rejection;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// How a request wants to be answered, whatever the style: with a body or without, as gRPC.
///
/// ```
/// use portcullis::Form;
///
/// let (head, ()) = http::Request::get("/").body(()).unwrap().into_parts();
/// assert_eq!(Form::of(&head), Form::default(), "with a body, over HTTP");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Form {
    body: Body,
    origin: Origin,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Body {
    #[default]
    Whole,
    /// RFC 9110 section 9.3.2: an answer to HEAD has no body.
    None,
    /// An answer that is nothing but trailers.
    Grpc(Grpc),
}

/// The variant of gRPC, by its media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grpc {
    Plain,
    Web,
    WebText,
}

/// Whether a page of another origin asks, which may read only the headers that are exposed to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Origin {
    #[default]
    None,
    Some,
}

impl Form {
    /// What the head of a request asks for.
    ///
    /// ```
    /// # use portcullis::{Form, Reason, Rejection};
    /// let request = http::Request::post("/").header("content-type", "application/grpc");
    /// let (head, ()) = request.body(()).unwrap().into_parts();
    /// let refused = Rejection::new(Reason::Scope, &Default::default()).form(Form::of(&head));
    /// assert_eq!(refused.respond(None).headers()["grpc-status"], "7", "PERMISSION_DENIED");
    /// ```
    pub fn of(head: &Parts) -> Self {
        let media_type = head.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        let body = match media_type.and_then(Grpc::of) {
            Some(grpc) => Body::Grpc(grpc),
            None if head.method == Method::HEAD => Body::None,
            None => Body::Whole,
        };
        let origin = match head.headers.get(ORIGIN) {
            Some(_) => Origin::Some,
            None => Origin::None,
        };
        Self { body, origin }
    }

    /// Answers as gRPC, whatever the request says.
    #[must_use]
    pub(crate) const fn grpc(mut self) -> Self {
        if !matches!(self.body, Body::Grpc(_)) {
            self.body = Body::Grpc(Grpc::Plain);
        }
        self
    }

    /// Gives `answer` the form of this.
    pub(super) fn finish(
        self,
        rejection: &Rejection,
        mut answer: Response<Bytes>,
    ) -> Response<Bytes> {
        if self.origin == Origin::Some && answer.headers().contains_key(WWW_AUTHENTICATE) {
            let exposed = HeaderValue::from_static("WWW-Authenticate");
            answer
                .headers_mut()
                .insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
        let message = rejection.description();
        self.reshape(answer, code(rejection.status()), message)
    }

    /// Gives a refusal that is not about a credential this form.
    ///
    /// As gRPC it has this status code and message; otherwise it only loses its body, to HEAD.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http::header::CONTENT_TYPE;
    /// use portcullis::Form;
    ///
    /// let request = http::Request::post("/").header(CONTENT_TYPE, "application/grpc");
    /// let (head, ()) = request.body(()).unwrap().into_parts();
    /// let refused = http::Response::new(Bytes::from_static(b"no such method"));
    /// let answer = Form::of(&head).shape(refused, "12", "no such method");
    /// assert_eq!(answer.headers()["grpc-status"], "12");
    /// ```
    pub fn shape(
        self,
        answer: Response<Bytes>,
        grpc_status: &'static str,
        message: &str,
    ) -> Response<Bytes> {
        self.reshape(answer, grpc_status, Some(message))
    }

    fn reshape(
        self,
        mut answer: Response<Bytes>,
        grpc_status: &'static str,
        message: Option<&str>,
    ) -> Response<Bytes> {
        match self.body {
            Body::Whole => answer,
            Body::None => {
                let length = HeaderValue::from(answer.body().len());
                answer.headers_mut().insert(CONTENT_LENGTH, length);
                answer.map(|_| Bytes::new())
            }
            Body::Grpc(grpc) => trailers_only(grpc, answer, grpc_status, message),
        }
    }
}

/// gRPC over HTTP/2, "Responses": a refusal is 200, and its status one of the trailers that stand
/// in the head. The challenge stays as metadata.
fn trailers_only(
    grpc: Grpc,
    mut answer: Response<Bytes>,
    grpc_status: &'static str,
    message: Option<&str>,
) -> Response<Bytes> {
    *answer.status_mut() = StatusCode::OK;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(grpc.media_type()));
    headers.insert(GRPC_STATUS, HeaderValue::from_static(grpc_status));
    // The sentences are visible ASCII: nothing else of them needs percent-encoding.
    let message = message.map(|text| text.replace('%', "%25"));
    if let Some(message) = message.and_then(|text| HeaderValue::try_from(text).ok()) {
        headers.insert(GRPC_MESSAGE, message);
    }
    answer.map(|_| Bytes::new())
}

/// The status code of gRPC: `UNAUTHENTICATED`, `PERMISSION_DENIED` or `UNAVAILABLE`.
const fn code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::FORBIDDEN => "7",
        StatusCode::SERVICE_UNAVAILABLE => "14",
        _ => "16",
    }
}

impl Grpc {
    fn of(media_type: &[u8]) -> Option<Self> {
        let rest = media_type.strip_prefix(b"application/grpc")?;
        let names = |suffix: &[u8]| {
            rest.strip_prefix(suffix)
                .is_some_and(|rest| matches!(rest, [] | [b'+' | b';' | b' ', ..]))
        };
        if names(b"-web-text") {
            Some(Self::WebText)
        } else if names(b"-web") {
            Some(Self::Web)
        } else if names(b"") {
            Some(Self::Plain)
        } else {
            None
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Plain => "application/grpc",
            Self::Web => "application/grpc-web",
            Self::WebText => "application/grpc-web-text",
        }
    }
}

use std::fmt;
use std::time::Duration;

use url::Url;

/// A service that answers requests, and how to speak with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Upstream {
    /// Where it is: http or https, a host, a port, and what every path begins with.
    pub url: Url,
    /// What is spoken with it.
    pub protocol: Protocol,
    /// How long a connection may take to be made, TLS included; 5 s when absent.
    pub connect_timeout: Duration,
    /// How long an answer may take once the request is sent; 60 s when absent.
    pub answer_timeout: Duration,
    /// How long an answer's body may pause, and a `WebSocket` be silent; 60 s when absent.
    pub idle_timeout: Duration,
    /// Whether it sees the caller's `Host` instead of its own; `false` when absent.
    pub preserve_host: bool,
}

/// The version of HTTP that is spoken with an upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// HTTP/1.1, over as many connections as there are requests at the same time.
    #[default]
    Http1,
    /// HTTP/2, as gRPC needs it: by ALPN over https, by prior knowledge (h2c) over http.
    Http2,
}

impl Upstream {
    /// How long a connection may take to be made, where the file does not say.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
    /// How long an answer may take, where the file does not say.
    pub const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);
    /// How long it may send nothing in the middle, where the file does not say.
    pub const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

    /// The service at this address, spoken with as if nothing else was said.
    pub const fn at(url: Url) -> Self {
        Self {
            url,
            protocol: Protocol::Http1,
            connect_timeout: Self::CONNECT_TIMEOUT,
            answer_timeout: Self::ANSWER_TIMEOUT,
            idle_timeout: Self::IDLE_TIMEOUT,
            preserve_host: false,
        }
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

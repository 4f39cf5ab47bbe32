use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use url::Url;

/// A service that answers requests, and how to speak with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Upstream {
    /// Where it is: http or https, a host, a port, and what every path begins with.
    ///
    /// At least one and at most [`Upstream::MOST_ADDRESSES`], which differ in host or port alone.
    pub urls: Vec<Url>,
    /// How requests are spread over the addresses.
    pub balance: Balance,
    /// What is spoken with it.
    pub protocol: Protocol,
    /// How long a connection may take to be made, TLS included; 5 s when absent.
    pub connect_timeout: Duration,
    /// How long an answer may take once the request is sent; 60 s when absent.
    pub answer_timeout: Duration,
    /// How long an answer's body may pause, and a `WebSocket` be silent; 60 s when absent.
    pub idle_timeout: Duration,
    /// How long all of it may take, to the end of the answer; without end when absent.
    ///
    /// A `WebSocket` is exempt once it has begun.
    pub total_timeout: Option<Duration>,
    /// How often a request that may be repeated is sent again; once when absent.
    pub retries: u8,
    /// Connections at the same time, of the whole process; as many as it takes when absent.
    pub max_connections: Option<NonZeroUsize>,
    /// Whether it sees the caller's `Host` instead of its own; `false` when absent.
    pub preserve_host: bool,
    /// How it is asked whether it is well; only requests tell when absent.
    pub health: Option<HealthCheck>,
    /// Whom it must prove to be, and what is proved to it; the system's authorities when absent.
    pub tls: UpstreamTls,
}

/// How requests are spread over the addresses of an upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Balance {
    /// One after the other.
    #[default]
    RoundRobin,
    /// Where the fewest requests are under way.
    LeastConnections,
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

/// How each address of an upstream is asked whether it is well, whatever requests there are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HealthCheck {
    /// What is asked for with `GET`; a status from 200 to 399 is a good answer.
    pub path: String,
    /// The time from one question to the next; 5 s when absent.
    pub every: Duration,
    /// How long an answer may take; 1 s when absent.
    pub timeout: Duration,
    /// Good answers in a row after which the address is used again; 2 when absent.
    pub healthy: u32,
    /// Bad ones in a row after which it is not used; 3 when absent.
    pub unhealthy: u32,
}

/// How an upstream proves who it is, and what is proved to it. Files are in PEM, and their paths
/// relative to the configuration file.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct UpstreamTls {
    /// The authorities that are believed; the system's when absent.
    pub ca: Option<String>,
    /// What the upstream is shown when it asks who connects; nothing when absent.
    pub certificate: Option<crate::Certificate>,
    /// The name that its certificate must have; the host of the address when absent.
    pub server_name: Option<String>,
}

impl Upstream {
    /// Addresses of one upstream.
    pub const MOST_ADDRESSES: usize = 64;
    /// How long a connection may take to be made, where the file does not say.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
    /// How long an answer may take, where the file does not say.
    pub const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);
    /// How long it may send nothing in the middle, where the file does not say.
    pub const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
    /// How often a request is sent again, where the file does not say.
    pub const RETRIES: u8 = 1;

    /// The service at this address, spoken with as if nothing else was said.
    pub fn at(url: Url) -> Self {
        Self::at_all(vec![url])
    }

    /// The service at these addresses, spoken with as if nothing else was said.
    pub const fn at_all(urls: Vec<Url>) -> Self {
        Self {
            urls,
            balance: Balance::RoundRobin,
            protocol: Protocol::Http1,
            connect_timeout: Self::CONNECT_TIMEOUT,
            answer_timeout: Self::ANSWER_TIMEOUT,
            idle_timeout: Self::IDLE_TIMEOUT,
            total_timeout: None,
            retries: Self::RETRIES,
            max_connections: None,
            preserve_host: false,
            health: None,
            tls: UpstreamTls {
                ca: None,
                certificate: None,
                server_name: None,
            },
        }
    }
}

impl HealthCheck {
    /// The time from one question to the next, where the file does not say.
    pub const EVERY: Duration = Duration::from_secs(5);
    /// How long an answer may take, where the file does not say.
    pub const TIMEOUT: Duration = Duration::from_secs(1);
    /// Good answers in a row, where the file does not say.
    pub const HEALTHY: u32 = 2;
    /// Bad answers in a row, where the file does not say.
    pub const UNHEALTHY: u32 = 3;
}

/// The addresses, with commas between them.
impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, url) in self.urls.iter().enumerate() {
            let before = if index == 0 { "" } else { ", " };
            write!(f, "{before}{url}")?;
        }
        Ok(())
    }
}

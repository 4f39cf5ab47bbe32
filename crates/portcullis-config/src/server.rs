use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

/// What a caller may cost, whoever it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest request body in bytes; 10 MiB when absent.
    pub body: u64,
    /// The largest request head in bytes; 64 KiB when absent.
    pub headers: u32,
    /// The most header lines of a request; 100 when absent.
    pub header_count: usize,
    /// Connections at the same time, shared out to the workers; when absent, what the limit on
    /// open files allows.
    pub connections: Option<NonZeroUsize>,
    /// How long a caller may take for a TLS handshake, and then for each request's head; 30 seconds
    /// when absent.
    pub head_timeout: Duration,
    /// How long a connection may stay without a request; 75 seconds when absent.
    pub idle_timeout: Duration,
    /// How long a request may take from its head to the end of its answer; no limit when absent.
    pub request_timeout: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 10 << 20,
            headers: 64 << 10,
            header_count: 100,
            connections: None,
            head_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            request_timeout: None,
        }
    }
}

/// The header in which proxies pass on the certificate of their own client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateHeader {
    /// `Client-Cert`: the DER in base64, between colons (RFC 9440).
    ClientCert,
    /// Envoy's `x-forwarded-client-cert`: `Cert` of its last element, or `Hash` without one.
    Forwarded,
    /// nginx's `$ssl_client_escaped_cert`, percent-encoded PEM, as `X-SSL-Client-Cert`.
    SslClientCert,
    /// The same as `ssl-client-cert`, which Kubernetes's ingress-nginx sends.
    IngressSslClientCert,
}

impl CertificateHeader {
    /// Every choice, by the name of the header, which is that of the choice in the file.
    pub const ALL: [(&'static str, Self); 4] = [
        ("client-cert", Self::ClientCert),
        ("x-forwarded-client-cert", Self::Forwarded),
        ("x-ssl-client-cert", Self::SslClientCert),
        ("ssl-client-cert", Self::IngressSslClientCert),
    ];
}

/// Where those who run the gateway ask it about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// A loopback address, unless there are `hosts`.
    pub listen: SocketAddr,
    /// The file with the token to show, relative to the configuration file; when absent, a token is
    /// made at each start.
    pub token_file: Option<String>,
    /// The names and addresses besides this machine's by which it may be asked, in lower case.
    pub hosts: Vec<String>,
}

/// How the data plane proves who it is, and whom it asks the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The first is shown to callers who name no server, or one that no certificate has.
    pub certificates: Vec<Certificate>,
    /// A PEM file of the authorities whose certificates callers must have; when absent, they need
    /// none. Relative to the configuration file.
    pub client_ca: Option<String>,
    /// What happens to callers without one, where there is a `client_ca`.
    pub client_certificates: ClientCertificates,
    /// The oldest version that is spoken; TLS 1.2 when absent.
    pub min_version: TlsVersion,
}

/// Whether callers must have a certificate where one is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientCertificates {
    /// The handshake fails without one.
    #[default]
    Required,
    /// Whoever has none is served too.
    Optional,
}

/// A certificate for the names in it. Paths are relative to the configuration file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Certificate {
    /// A PEM file with the certificate, and then those that lead from it to its authority.
    pub certificate: String,
    /// A PEM file with its private key.
    pub key: String,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    #[default]
    V1_2,
    /// TLS 1.3 (RFC 8446).
    V1_3,
}

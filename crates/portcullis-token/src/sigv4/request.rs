use std::fmt;

/// A request as it was received, but for its body.
///
/// ```
/// use portcullis_token::sigv4::{Request, Signature, SignatureRefusal};
///
/// let headers = [("host", &b"api.example.com"[..])];
/// let request = Request { method: "GET", path: "/", query: None, headers: &headers };
/// assert_eq!(Signature::parse(&request).unwrap_err(), SignatureRefusal::Missing);
/// ```
#[derive(Clone, Copy)]
pub struct Request<'r> {
    /// `GET`, in upper case.
    pub method: &'r str,
    /// The path as it was sent, percent-encoded.
    pub path: &'r str,
    /// What stands behind the `?`; absent without one.
    pub query: Option<&'r str>,
    /// The headers in their order, names in lower case. In HTTP/2, `host` is `:authority`.
    pub headers: &'r [(&'r str, &'r [u8])],
}

impl<'r> Request<'r> {
    /// The values of the header of this name.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &'r [u8]> {
        let named = self.headers.iter().filter(move |(own, _)| *own == name);
        named.map(|(_, value)| *value)
    }

    /// The pieces of the query between `&`, without empty ones: a name, and a value if it has one.
    pub(super) fn parameters(&self) -> impl Iterator<Item = (&'r str, &'r str)> + use<'r> {
        let pieces = self.query.unwrap_or_default().split('&');
        let pieces = pieces.filter(|piece| !piece.is_empty());
        pieces.map(|piece| piece.split_once('=').unwrap_or((piece, "")))
    }
}

/// Without the query and the headers, which hold credentials.
impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

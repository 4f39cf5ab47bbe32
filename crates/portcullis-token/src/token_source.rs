use crate::Reason;
use crate::credential::{
    Scheme, only_line, parse_authorization, parse_optional_scheme, parse_token,
};

/// A place where a request may carry its access token.
///
/// ```
/// use portcullis_token::{CrossSite, Reason, TokenSource, find_credential};
///
/// let sources = [
///     TokenSource::Authorization,
///     TokenSource::Cookie { name: "session".to_owned(), cross_site: CrossSite::Allowed },
/// ];
/// let lines = |name: &str| (name == "cookie").then_some(&b"theme=dark; session=abc"[..]);
/// assert_eq!(find_credential(&sources, lines, None, None)?.token(), "abc");
/// let header_only = find_credential(&sources[..1], lines, None, None);
/// assert_eq!(header_only, Err(Reason::Missing));
/// # Ok::<(), Reason>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// The `Authorization` header with the scheme `Bearer` or `DPoP`.
    Authorization,
    /// The same, or the token alone without a scheme, as API Gateway of AWS has it.
    ///
    /// It stands in for [`TokenSource::Authorization`]: with both of them each token would be
    /// there twice.
    OptionalScheme,
    /// Another header.
    Header {
        /// The header's name, in any case.
        name: String,
        /// What stands before the token, such as `Token `, in any case; often nothing.
        prefix: String,
    },
    /// A cookie, which browsers send whoever made them send the request.
    Cookie {
        /// The cookie's name.
        name: String,
        /// Whether the cookie counts when another site made the browser send the request.
        cross_site: CrossSite,
    },
    /// A parameter of the query (RFC 6750 section 2.3): logs and histories will contain the token.
    Query {
        /// The parameter's name, as it is written in the query.
        name: String,
    },
    /// A field of the request's body, which is a form (RFC 6750 section 2.2).
    ///
    /// It is for whoever reads the body before it is known who calls; see [`may_carry_form`].
    Form {
        /// The field's name, as it is written in the form.
        name: String,
    },
}

/// What a cookie is worth in a request that another site caused.
///
/// ```
/// use portcullis_token::{CrossSite, Reason, TokenSource, find_credential};
///
/// let cookie = TokenSource::Cookie { name: "session".to_owned(), cross_site: CrossSite::Refused };
/// let find = |site: &'static str| {
///     let lines = |name: &str| match name {
///         "cookie" => Some(&b"session=abc"[..]),
///         "sec-fetch-site" => Some(site.as_bytes()),
///         _ => None,
///     };
///     find_credential(&[cookie.clone()], lines, None, None).map(|found| found.token())
/// };
/// assert_eq!(find("same-origin"), Ok("abc"));
/// assert_eq!(find("cross-site"), Err(Reason::Missing));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CrossSite {
    /// Nothing: it counts only with `Sec-Fetch-Site: same-origin`, or `none` for an address that
    /// the user typed. A browser that does not say where a request comes from is not believed.
    #[default]
    Refused,
    /// It always counts; something else must keep other sites from acting in the user's name.
    Allowed,
}

/// An access token as it was sent.
///
/// It is a secret: `Debug` does not show it.
///
/// ```
/// use portcullis_token::{TokenSource, find_credential};
///
/// let lines = |name: &str| (name == "authorization").then_some(&b"Bearer abc"[..]);
/// let credential = find_credential(&[TokenSource::Authorization], lines, None, None)?;
/// assert_eq!(credential.token(), "abc");
/// assert_eq!(format!("{credential:?}"), "Credential { .. }");
/// # Ok::<(), portcullis_token::Reason>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Credential<'r> {
    token: &'r str,
    proof: Option<&'r str>,
    source: usize,
}

/// Finds the one credential of a request, in the places that may carry it.
///
/// `lines` gives the values of all lines of a header, by its lower-case name; `query` is what
/// stands behind the `?`, and `form` the body where it [may carry one](may_carry_form). A token in
/// a place that is not among `sources` is not there.
///
/// # Errors
/// - [`Reason::Missing`], or [`Reason::UnsupportedScheme`] when only such a credential came.
/// - [`Reason::MalformedHeader`] for one that is not of RFC 6750's form, wherever it stands.
/// - [`Reason::MultipleCredentials`] for a token in two places, for a line that stands twice, and
///   for a `DPoP` header with a token that was not sent by that scheme.
/// - [`Reason::DpopRequired`] for the scheme `DPoP` without a `DPoP` header, and
///   [`Reason::DpopProof`] for one with two.
///
/// ```
/// use portcullis_token::{Reason, TokenSource, find_credential};
///
/// let headers = [("authorization", "Bearer abc")];
/// let lines = |name: &str| {
///     let name = name.to_owned();
///     headers.iter().filter(move |line| line.0 == name).map(|line| line.1.as_bytes())
/// };
/// let sources = [TokenSource::Authorization, TokenSource::Query { name: "token".to_owned() }];
/// let credential = find_credential(&sources, lines, None, None)?;
/// assert_eq!(credential.token(), "abc");
/// let twice = find_credential(&sources, lines, Some("token=abc"), None);
/// assert_eq!(twice, Err(Reason::MultipleCredentials));
/// # Ok::<(), Reason>(())
/// ```
pub fn find_credential<'r, L: IntoIterator<Item = &'r [u8]>>(
    sources: &[TokenSource],
    lines: impl Fn(&str) -> L,
    query: Option<&'r str>,
    form: Option<&'r [u8]>,
) -> Result<Credential<'r>, Reason> {
    let mut found = None;
    let mut absent = Reason::Missing;
    for (index, source) in sources.iter().enumerate() {
        let token = match source.find(&lines, query, form) {
            // Another source may still have a token.
            Err(Reason::UnsupportedScheme) => {
                absent = Reason::UnsupportedScheme;
                None
            }
            token => token?,
        };
        if token.is_some() && found.is_some() {
            return Err(Reason::MultipleCredentials);
        }
        found = found.or(token.map(|(scheme, token)| (scheme, token, index)));
    }
    let (scheme, token, source) = found.ok_or(absent)?;
    let proof = find_proof(scheme, lines("dpop"))?;
    Ok(Credential {
        token,
        proof,
        source,
    })
}

/// Whether the body of such a request may carry a token in a form (RFC 6750 section 2.2).
///
/// The method gives a body a meaning (POST, PUT or PATCH), and the one line `Content-Type` says
/// that it is a form. `content_types` are the values of all such lines.
///
/// ```
/// use portcullis_token::{TokenSource, find_credential, may_carry_form};
///
/// assert!(may_carry_form("POST", [&b"application/x-www-form-urlencoded"[..]]));
/// assert!(!may_carry_form("GET", [&b"application/x-www-form-urlencoded"[..]]));
/// assert!(!may_carry_form("POST", [&b"application/json"[..]]));
///
/// let source = TokenSource::Form { name: "access_token".to_owned() };
/// let body = &b"amount=7&access_token=abc"[..];
/// let credential = find_credential(&[source], |_| [], None, Some(body))?;
/// assert_eq!(credential.token(), "abc");
/// # Ok::<(), portcullis_token::Reason>(())
/// ```
pub fn may_carry_form<'r>(method: &str, content_types: impl IntoIterator<Item = &'r [u8]>) -> bool {
    let Ok(Some(content_type)) = only_line(content_types) else {
        return false;
    };
    let media_type = content_type.split(|byte| *byte == b';').next();
    let media_type = media_type.unwrap_or_default().trim_ascii();
    matches!(method, "POST" | "PUT" | "PATCH")
        && media_type.eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
}

impl<'r> Credential<'r> {
    /// The token.
    ///
    /// ```
    /// use portcullis_token::{TokenSource, find_credential};
    ///
    /// let source = TokenSource::Query { name: "access_token".to_owned() };
    /// let no_lines = |_: &str| None;
    /// let credential = find_credential(&[source], no_lines, Some("page=2&access_token=abc"), None)?;
    /// assert_eq!(credential.token(), "abc");
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub const fn token(&self) -> &'r str {
        self.token
    }

    /// Which of the sources it was found in, by its index.
    ///
    /// ```
    /// use portcullis_token::{TokenSource, find_credential};
    ///
    /// let query = TokenSource::Query { name: "token".to_owned() };
    /// let sources = [TokenSource::Authorization, query];
    /// let credential = find_credential(&sources, |_| [], Some("token=abc"), None)?;
    /// assert_eq!(credential.source(), 1);
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub const fn source(&self) -> usize {
        self.source
    }

    /// The `DPoP` proof that came with it, unchecked.
    ///
    /// ```
    /// use portcullis_token::{TokenSource, find_credential};
    ///
    /// let lines = |name: &str| match name {
    ///     "authorization" => Some(&b"DPoP abc"[..]),
    ///     "dpop" => Some(&b"eyJ0eXAi"[..]),
    ///     _ => None,
    /// };
    /// let credential = find_credential(&[TokenSource::Authorization], lines, None, None)?;
    /// assert_eq!(credential.proof(), Some("eyJ0eXAi"));
    /// # Ok::<(), portcullis_token::Reason>(())
    /// ```
    pub const fn proof(&self) -> Option<&'r str> {
        self.proof
    }
}

impl std::fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential").finish_non_exhaustive()
    }
}

/// What one source has: a token and the scheme it came by.
type Found<'r> = Option<(Scheme, &'r str)>;

impl TokenSource {
    fn find<'r, L: IntoIterator<Item = &'r [u8]>>(
        &self,
        lines: impl Fn(&str) -> L,
        query: Option<&'r str>,
        form: Option<&'r [u8]>,
    ) -> Result<Found<'r>, Reason> {
        let token = match self {
            Self::Authorization => {
                let line = only_line(lines("authorization"))?;
                return line.map(parse_authorization).transpose();
            }
            Self::OptionalScheme => {
                let line = only_line(lines("authorization"))?;
                return line.map(parse_optional_scheme).transpose();
            }
            Self::Header { name, prefix } => only_line(lines(&name.to_ascii_lowercase()))?
                .map(|line| strip_prefix(line, prefix).ok_or(Reason::MalformedHeader))
                .transpose()?,
            Self::Cookie { name, cross_site } => {
                let counts = *cross_site == CrossSite::Allowed || is_own_site(&lines);
                find_cookie(name, lines("cookie"))?.filter(|_| counts)
            }
            Self::Query { name } => find_parameter(name, query.map(str::as_bytes))?,
            // RFC 6750 section 2.2: all of such a form is ASCII.
            Self::Form { name } => find_parameter(name, form.filter(|form| form.is_ascii()))?,
        };
        let token = token.map(parse_token).transpose()?;
        Ok(token.map(|token| (Scheme::Bearer, token)))
    }
}

fn strip_prefix<'r>(line: &'r [u8], prefix: &str) -> Option<&'r [u8]> {
    let (start, token) = line.split_at_checked(prefix.len())?;
    start
        .eq_ignore_ascii_case(prefix.as_bytes())
        .then_some(token)
}

/// Fetch Metadata: `same-site` is not enough, since another application may live there.
fn is_own_site<'r, L: IntoIterator<Item = &'r [u8]>>(lines: impl Fn(&str) -> L) -> bool {
    let site = only_line(lines("sec-fetch-site"));
    matches!(site, Ok(Some(b"same-origin" | b"none")))
}

/// RFC 6265 section 5.4; HTTP/2 may split the cookies into several lines.
fn find_cookie<'r>(
    name: &str,
    lines: impl IntoIterator<Item = &'r [u8]>,
) -> Result<Option<&'r [u8]>, Reason> {
    let pairs = lines
        .into_iter()
        .flat_map(|line| line.split(|byte| *byte == b';'));
    only_pair(name, pairs.map(<[u8]>::trim_ascii))
}

fn find_parameter<'r>(name: &str, pairs: Option<&'r [u8]>) -> Result<Option<&'r [u8]>, Reason> {
    let pairs = pairs.unwrap_or_default();
    only_pair(name, pairs.split(|byte| *byte == b'&'))
}

/// The value of the one pair `name=value`.
fn only_pair<'r>(
    name: &str,
    pairs: impl Iterator<Item = &'r [u8]>,
) -> Result<Option<&'r [u8]>, Reason> {
    let mut values =
        pairs.filter_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="));
    let value = values.next();
    match values.next() {
        None => Ok(value),
        Some(_) => Err(Reason::MultipleCredentials),
    }
}

/// RFC 9449 section 7.1: a proof comes with the scheme `DPoP`, and with no other.
fn find_proof<'r>(
    scheme: Scheme,
    lines: impl IntoIterator<Item = &'r [u8]>,
) -> Result<Option<&'r str>, Reason> {
    let mut lines = lines.into_iter();
    let line = lines.next();
    match (scheme, line, lines.next()) {
        (Scheme::Bearer, None, _) => Ok(None),
        (Scheme::Bearer, Some(_), _) => Err(Reason::MultipleCredentials),
        (Scheme::Dpop, None, _) => Err(Reason::DpopRequired),
        (Scheme::Dpop, Some(_), Some(_)) => Err(Reason::DpopProof),
        (Scheme::Dpop, Some(proof), None) => str::from_utf8(proof)
            .map(Some)
            .map_err(|_| Reason::DpopProof),
    }
}

#[cfg(test)]
mod tests;

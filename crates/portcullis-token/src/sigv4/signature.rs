use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::percent::{self, Plus, unhex};
use super::{Request, SignatureRefusal, amz_date};
use crate::{Secret, UnixTime};

/// How far a client's clock may be off: what execute-api allows.
const WINDOW: Duration = Duration::from_mins(5);
/// A week, the longest that an address may be signed for.
const MAX_EXPIRES: u64 = 604_800;
/// More than any client signs.
const MAX_SIGNED_HEADERS: usize = 128;

/// How a request was signed.
///
/// ```
/// use portcullis_token::sigv4::SignatureAlgorithm;
///
/// assert_eq!(SignatureAlgorithm::Hmac.name(), "AWS4-HMAC-SHA256");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// With a key that is made of the secret for one day, region and service.
    Hmac,
    /// With a P-256 key made of the secret, for a set of regions: `SigV4a`.
    Ecdsa,
}

impl SignatureAlgorithm {
    /// The name in requests.
    ///
    /// ```
    /// use portcullis_token::sigv4::SignatureAlgorithm;
    ///
    /// assert_eq!(SignatureAlgorithm::Ecdsa.name(), "AWS4-ECDSA-P256-SHA256");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hmac => "AWS4-HMAC-SHA256",
            Self::Ecdsa => "AWS4-ECDSA-P256-SHA256",
        }
    }

    fn parse(name: &str) -> Result<Self, SignatureRefusal> {
        let mut all = [Self::Hmac, Self::Ecdsa].into_iter();
        all.find(|algorithm| algorithm.name() == name)
            .ok_or(SignatureRefusal::Algorithm)
    }
}

/// What a request says of its signature, not believed yet.
///
/// ```
/// use portcullis_token::sigv4::{Request, Signature};
///
/// let authorization = format!(
///     "AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/20150830/eu-west-1/execute-api/aws4_request, \
///     SignedHeaders=host;x-amz-date;x-amz-security-token, Signature={}",
///     "0".repeat(64),
/// );
/// let headers = [
///     ("host", &b"api.example.com"[..]),
///     ("x-amz-date", b"20150830T123600Z"),
///     ("x-amz-security-token", b"sealed"),
///     ("authorization", authorization.as_bytes()),
/// ];
/// let request = Request { method: "GET", path: "/", query: None, headers: &headers };
/// let signature = Signature::parse(&request)?;
/// assert_eq!(signature.access_key(), "ASIAEXAMPLE");
/// assert_eq!(signature.session_token(), Some("sealed"));
/// # Ok::<(), portcullis_token::sigv4::SignatureRefusal>(())
/// ```
#[derive(Clone)]
pub struct Signature {
    pub(super) algorithm: SignatureAlgorithm,
    pub(super) scope: Scope,
    /// In the order in which the client names them: that is signed, too.
    pub(super) signed_headers: Vec<String>,
    pub(super) bytes: Vec<u8>,
    /// The date as it was written.
    pub(super) date: String,
    pub(super) place: Place,
    signed_at: UnixTime,
    session_token: Option<Secret<String>>,
    /// Seconds, of a signed address.
    expires: Option<u64>,
}

/// Where the signature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Header,
    Query,
}

/// For whom, for which day and for what a request was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) access_key: String,
    pub(super) day: String,
    /// The one region of HMAC, or the set that `X-Amz-Region-Set` names.
    pub(super) region: String,
    pub(super) service: String,
}

/// The parts of a signature, still as text.
struct Parts<'r> {
    algorithm: SignatureAlgorithm,
    credential: Cow<'r, str>,
    signed_headers: Cow<'r, str>,
    signature: Cow<'r, str>,
    date: Cow<'r, str>,
    region_set: Option<Cow<'r, str>>,
    session_token: Option<Cow<'r, str>>,
    expires: Option<u64>,
    place: Place,
}

impl Signature {
    /// Finds and reads the one signature of `request`, in `Authorization` or in the query.
    ///
    /// # Errors
    /// [`SignatureRefusal`], for everything that can be wrong with it before a key is known.
    ///
    /// ```
    /// use portcullis_token::sigv4::{Request, Signature, SignatureRefusal};
    ///
    /// let headers = [("authorization", &b"AWS4-HMAC-SHA256 Credential=a"[..])];
    /// let request = Request { method: "GET", path: "/", query: None, headers: &headers };
    /// let refused = Signature::parse(&request).unwrap_err();
    /// assert_eq!(refused, SignatureRefusal::Incomplete("SignedHeaders"));
    /// ```
    pub fn parse(request: &Request<'_>) -> Result<Self, SignatureRefusal> {
        check_path(request.path)?;
        let parts = find(request)?;
        let signed_at = amz_date::parse(&parts.date).ok_or(SignatureRefusal::Date)?;
        let scope = scope(&parts)?;
        if !parts.date.starts_with(&scope.day) {
            return Err(SignatureRefusal::ScopeDate);
        }
        let signed_headers = signed_headers(request, &parts.signed_headers)?;
        check_body_hash(request)?;
        let bytes = unhex(&parts.signature).ok_or(SignatureRefusal::Malformed("Signature"))?;
        let fits = match parts.algorithm {
            SignatureAlgorithm::Hmac => bytes.len() == 32,
            SignatureAlgorithm::Ecdsa => bytes.len() <= 80,
        };
        if !fits {
            return Err(SignatureRefusal::Malformed("Signature"));
        }
        Ok(Self {
            algorithm: parts.algorithm,
            scope,
            signed_headers,
            bytes,
            date: parts.date.into_owned(),
            place: parts.place,
            signed_at,
            session_token: parts
                .session_token
                .map(|token| Secret::new(token.into_owned())),
            expires: parts.expires,
        })
    }

    /// The id of the secret that the request is said to be signed with.
    ///
    /// ```
    /// # use portcullis_token::sigv4::Signature;
    /// fn is_temporary(signature: &Signature) -> bool {
    ///     signature.access_key().starts_with("ASIA")
    /// }
    /// ```
    pub fn access_key(&self) -> &str {
        &self.scope.access_key
    }

    /// The session token beside it, which is a secret; absent for lasting credentials.
    ///
    /// ```
    /// # use portcullis_token::sigv4::Signature;
    /// fn is_of_a_session(signature: &Signature) -> bool {
    ///     signature.session_token().is_some()
    /// }
    /// ```
    pub fn session_token(&self) -> Option<&str> {
        self.session_token
            .as_ref()
            .map(|token| token.expose().as_str())
    }

    /// With which algorithm it was signed.
    ///
    /// ```
    /// # use portcullis_token::sigv4::{Signature, SignatureAlgorithm};
    /// fn is_asymmetric(signature: &Signature) -> bool {
    ///     signature.algorithm() == SignatureAlgorithm::Ecdsa
    /// }
    /// ```
    pub const fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// The day, region and service of the signing key: what a cache of keys goes by.
    ///
    /// ```
    /// # use portcullis_token::sigv4::Signature;
    /// fn cache_key(signature: &Signature) -> (String, String) {
    ///     (signature.access_key().to_owned(), signature.scope())
    /// }
    /// ```
    pub fn scope(&self) -> String {
        let Scope {
            day,
            region,
            service,
            ..
        } = &self.scope;
        match self.algorithm {
            SignatureAlgorithm::Hmac => format!("{day}/{region}/{service}/aws4_request"),
            SignatureAlgorithm::Ecdsa => format!("{day}/{service}/aws4_request"),
        }
    }

    /// Checks that the request is signed for this region and service.
    ///
    /// # Errors
    /// [`SignatureRefusal::Region`] and [`SignatureRefusal::Service`].
    ///
    /// ```
    /// # use portcullis_token::sigv4::{Signature, SignatureRefusal};
    /// fn check(signature: &Signature) -> Result<(), SignatureRefusal> {
    ///     signature.check_scope("us-east-1", "execute-api")
    /// }
    /// ```
    pub fn check_scope(&self, region: &str, service: &str) -> Result<(), SignatureRefusal> {
        let named = &self.scope.region;
        let fits = match self.algorithm {
            SignatureAlgorithm::Hmac => named == region,
            SignatureAlgorithm::Ecdsa => named.split(',').any(|own| is_in(own.trim(), region)),
        };
        if !fits {
            return Err(SignatureRefusal::Region(named.clone()));
        }
        if self.scope.service == service {
            Ok(())
        } else {
            Err(SignatureRefusal::Service(service.to_owned()))
        }
    }

    /// Checks that the request was signed within five minutes, or its address for longer.
    ///
    /// # Errors
    /// [`SignatureRefusal::Expired`] and [`SignatureRefusal::NotYetCurrent`].
    ///
    /// ```
    /// # use portcullis_token::UnixTime;
    /// # use portcullis_token::sigv4::{Signature, SignatureRefusal};
    /// fn check(signature: &Signature) -> Result<(), SignatureRefusal> {
    ///     signature.check_time(UnixTime(1_790_000_000))
    /// }
    /// ```
    pub fn check_time(&self, now: UnixTime) -> Result<(), SignatureRefusal> {
        let latest = now.plus(WINDOW);
        if self.signed_at > latest {
            return Err(SignatureRefusal::NotYetCurrent {
                signed: self.signed_at,
                latest,
                now,
            });
        }
        let (seconds, window) = match self.expires {
            Some(seconds) => (seconds, format!("{seconds} sec.")),
            None => (WINDOW.as_secs(), "5 min.".to_owned()),
        };
        let earliest = UnixTime(now.0.saturating_sub(seconds));
        if self.signed_at < earliest {
            return Err(SignatureRefusal::Expired {
                signed: self.signed_at,
                earliest,
                now,
                window,
            });
        }
        Ok(())
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signature")
            .field("access_key", &self.scope.access_key)
            .field("scope", &self.scope())
            .finish_non_exhaustive()
    }
}

/// Whether a member of a region set, perhaps with a `*` at its end, names `region`.
fn is_in(member: &str, region: &str) -> bool {
    match member.strip_suffix('*') {
        Some(beginning) => region.starts_with(beginning),
        None => member == region,
    }
}

/// `/a//b`, `/a/./b` and `/a/b` have one signature, so only the plain path may have it.
fn check_path(path: &str) -> Result<(), SignatureRefusal> {
    let Some(path) = path.strip_prefix('/') else {
        return Err(SignatureRefusal::Path);
    };
    let mut segments = path.split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        let decoded = percent::decode(segment, Plus::Plus);
        let is_plain = !matches!(&*decoded, b"." | b"..") && !decoded.contains(&b'/');
        if !is_plain || (segment.is_empty() && !is_last) {
            return Err(SignatureRefusal::Path);
        }
    }
    Ok(())
}

fn find<'r>(request: &Request<'r>) -> Result<Parts<'r>, SignatureRefusal> {
    let mut lines = request.values("authorization");
    let line = lines.next();
    let is_in_query = query_value(request, "X-Amz-Algorithm")?.is_some()
        || query_value(request, "X-Amz-Signature")?.is_some();
    match (line, lines.next(), is_in_query) {
        (None, _, false) => Err(SignatureRefusal::Missing),
        (Some(line), None, false) => in_header(request, line),
        (None, _, true) => in_query(request),
        _ => Err(SignatureRefusal::Twice),
    }
}

/// The parts of the header, after the algorithm.
const NAMES: [&str; 3] = ["Credential", "SignedHeaders", "Signature"];

fn in_header<'r>(request: &Request<'r>, line: &'r [u8]) -> Result<Parts<'r>, SignatureRefusal> {
    let line = std::str::from_utf8(line).map_err(|_| SignatureRefusal::Algorithm)?;
    let (algorithm, parameters) = line.split_once(' ').unwrap_or((line, ""));
    let algorithm = SignatureAlgorithm::parse(algorithm)?;
    let mut found = [None; 3];
    for parameter in parameters.split(',') {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let Some(index) = NAMES.iter().position(|own| *own == name.trim()) else {
            return Err(SignatureRefusal::Malformed("Authorization"));
        };
        if found[index].replace(value.trim()).is_some() {
            return Err(SignatureRefusal::Malformed(NAMES[index]));
        }
    }
    let part = |index: usize| {
        let found = found[index].filter(|value| !value.is_empty());
        found
            .ok_or(SignatureRefusal::Incomplete(NAMES[index]))
            .map(Cow::Borrowed)
    };
    let date = match header(request, "x-amz-date", "X-Amz-Date")? {
        Some(date) => Some(date),
        None => header(request, "date", "Date")?,
    };
    Ok(Parts {
        algorithm,
        credential: part(0)?,
        signed_headers: part(1)?,
        signature: part(2)?,
        date: date.ok_or(SignatureRefusal::NoDate)?.into(),
        region_set: header(request, "x-amz-region-set", "X-Amz-Region-Set")?.map(Cow::Borrowed),
        session_token: header(request, "x-amz-security-token", "X-Amz-Security-Token")?
            .map(Cow::Borrowed),
        expires: None,
        place: Place::Header,
    })
}

/// The one value of a header that says something about the signature.
fn header<'r>(
    request: &Request<'r>,
    name: &str,
    shown: &'static str,
) -> Result<Option<&'r str>, SignatureRefusal> {
    let mut values = request.values(name);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let text = std::str::from_utf8(value)
        .ok()
        .filter(|_| values.next().is_none());
    text.map(|text| Some(text.trim()))
        .ok_or(SignatureRefusal::Malformed(shown))
}

fn in_query<'r>(request: &Request<'r>) -> Result<Parts<'r>, SignatureRefusal> {
    let required = |name: &'static str| {
        query_value(request, name)?
            .filter(|value| !value.is_empty())
            .ok_or(SignatureRefusal::Incomplete(name))
    };
    // The other place of the token would be one of which the signature says nothing.
    if request.values("x-amz-security-token").next().is_some() {
        return Err(SignatureRefusal::Malformed("X-Amz-Security-Token"));
    }
    let expires = required("X-Amz-Expires")?;
    let is_number = expires.bytes().all(|byte| byte.is_ascii_digit());
    let expires: Option<u64> = expires.parse().ok().filter(|_| is_number);
    let expires = expires.filter(|seconds| (1..=MAX_EXPIRES).contains(seconds));
    Ok(Parts {
        algorithm: SignatureAlgorithm::parse(&required("X-Amz-Algorithm")?)?,
        credential: required("X-Amz-Credential")?,
        signed_headers: required("X-Amz-SignedHeaders")?,
        signature: required("X-Amz-Signature")?,
        date: required("X-Amz-Date")?,
        region_set: query_value(request, "X-Amz-Region-Set")?,
        session_token: query_value(request, "X-Amz-Security-Token")?,
        expires: Some(expires.ok_or(SignatureRefusal::Expires)?),
        place: Place::Query,
    })
}

fn query_value<'r>(
    request: &Request<'r>,
    name: &'static str,
) -> Result<Option<Cow<'r, str>>, SignatureRefusal> {
    let named = |(own, _): &(&str, &str)| *percent::decode(own, Plus::Plus) == *name.as_bytes();
    let mut values = request.parameters().filter(named);
    let Some((own, value)) = values.next() else {
        return Ok(None);
    };
    let malformed = SignatureRefusal::Malformed(name);
    // Names have one spelling, by which they are found again and taken out.
    if own != name || values.next().is_some() {
        return Err(malformed);
    }
    match percent::decode(value, Plus::Plus) {
        Cow::Borrowed(_) => Ok(Some(Cow::Borrowed(value))),
        Cow::Owned(bytes) => {
            let text = String::from_utf8(bytes).map_err(|_| malformed)?;
            Ok(Some(Cow::Owned(text)))
        }
    }
}

fn scope(parts: &Parts<'_>) -> Result<Scope, SignatureRefusal> {
    let mut pieces = parts.credential.split('/');
    let mut piece = || {
        let piece = pieces.next().filter(|piece| !piece.is_empty());
        piece.ok_or(SignatureRefusal::Credential).map(str::to_owned)
    };
    let access_key = piece()?;
    let day = piece()?;
    let region = match parts.algorithm {
        SignatureAlgorithm::Hmac => piece()?,
        SignatureAlgorithm::Ecdsa => match &parts.region_set {
            Some(set) => set.clone().into_owned(),
            None => return Err(SignatureRefusal::Incomplete("X-Amz-Region-Set")),
        },
    };
    let service = piece()?;
    if piece()? != "aws4_request" || pieces.next().is_some() || day.len() != 8 {
        return Err(SignatureRefusal::Credential);
    }
    Ok(Scope {
        access_key,
        day,
        region,
        service,
    })
}

fn signed_headers(request: &Request<'_>, list: &str) -> Result<Vec<String>, SignatureRefusal> {
    let malformed = || SignatureRefusal::Malformed("SignedHeaders");
    let names: Vec<_> = list.split(';').map(str::to_owned).collect();
    let is_lower = |name: &String| {
        !name.is_empty()
            && !name
                .bytes()
                .any(|byte| byte.is_ascii_uppercase() || byte <= b' ')
    };
    // In their order, each once: a list has one spelling.
    if names.len() > MAX_SIGNED_HEADERS
        || !names.iter().all(is_lower)
        || !names.is_sorted_by(|one, other| one < other)
    {
        return Err(malformed());
    }
    let is_signed = |name: &str| names.iter().any(|own| own == name);
    if !is_signed("host") {
        return Err(SignatureRefusal::HostUnsigned);
    }
    for (name, _) in request.headers {
        if name.starts_with("x-amz-") && !is_signed(name) {
            return Err(SignatureRefusal::HeaderUnsigned((*name).to_owned()));
        }
    }
    let missing = names
        .iter()
        .find(|name| request.values(name).next().is_none());
    match missing {
        Some(name) => Err(SignatureRefusal::HeaderMissing(name.clone())),
        None => Ok(names),
    }
}

/// The real body is hashed, whatever the header says; this is for a clear answer.
fn check_body_hash(request: &Request<'_>) -> Result<(), SignatureRefusal> {
    let mut values = request.values("x-amz-content-sha256");
    if values.all(|value| value.len() == 64) {
        Ok(())
    } else {
        Err(SignatureRefusal::UnsignedBody)
    }
}

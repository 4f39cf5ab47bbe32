use std::fmt;

use aws_lc_rs::hmac;

use super::canonical::{Form, canonical_request, string_to_sign};
use super::derived_key::Kind;
use super::{DerivedKey, Leniency, Request, Signature};

/// What was signed as we see it, for whoever wants to know why a signature is another one.
///
/// Made only when somebody asks: it holds the query and the signed headers, the session token
/// among them, and is for `dev` and `explain` alone.
///
/// ```
/// use portcullis_token::sigv4::{Mismatch, Request, Signature};
///
/// fn explain(request: &Request<'_>, signature: &Signature, body: &[u8; 32]) -> String {
///     let mismatch = Mismatch::of(request, signature, body);
///     mismatch.canonical_request().to_owned()
/// }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Mismatch {
    canonical_request: String,
    string_to_sign: String,
}

/// The first line in which two canonical requests differ.
///
/// ```
/// use portcullis_token::sigv4::{Difference, Mismatch};
///
/// fn line(mismatch: &Mismatch, of_client: &str) -> Option<usize> {
///     mismatch.first_difference(of_client).map(|difference| difference.line)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its number, from 1.
    pub line: usize,
    /// As it is here; empty behind the end.
    pub ours: String,
    /// As the client has it; empty behind the end.
    pub theirs: String,
}

impl Signature {
    /// Whether the signature is that of `request` under `key`, with `body` the body's SHA-256.
    ///
    /// By the strict rule first. The others cost one more HMAC each, and only where it fails.
    ///
    /// # Errors
    /// [`SignatureRefusal::Mismatch`](super::SignatureRefusal::Mismatch).
    ///
    /// ```
    /// # use portcullis_token::sigv4::{
    /// #     DerivedKey, Leniency, Request, Signature, SignatureRefusal, sha256,
    /// # };
    /// fn check(
    ///     request: &Request<'_>,
    ///     signature: &Signature,
    ///     key: &DerivedKey,
    /// ) -> Result<(), SignatureRefusal> {
    ///     signature.verify(request, &sha256(b"hello"), key, Leniency::Strict)
    /// }
    /// ```
    pub fn verify(
        &self,
        request: &Request<'_>,
        body: &[u8; 32],
        key: &DerivedKey,
        leniency: Leniency,
    ) -> Result<(), super::SignatureRefusal> {
        let is_signed = |form: &Form| {
            let canonical = canonical_request(request, self, body, *form);
            let message = string_to_sign(self, &canonical);
            match &key.0 {
                // In constant time.
                Kind::Hmac(key) => hmac::verify(key, &message, &self.bytes).is_ok(),
                Kind::Ecdsa(key) => key.verifies(&message, &self.bytes),
            }
        };
        if leniency.forms(request.path).iter().any(is_signed) {
            Ok(())
        } else {
            Err(super::SignatureRefusal::Mismatch)
        }
    }
}

impl Mismatch {
    /// Writes down what `request` should have been signed as, by the strict rule.
    ///
    /// ```
    /// # use portcullis_token::sigv4::{Mismatch, Request, Signature, sha256};
    /// fn of_empty_body(request: &Request<'_>, signature: &Signature) -> Mismatch {
    ///     Mismatch::of(request, signature, &sha256(b""))
    /// }
    /// ```
    pub fn of(request: &Request<'_>, signature: &Signature, body: &[u8; 32]) -> Self {
        let canonical = canonical_request(request, signature, body, Form::Standard);
        let message = string_to_sign(signature, &canonical);
        Self {
            canonical_request: String::from_utf8_lossy(&canonical).into_owned(),
            string_to_sign: String::from_utf8_lossy(&message).into_owned(),
        }
    }

    /// The canonical request, in its lines.
    ///
    /// ```
    /// # use portcullis_token::sigv4::Mismatch;
    /// fn lines(mismatch: &Mismatch) -> usize {
    ///     mismatch.canonical_request().lines().count()
    /// }
    /// ```
    pub fn canonical_request(&self) -> &str {
        &self.canonical_request
    }

    /// The string to sign, in its four lines.
    ///
    /// ```
    /// # use portcullis_token::sigv4::Mismatch;
    /// fn algorithm(mismatch: &Mismatch) -> Option<&str> {
    ///     mismatch.string_to_sign().lines().next()
    /// }
    /// ```
    pub fn string_to_sign(&self) -> &str {
        &self.string_to_sign
    }

    /// Where the canonical request that a client prints differs first; absent where it does not.
    ///
    /// ```
    /// # use portcullis_token::sigv4::Mismatch;
    /// fn agrees(mismatch: &Mismatch, of_client: &str) -> bool {
    ///     mismatch.first_difference(of_client).is_none()
    /// }
    /// ```
    pub fn first_difference(&self, theirs: &str) -> Option<Difference> {
        let mut ours = self.canonical_request.split('\n');
        let mut theirs = theirs.split('\n');
        let mut line = 0;
        loop {
            line += 1;
            match (ours.next(), theirs.next()) {
                (None, None) => return None,
                (one, other) if one == other => {}
                (one, other) => {
                    return Some(Difference {
                        line,
                        ours: one.unwrap_or_default().to_owned(),
                        theirs: other.unwrap_or_default().to_owned(),
                    });
                }
            }
        }
    }
}

/// Without what it holds.
impl fmt::Debug for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mismatch").finish_non_exhaustive()
    }
}

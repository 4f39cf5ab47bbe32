//! What a token says of itself, for logs; nothing is decided by it.

use std::fmt;

use portcullis_token::{
    Algorithm, Claims, DuplicateClaims, Header, ParsePolicy, TokenType, Unverified,
};

use crate::cache::Digest;
use crate::verifier::LONGEST_TOKEN;

/// Twelve hexadecimal digits that stand for a token or a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identifier([u8; 6]);

impl From<Digest> for Identifier {
    fn from(digest: Digest) -> Self {
        let [_, _, bytes @ ..] = digest.first_bytes().to_be_bytes();
        Self(bytes)
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A token's header and claims, whoever wrote them; neither for one that is no JWT.
pub(crate) struct Glance<'t> {
    token: Option<Unverified<'t>>,
}

impl<'t> Glance<'t> {
    pub(crate) fn at(token: &'t str) -> Self {
        let mut algorithms = Algorithm::ALL.to_vec();
        algorithms.extend(Algorithm::HMAC);
        let policy = ParsePolicy {
            algorithms: &algorithms,
            max_bytes: LONGEST_TOKEN,
            duplicates: DuplicateClaims::Last,
            token_type: TokenType::Any,
        };
        Self {
            token: Unverified::parse(token, policy, &mut ()).ok(),
        }
    }

    pub(crate) fn header(&self) -> Option<&Header> {
        self.token.as_ref().map(Unverified::header)
    }

    pub(crate) fn claims(&self) -> Option<&Claims> {
        self.token.as_ref().map(Unverified::claims)
    }

    /// Which of these issuers the token says it is of, a slash at the end aside.
    pub(crate) fn issuer<'i>(&self, names: impl IntoIterator<Item = &'i str>) -> Option<&'i str> {
        let issuer = self.claims()?.issuer()?.trim_end_matches('/');
        let mut names = names.into_iter();
        names.find(|name| name.trim_end_matches('/') == issuer)
    }
}

/// The token's `kid`, in the memory of the key's where it is the same.
fn shared_kid(header: &Header, key: &VerifyingKey) -> Option<Arc<String>> {
    if header.kid() == key.kid() {
        key.identity().shared_kid()
    } else {
        header.shared_kid()
    }
}

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use crate::binding::check_binding;
use crate::times::{check_age, check_expiry, check_valid_from};
use crate::{
    AcceptedProof, Algorithm, ClaimRule, Claims, DuplicateClaims, Header, Introspected, KeySet,
    OnFail, ProofRules, Reason, Remembered, Sender, Step, TokenType, Trace, UnixTime, Unverified,
    Verified, VerifyingKey,
};

/// What RFC 9068 section 2.2 requires of an `at+jwt`.
const PROFILE_CLAIMS: [&str; 7] = ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"];

/// What a token of one issuer must be like, compiled once from the configuration.
///
/// ```
/// use std::time::Duration;
/// use portcullis_token::{ClaimRule, Rules};
///
/// let rules = Rules {
///     max_age: Some(Duration::from_secs(86_400)),
///     claim_rules: [ClaimRule::equals("org_id", "org_1")].into(),
///     ..Rules::new(
///         Some("https://tenant.eu.auth0.com/".to_owned()),
///         Some(vec!["https://expenses-api".to_owned()]),
///     )
/// };
/// assert_eq!(rules.leeway, Duration::from_secs(5));
/// ```
#[derive(Clone, Debug)]
pub struct Rules {
    /// The `iss` to ask for, as configured; absent when the configuration gives the check up.
    pub issuer: Option<String>,
    /// The `aud` values of which a token needs one; absent when the check is given up.
    pub audience: Option<Vec<String>>,
    /// Whether a token without `aud` may name its audience by `client_id`, as AWS reads it.
    pub client_id_as_audience: bool,
    /// What the issuer may sign with.
    pub algorithms: Vec<Algorithm>,
    /// How far clocks may differ, for `exp`, `nbf`, `iat` and `auth_time`.
    pub leeway: Duration,
    /// Which `typ` a token may carry; [`TokenType::AccessToken`] asks for RFC 9068's claims too.
    pub token_type: TokenType,
    /// Claims that must be there besides `exp`, named as [`ClaimRule`] names them.
    pub required_claims: Vec<String>,
    /// How long ago `iat`, which must then be there, may be.
    pub max_age: Option<Duration>,
    /// How long the time from `iat`, which must then be there, to `exp` may be.
    pub max_lifetime: Option<Duration>,
    /// The claims that list scopes: literal names, or JSON pointers such as
    /// `/realm_access/roles`.
    pub scope_claims: Arc<[String]>,
    /// What claims must be like. Those that forbid are run by [`Verified::check_claims`].
    pub claim_rules: Arc<[ClaimRule]>,
    /// Gives up that a token which is bound to a key or certificate comes with it: whoever has
    /// stolen such a token can then use it.
    pub ignore_confirmation: bool,
    /// What becomes of a token with a claim that stands twice.
    pub duplicate_claims: DuplicateClaims,
    /// What `DPoP` proofs must be like.
    pub proofs: ProofRules,
}

impl Rules {
    /// Rules with the defaults: [`Algorithm::DEFAULT`], 5 s leeway, any access token's `typ`, and
    /// scopes from `scope` and `scp`; nothing is asked for but `iss`, `aud` and `exp`.
    ///
    /// ```
    /// use portcullis_token::{Rules, TokenType};
    ///
    /// let issuer = "https://tenant.eu.auth0.com/".to_owned();
    /// let rules = Rules::new(Some(issuer), Some(vec!["https://expenses-api".to_owned()]));
    /// assert_eq!(*rules.scope_claims, ["scope", "scp"].map(str::to_owned));
    /// assert_eq!((rules.token_type, rules.max_age), (TokenType::Lenient, None));
    /// ```
    pub fn new(issuer: Option<String>, audience: Option<Vec<String>>) -> Self {
        Self {
            issuer,
            audience,
            client_id_as_audience: false,
            algorithms: Algorithm::DEFAULT.to_vec(),
            leeway: Duration::from_secs(5),
            token_type: TokenType::Lenient,
            required_claims: Vec::new(),
            max_age: None,
            max_lifetime: None,
            scope_claims: ["scope", "scp"].map(str::to_owned).into(),
            claim_rules: Arc::default(),
            ignore_confirmation: false,
            duplicate_claims: DuplicateClaims::Rejected,
            proofs: ProofRules::default(),
        }
    }

    /// Decides about `token` with the issuer's `keys`, at the time `now`.
    ///
    /// With an empty key set every token that gets as far is [`Reason::KeyUnknown`], which tells
    /// the caller that fetching keys may change the answer.
    ///
    /// # Errors
    /// The [`Reason`] of the first check that fails.
    ///
    /// ```
    /// use portcullis_token::{Algorithm, KeySet, Rules, Secret, Sender, UnixTime, Unverified};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let keys = KeySet::hmac(&Secret::new(vec![7; 32]), Algorithm::Hs256)?;
    /// let rules = Rules {
    ///     algorithms: vec![Algorithm::Hs256],
    ///     ..Rules::new(Some("https://a.example/".to_owned()), Some(vec!["api".to_owned()]))
    /// };
    /// // {"alg":"HS256"}.{"iss":"https://a.example/","aud":"api","exp":100}
    /// let token = "eyJhbGciOiJIUzI1NiJ9.\
    ///     eyJpc3MiOiJodHRwczovL2EuZXhhbXBsZS8iLCJhdWQiOiJhcGkiLCJleHAiOjEwMH0.\
    ///     uF9d46UpO14PkjjsFSC4BkG_fFN1EwAt-lC0bWUnZNY";
    /// let token = Unverified::parse(token, &rules, &mut ())?;
    /// let verified = rules.verify(&token, &keys, &Sender::default(), UnixTime(0), &mut ())?;
    /// assert_eq!(verified.subject(), None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn verify(
        &self,
        token: &Unverified<'_>,
        keys: &KeySet,
        sender: &Sender<'_>,
        now: UnixTime,
        trace: &mut impl Trace,
    ) -> Result<Verified, Reason> {
        // Before any key work, so that foreign and expired tokens cannot cause a key fetch.
        self.check_issuer(token.claims(), keys, trace)?;
        self.check_duplicates(token, trace)?;
        self.check_algorithm(token, trace)?;
        self.check_type(token, trace)?;
        check_expiry(token.claims(), now, self.leeway, trace)?;

        let key = check_signature(token, keys, trace)?;

        // Signed by the issuer from here on, so the answers may be specific.
        let claims = token.claims();
        let profile: &[&str] = match self.token_type {
            TokenType::AccessToken => &PROFILE_CLAIMS,
            _ => &[],
        };
        self.check_claims(claims, profile, now, trace)?;
        let proof = self.check_sender(claims, token.text(), sender, now, trace)?;
        Ok(Verified {
            kid: shared_kid(token.header(), key),
            key: Some(Arc::clone(key.identity())),
            proof,
            ..self.unsigned(claims)
        })
    }

    /// Decides about an opaque token by the issuer's answer, which nobody needs to have signed:
    /// it came from the issuer itself.
    ///
    /// For the same reason `iss` may be absent from it, though not be another one.
    ///
    /// # Errors
    /// The [`Reason`] of the first check that fails.
    ///
    /// ```
    /// use portcullis_token::{Introspected, Reason, Rules, Sender, UnixTime};
    ///
    /// let rules = Rules::new(None, Some(vec!["api".to_owned()]));
    /// let answer = Introspected::parse(br#"{"active":true,"aud":"api","exp":100}"#)?;
    /// let check = |now| {
    ///     rules.verify_introspected(&answer, "opaque", &Sender::default(), UnixTime(now), &mut ())
    /// };
    /// assert!(check(0).is_ok());
    /// assert_eq!(check(200).map(drop), Err(Reason::Expired));
    /// # Ok::<(), Reason>(())
    /// ```
    pub fn verify_introspected(
        &self,
        answer: &Introspected,
        token: &str,
        sender: &Sender<'_>,
        now: UnixTime,
        trace: &mut impl Trace,
    ) -> Result<Verified, Reason> {
        let claims = answer.claims();
        if claims.issuer().is_some() {
            self.check_issuer(claims, &KeySet::default(), trace)?;
        }
        check_expiry(claims, now, self.leeway, trace)?;
        self.check_claims(claims, &[], now, trace)?;
        let proof = self.check_sender(claims, token, sender, now, trace)?;
        Ok(Verified {
            proof,
            ..self.unsigned(claims)
        })
    }

    /// Decides again about a token that was verified by these rules before, as a cache asks.
    ///
    /// Time, claims and sender are checked as if for the first time; the signature is not. That
    /// its key is still one of the issuer's is for the caller to see:
    /// [`Verified::key_thumbprint`].
    ///
    /// # Errors
    /// The [`Reason`] of the first check that fails.
    ///
    /// ```
    /// use portcullis_token::{Introspected, Reason, Rules, Sender, UnixTime};
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"exp":100}"#)?;
    /// let (rules, sender) = (Rules::new(None, None), Sender::default());
    /// let token = rules.verify_introspected(&answer, "opaque", &sender, UnixTime(0), &mut ())?;
    /// let cached = token.remember();
    /// let again = |now| rules.verify_again(&cached, "opaque", &sender, UnixTime(now), &mut ());
    /// assert!(again(104).is_ok());
    /// assert_eq!(again(105).map(drop), Err(Reason::Expired));
    /// # Ok::<(), Reason>(())
    /// ```
    pub fn verify_again(
        &self,
        earlier: &Remembered,
        token: &str,
        sender: &Sender<'_>,
        now: UnixTime,
        trace: &mut impl Trace,
    ) -> Result<Verified, Reason> {
        let claims = &earlier.claims;
        check_expiry(claims, now, self.leeway, trace)?;
        self.check_claims(claims, &[], now, trace)?;
        let proof = self.check_sender(claims, token, sender, now, trace)?;
        Ok(Verified {
            kid: earlier.kid.clone(),
            key: earlier.key.clone(),
            proof,
            ..self.unsigned(claims)
        })
    }

    fn unsigned(&self, claims: &Claims) -> Verified {
        Verified {
            claims: claims.clone(),
            scope_claims: Arc::clone(&self.scope_claims),
            claim_rules: Arc::clone(&self.claim_rules),
            leeway: self.leeway,
            kid: None,
            key: None,
            proof: None,
        }
    }

    /// What only claims that the issuer vouches for are asked.
    fn check_claims(
        &self,
        claims: &Claims,
        profile: &[&str],
        now: UnixTime,
        trace: &mut impl Trace,
    ) -> Result<(), Reason> {
        check_valid_from(claims, now, self.leeway, trace)?;
        check_age(claims, self, now, trace)?;
        self.check_audience(claims, trace)?;
        self.check_required(claims, profile, trace)?;
        self.check_kind(claims, trace)?;
        let vouching = |rule: &&ClaimRule| rule.fails_with() == OnFail::Token;
        self.claim_rules
            .iter()
            .filter(vouching)
            .try_for_each(|rule| rule.check(claims, trace))
    }

    fn check_sender(
        &self,
        claims: &Claims,
        token: &str,
        sender: &Sender<'_>,
        now: UnixTime,
        trace: &mut impl Trace,
    ) -> Result<Option<AcceptedProof>, Reason> {
        if self.ignore_confirmation {
            trace.passed(Step::Binding, || "not looked at".to_owned());
            return Ok(None);
        }
        check_binding(claims, token, &self.proofs, sender, now, trace)
    }

    fn check_issuer(
        &self,
        claims: &Claims,
        keys: &KeySet,
        trace: &mut impl Trace,
    ) -> Result<(), Reason> {
        let got = || {
            claims
                .issuer()
                .map_or_else(|| "no `iss`".to_owned(), |iss| format!("`{iss}`"))
        };
        let Some(expected) = keys.issuer().or(self.issuer.as_deref()) else {
            trace.passed(Step::Issuer, || format!("any allowed; {}", got()));
            return Ok(());
        };
        // Until discovery has told the issuer's own spelling both pass: without keys, nothing is
        // accepted anyway.
        let holds = claims.issuer().is_some_and(|issuer| {
            issuer == expected || (keys.is_empty() && differ_by_a_slash(issuer, expected))
        });
        trace.check(
            Step::Issuer,
            holds,
            Reason::IssUnknown,
            || format!("`{expected}`"),
            got,
        )
    }

    /// Another issuer of the same verifier may let claims stand twice.
    fn check_duplicates(
        &self,
        token: &Unverified<'_>,
        trace: &mut impl Trace,
    ) -> Result<(), Reason> {
        if !token.repeats() || self.duplicate_claims == DuplicateClaims::Last {
            return Ok(());
        }
        let expected = || "each claim once".to_owned();
        trace.refused(Step::Claims, expected, || {
            "one that stands twice".to_owned()
        });
        Err(Reason::BadClaims)
    }

    fn check_algorithm(
        &self,
        token: &Unverified<'_>,
        trace: &mut impl Trace,
    ) -> Result<(), Reason> {
        let algorithm = token.header().algorithm();
        let holds = self.algorithms.contains(&algorithm);
        let expected = || {
            let names: Vec<_> = self.algorithms.iter().map(|a| a.name()).collect();
            format!("one of {}", names.join(", "))
        };
        trace.check(
            Step::Algorithm,
            holds,
            Reason::AlgNotAllowed,
            expected,
            || algorithm.name().to_owned(),
        )
    }

    fn check_type(&self, token: &Unverified<'_>, trace: &mut impl Trace) -> Result<(), Reason> {
        token
            .header()
            .check_type(&self.token_type)
            .inspect_err(|reason| {
                trace.refused(
                    Step::Header,
                    || "a `typ` that the authorizer takes".to_owned(),
                    || reason.code().to_owned(),
                );
            })
    }

    fn check_required(
        &self,
        claims: &Claims,
        profile: &[&str],
        trace: &mut impl Trace,
    ) -> Result<(), Reason> {
        let configured = self.required_claims.iter().map(String::as_str);
        let missing = profile
            .iter()
            .copied()
            .chain(configured)
            .find(|name| claims.locate(name).is_none());
        let Some(missing) = missing else {
            return Ok(());
        };
        trace.refused(
            Step::Required,
            || format!("`{missing}`"),
            || format!("no `{missing}`"),
        );
        Err(Reason::ClaimMissing)
    }

    fn check_audience(&self, claims: &Claims, trace: &mut impl Trace) -> Result<(), Reason> {
        let got = || match claims.audience().collect::<Vec<_>>() {
            none if none.is_empty() => "no `aud`".to_owned(),
            some => format!("`{}`", some.join("`, `")),
        };
        let Some(expected) = &self.audience else {
            trace.passed(Step::Audience, || format!("any allowed; {}", got()));
            return Ok(());
        };
        let is_expected = |audience: &str| expected.iter().any(|e| e == audience);
        let holds = if self.client_id_as_audience && claims.find("aud").is_none() {
            claims.client_id().is_some_and(is_expected)
        } else {
            claims.audience().any(is_expected)
        };
        let expected = || format!("`{}`", expected.join("` or `"));
        trace.check(Step::Audience, holds, Reason::AudMismatch, expected, got)
    }

    /// OpenID Connect Core section 2 and 3.1.3.6: what only an ID token carries. A `typ` that was
    /// asked for has already told the two apart, and `any` gives the difference up.
    fn check_kind(&self, claims: &Claims, trace: &mut impl Trace) -> Result<(), Reason> {
        let sign = ["nonce", "at_hash", "c_hash"]
            .into_iter()
            .find(|name| claims.find(name).is_some())
            .or_else(|| {
                claims
                    .find("token_use")
                    .filter(|value| value.as_str() == Some("id"))
                    .map(|_| "token_use")
            });
        let holds = sign.is_none() || self.token_type != TokenType::Lenient;
        let got = || match sign {
            Some(name) => format!("an ID token: it has `{name}`"),
            None => "an access token".to_owned(),
        };
        trace.check(
            Step::Kind,
            holds,
            Reason::IdToken,
            || "an access token".to_owned(),
            got,
        )
    }
}

fn check_signature<'k>(
    token: &Unverified<'_>,
    keys: &'k KeySet,
    trace: &mut impl Trace,
) -> Result<&'k VerifyingKey, Reason> {
    let header = token.header();
    let key = keys
        .find(header.kid(), header.algorithm())
        .inspect_err(|reason| {
            trace.refused(
                Step::Key,
                || match keys
                    .keys()
                    .iter()
                    .filter_map(|key| key.kid())
                    .collect::<Vec<_>>()
                {
                    none if none.is_empty() => "a key of the issuer, but none is known".to_owned(),
                    some => format!("one of the issuer's keys: {}", some.join(", ")),
                },
                || match header.kid() {
                    Some(kid) => format!("{kid} for {} ({reason})", header.algorithm()),
                    None => format!("no kid, for {} ({reason})", header.algorithm()),
                },
            );
        })?;
    trace.passed(Step::Key, || {
        key.kid().unwrap_or("the issuer's only key").to_owned()
    });

    let result = key.verify(token.signing_input(), token.signature());
    trace.check(
        Step::Signature,
        result.is_ok(),
        Reason::BadSignature,
        || format!("a signature of {} by this key", key.algorithm()),
        || {
            if result.is_ok() {
                "matches"
            } else {
                "does not match"
            }
            .to_owned()
        },
    )?;
    Ok(key)
}

fn differ_by_a_slash(a: &str, b: &str) -> bool {
    a.strip_suffix('/') == Some(b) || b.strip_suffix('/') == Some(a)
}

use std::time::Duration;

use crate::{ClaimValue, Reason, Step, Trace, UnixTime, Verified};

/// How strong and how recent the login behind a token must be (RFC 9470 section 3).
///
/// The default asks for nothing.
///
/// ```
/// use std::time::Duration;
/// use portcullis_token::StepUp;
///
/// let recent = StepUp {
///     acr_values: vec!["mfa".to_owned()],
///     max_age: Some(Duration::from_secs(300)),
/// };
/// assert_ne!(recent, StepUp::default());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepUp {
    /// The `acr` values of which the token needs one; empty when the strength does not matter.
    pub acr_values: Vec<String>,
    /// How long ago `auth_time` may be; absent when the time of the login does not matter.
    pub max_age: Option<Duration>,
}

impl StepUp {
    /// Checks that the login behind `token` is strong and recent enough.
    ///
    /// A claim that is needed and absent, or of another type, is not enough. The clock may differ
    /// by the leeway of the rules that verified the token.
    ///
    /// # Errors
    /// [`Reason::StepUp`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use portcullis_token::{Introspected, Reason, Rules, Sender, StepUp, UnixTime};
    ///
    /// let answer = Introspected::parse(br#"{"active":true,"exp":9999,"auth_time":100}"#)?;
    /// let (rules, sender) = (Rules::new(None, None), Sender::default());
    /// let token = rules.verify_introspected(&answer, "opaque", &sender, UnixTime(100), &mut ())?;
    /// let recent = StepUp { max_age: Some(Duration::from_secs(300)), ..StepUp::default() };
    /// // Five seconds later than 400: the leeway of the rules.
    /// assert_eq!(recent.check(&token, UnixTime(405), &mut ()), Ok(()));
    /// assert_eq!(recent.check(&token, UnixTime(406), &mut ()), Err(Reason::StepUp));
    /// # Ok::<(), Reason>(())
    /// ```
    pub fn check(
        &self,
        token: &Verified,
        now: UnixTime,
        trace: &mut impl Trace,
    ) -> Result<(), Reason> {
        let acr = token.claims().find("acr").and_then(ClaimValue::as_str);
        let strong = self.acr_values.is_empty()
            || acr.is_some_and(|acr| self.acr_values.iter().any(|wanted| wanted == acr));
        let login = token.claims().authenticated_at();
        let recent = self.max_age.is_none_or(|age| {
            login.is_some_and(|login| now <= login.plus(age).plus(token.leeway()))
        });
        let got = || {
            let login = login.map_or_else(|| "none".to_owned(), |login| login.to_string());
            format!("`acr` {}, `auth_time` {login}", acr.unwrap_or("none"))
        };
        trace.check(
            Step::StepUp,
            strong && recent,
            Reason::StepUp,
            || self.describe(),
            got,
        )
    }

    fn describe(&self) -> String {
        let mut parts = Vec::new();
        if !self.acr_values.is_empty() {
            parts.push(format!("`acr` {}", self.acr_values.join(" or ")));
        }
        if let Some(age) = self.max_age {
            parts.push(format!("`auth_time` at most {} s ago", age.as_secs()));
        }
        parts.join(", ")
    }
}

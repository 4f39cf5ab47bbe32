use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};

use crate::arithmetic::Kind;
use crate::limits::PolicyLimit;

/// Who is charged: 256 bits that stand for an issuer and what tells its callers apart.
///
/// A subject is unique within its issuer only, so there is no key without an issuer.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallerKey([u8; 32]);

/// One limit of one caller.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CounterKey([u8; 32]);

impl CallerKey {
    /// The key of whom `issuer` calls by these values, in this order.
    pub fn new<'v>(issuer: &str, identity: impl IntoIterator<Item = &'v str>) -> Self {
        let mut context = Context::new(&SHA256);
        add_text(&mut context, issuer);
        for value in identity {
            add_text(&mut context, value);
        }
        Self(finish(context))
    }

    pub(crate) const fn first_byte(&self) -> u8 {
        self.0[0]
    }

    /// The key of this caller's counter; a limit of other numbers has another.
    pub(crate) fn counter(&self, limit: &PolicyLimit<'_>) -> CounterKey {
        let kind = match limit.allowance.kind() {
            Kind::Rate => 0,
            Kind::Quota => 1,
        };
        let mut context = Context::new(&SHA256);
        context.update(&self.0);
        context.update(&[kind]);
        context.update(&limit.allowance.count().to_le_bytes());
        context.update(&limit.allowance.period().as_nanos().to_le_bytes());
        context.update(limit.policy.as_bytes());
        CounterKey(finish(context))
    }
}

/// Adds the length before the text, so that no two lists of texts are read alike.
fn add_text(context: &mut Context, text: &str) {
    context.update(&(text.len() as u128).to_le_bytes());
    context.update(text.as_bytes());
}

fn finish(context: Context) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}

impl fmt::Debug for CallerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallerKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use super::*;
    use crate::Allowance;

    #[test]
    fn no_two_callers_share_a_key() {
        let lists: [(&str, &[&str]); 7] = [
            ("a", &["b"]),
            ("b", &["a"]),
            ("ab", &[]),
            ("a", &["b", ""]),
            ("a", &["", "b"]),
            ("a", &["bc"]),
            ("a", &["b", "c"]),
        ];
        let keys: HashSet<_> = lists
            .iter()
            .map(|(issuer, identity)| CallerKey::new(issuer, identity.iter().copied()))
            .collect();
        assert_eq!(keys.len(), lists.len());
    }

    #[test]
    fn no_two_limits_of_a_caller_share_a_counter() {
        let caller = CallerKey::new("a", ["b"]);
        let second = Duration::from_secs(1);
        let limits = [
            ("p", Allowance::rate(1, second)),
            ("q", Allowance::rate(1, second)),
            ("p", Allowance::quota(1, second)),
            ("p", Allowance::rate(2, second)),
            ("p", Allowance::rate(1, 2 * second)),
        ];
        let keys: HashSet<_> = limits
            .iter()
            .map(|(policy, allowance)| {
                let limit = PolicyLimit::new(policy, allowance.unwrap());
                caller.counter(&limit)
            })
            .collect();
        assert_eq!(keys.len(), limits.len());
    }
}

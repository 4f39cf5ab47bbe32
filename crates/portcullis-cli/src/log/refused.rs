use std::fmt;

use tracing::field::{Field, Visit};

use crate::terminal::{DIM, NOTE, harmless, styled};

/// A refused token, and what is probably wrong with it.
#[derive(Debug, Default)]
pub(super) struct Refused {
    reason: String,
    hint: String,
    token_id: String,
    /// How many such lines were left out before this one.
    suppressed: u64,
}

impl Visit for Refused {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "suppressed" {
            self.suppressed = value;
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "reason" {
            self.reason = harmless(value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = || harmless(&format!("{value:?}"));
        match field.name() {
            "hint" => self.hint = text(),
            "token_id" => self.token_id = text(),
            _ => {}
        }
    }
}

/// `token 0123456789ab: expired: …`, one line.
impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            reason,
            hint,
            token_id,
            suppressed,
        } = self;
        write!(f, "{} {}", styled(DIM, "token"), styled(DIM, token_id))?;
        write!(f, " {}  {hint}", styled(NOTE, reason))?;
        if *suppressed > 0 {
            let left_out = format_args!("and {suppressed} more before");
            write!(f, "  {}", styled(DIM, left_out))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_one_line_for_a_person() {
        let mut refused = Refused {
            reason: "expired".to_owned(),
            hint: "get another token".to_owned(),
            token_id: "0123456789ab".to_owned(),
            suppressed: 0,
        };
        let plain =
            |refused: &Refused| anstream::adapter::strip_str(&refused.to_string()).to_string();
        assert_eq!(
            plain(&refused),
            "token 0123456789ab expired  get another token"
        );
        refused.suppressed = 99;
        assert!(plain(&refused).ends_with("another token  and 99 more before"));
    }
}

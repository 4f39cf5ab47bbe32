use std::error::Error;
use std::fmt;

/// Prints an error and its causes on one line: `what: why: why that`.
///
/// Our errors leave their source out of their own text, so that nothing is printed twice.
///
/// ```
/// use portcullis::{Chain, ReplayError};
///
/// let error = ReplayError::Unavailable("connection refused".into());
/// let text = "the store of used proofs does not answer: connection refused";
/// assert_eq!(Chain(&error).to_string(), text);
/// ```
#[derive(Debug)]
pub struct Chain<'e>(pub &'e dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

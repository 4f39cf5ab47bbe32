use std::fmt;

/// A value that must not be printed: `Debug` shows `[redacted]`, and there is no `Display`.
///
/// ```
/// use portcullis_token::Secret;
///
/// let secret = Secret::new("hunter2");
/// assert_eq!(format!("{secret:?}"), "[redacted]");
/// assert_eq!(*secret.expose(), "hunter2");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps `value`.
    ///
    /// ```
    /// use portcullis_token::Secret;
    ///
    /// let key = Secret::new([7; 32]);
    /// assert_eq!(format!("{key:?}"), "[redacted]");
    /// ```
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the one place that needs it.
    ///
    /// ```
    /// use portcullis_token::Secret;
    ///
    /// let key = Secret::new(vec![7; 32]);
    /// assert_eq!(key.expose().len(), 32);
    /// ```
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        assert_eq!(
            format!("{:?}", Some(Secret::new("hunter2"))),
            "Some([redacted])"
        );
    }
}
